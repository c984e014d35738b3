//! Which of several users gets a contact: the rules, without a database.
//!
//! Those of telephony's queues, and of the messaging inboxes. Ties go to whoever has had no new
//! contact for the longest, then to the lower id, so that a choice never hangs on the order of rows.

use super::request::{AssignRequest, Strategy};
use crate::teams::MOST_PENALTY;
use crate::users::{Presence, UserView};

/// A user that may get the contact, with what is known of the turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) id: String,
    pub(crate) position: i64,
    pub(crate) penalty: u32,
    /// Open contacts now.
    pub(crate) open: i64,
    /// Contacts that were closed.
    pub(crate) completed: i64,
    /// When the last contact came, from anywhere.
    pub(crate) last: i64,
    /// The same by this step or team.
    pub(crate) turn: i64,
}

/// Whether a user may get a contact by this request.
pub(crate) fn qualifies(user: &UserView, open: i64, request: &AssignRequest) -> bool {
    let below = |most: Option<u32>| most.is_none_or(|most| open < i64::from(most));
    (!request.only_online || user.presence == Presence::Online)
        && (!request.not_on_call || !user.on_call)
        && below(request.fewer_than)
        && below(user.max_open)
}

/// The one who gets it; none where nobody is to be chosen. `random` gives a number below its
/// argument.
pub(crate) fn choose(
    by: Strategy,
    candidates: &[Candidate],
    mut random: impl FnMut(u64) -> u64,
) -> Option<&Candidate> {
    let least = |key: fn(&Candidate) -> i64| {
        let rank = |one: &Candidate| (key(one), one.last, one.id.clone());
        candidates.iter().min_by_key(|one| rank(one))
    };
    match by {
        Strategy::RoundRobin => {
            let rank = |one: &Candidate| (one.turn, one.position, one.id.clone());
            candidates.iter().min_by_key(|one| rank(one))
        }
        Strategy::LeastOpen => least(|one| one.open),
        Strategy::LeastRecent => least(|one| one.last),
        Strategy::FewestCompleted => least(|one| one.completed),
        Strategy::Linear => least(|one| one.position),
        Strategy::Random => weighted(candidates, |_| 1, &mut random),
        Strategy::WeightedRandom => {
            let weight =
                |one: &Candidate| u64::from(MOST_PENALTY - one.penalty.min(MOST_PENALTY)) + 1;
            weighted(candidates, weight, &mut random)
        }
        Strategy::RingAll => None,
    }
}

fn weighted<'a>(
    candidates: &'a [Candidate],
    weight: impl Fn(&Candidate) -> u64,
    random: &mut impl FnMut(u64) -> u64,
) -> Option<&'a Candidate> {
    let sum: u64 = candidates.iter().map(&weight).sum();
    if sum == 0 {
        return None;
    }
    let mut drawn = random(sum);
    candidates.iter().find(|one| {
        let weight = weight(one);
        let is = drawn < weight;
        drawn = drawn.saturating_sub(weight);
        is
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignment::request::Strategy;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn candidate(id: usize) -> Candidate {
        Candidate {
            id: format!("usr_{id:03}"),
            position: 0,
            penalty: 0,
            open: 0,
            completed: 0,
            last: 0,
            turn: 0,
        }
    }

    /// Gives so many contacts away, as the ledger would write the turns down.
    fn give(
        by: Strategy,
        users: &mut [Candidate],
        contacts: usize,
        skip: impl Fn(usize, &str) -> bool,
    ) -> HashMap<String, usize> {
        let mut had = HashMap::new();
        for contact in 0..contacts {
            let free: Vec<Candidate> = users
                .iter()
                .filter(|one| !skip(contact, &one.id))
                .cloned()
                .collect();
            let Some(chosen) = choose(by, &free, |_| 0) else {
                continue;
            };
            *had.entry(chosen.id.clone()).or_default() += 1;
            let user = users.iter_mut().find(|one| one.id == chosen.id);
            if let Some(user) = user {
                user.turn = contact as i64 + 1;
                user.last = contact as i64 + 1;
                user.open += 1;
            }
        }
        had
    }

    proptest! {
        #[test]
        fn turns_are_equal(count in 1usize..20, contacts in 0usize..200) {
            for by in [Strategy::RoundRobin, Strategy::LeastOpen, Strategy::LeastRecent] {
                let mut users: Vec<Candidate> = (0..count).map(candidate).collect();
                let had = give(by, &mut users, contacts, |_, _| false);
                let counts: Vec<usize> = users.iter().map(|one| had.get(&one.id).copied().unwrap_or(0)).collect();
                let (most, least) = (counts.iter().max().copied().unwrap_or(0), counts.iter().min().copied().unwrap_or(0));
                prop_assert!(most - least <= 1, "{by:?}: {counts:?}");
            }
        }

        #[test]
        fn whoever_is_chosen_is_a_candidate(seed in any::<u64>(), penalties in prop::collection::vec(0u32..=100, 1..10)) {
            let users: Vec<Candidate> = penalties.iter().enumerate().map(|(id, penalty)| Candidate { penalty: *penalty, ..candidate(id) }).collect();
            for by in [Strategy::Random, Strategy::WeightedRandom] {
                prop_assert!(choose(by, &users, |below| seed % below).is_some());
            }
            prop_assert!(choose(Strategy::RingAll, &users, |_| 0).is_none());
        }
    }

    #[test]
    fn a_user_that_is_skipped_keeps_the_place() {
        let mut users: Vec<Candidate> = (0..3).map(candidate).collect();
        // The second is away for the first four contacts, and is next as soon as she is back.
        let away = |contact: usize, id: &str| contact < 4 && id == "usr_001";
        let had = give(Strategy::RoundRobin, &mut users, 5, away);
        assert_eq!(had["usr_001"], 1);
        assert_eq!((had["usr_000"], had["usr_002"]), (2, 2));
    }

    #[test]
    fn each_strategy_reads_its_own_number() {
        let one = Candidate {
            position: 2,
            open: 1,
            completed: 9,
            last: 5,
            turn: 1,
            ..candidate(1)
        };
        let other = Candidate {
            position: 1,
            open: 3,
            completed: 2,
            last: 7,
            turn: 2,
            ..candidate(2)
        };
        let both = [one, other];
        let chosen = |by| choose(by, &both, |_| 0).map(|user| user.id.clone());
        for (by, wanted) in [
            (Strategy::RoundRobin, "usr_001"),
            (Strategy::LeastOpen, "usr_001"),
            (Strategy::LeastRecent, "usr_001"),
            (Strategy::FewestCompleted, "usr_002"),
            (Strategy::Linear, "usr_002"),
        ] {
            assert_eq!(chosen(by).as_deref(), Some(wanted), "{by:?}");
        }
    }

    #[test]
    fn a_penalty_makes_a_user_rarer() {
        let users = [
            candidate(0),
            Candidate {
                penalty: 100,
                ..candidate(1)
            },
        ];
        let heavy = (0..102).filter(|drawn| {
            choose(Strategy::WeightedRandom, &users, |_| *drawn)
                .is_some_and(|one| one.id == "usr_001")
        });
        assert_eq!(heavy.count(), 1);
    }

    #[test]
    fn bounds_and_presence_decide_who_qualifies() {
        let user = UserView {
            id: "usr_1".to_owned(),
            email: "a@b.example".to_owned(),
            name: "Ann".to_owned(),
            role: crate::users::Role::Agent,
            presence: Presence::Away,
            until: None,
            on_call: true,
            max_open: Some(2),
            created_at: 0,
        };
        let any = AssignRequest::default();
        assert!(qualifies(&user, 1, &any));
        assert!(!qualifies(&user, 2, &any));
        let fewer = AssignRequest {
            fewer_than: Some(1),
            ..AssignRequest::default()
        };
        assert!(qualifies(&user, 0, &fewer) && !qualifies(&user, 1, &fewer));
        let online = AssignRequest {
            only_online: true,
            ..AssignRequest::default()
        };
        assert!(!qualifies(&user, 0, &online));
        let calls = AssignRequest {
            not_on_call: true,
            ..AssignRequest::default()
        };
        assert!(!qualifies(&user, 0, &calls));
    }
}
