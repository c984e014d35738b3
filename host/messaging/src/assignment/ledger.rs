//! The ledger: which users have how many open contacts, who waits for one, and whose turn it is.
//!
//! Why: a choice among users looks at all contacts of a workspace, and these lie in many buckets. So
//! all of a workspace's choices are made in one bucket, under its lock, on a copy of what the
//! contacts' rows say. Each change of a row is told to the ledger (`settle`), and a choice is offered
//! to the contact, which takes it only if it still stands where it was chosen for.
//!
//! What must hold: what is told twice, late, or in the wrong order does no harm (the contact's
//! revision says which is newer); a crash between any two commits is made good at the next start:
//! contacts that are marked are told again, offers without an answer are offered again; nobody is
//! waited for with a lock in hand.

use super::choose::{Candidate, choose, qualifies};
use super::place::{self, CHOICE, Place, Standing};
use super::request::{Person, Strategy};
use super::stats;
use crate::contacts::document::Document;
use crate::contacts::resolve;
use crate::context::{Context, Home};
use crate::error::{Error, Result};
use crate::tasks::Task;
use crate::teams::TeamView;
use crate::users::UserView;
use jackfield_store::records::{Assignment, Contact, Seen, Turn};
use jackfield_store::{Commit, Is, Query, StoreExt, bucket_in};
use rand::Rng as _;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// Marks contacts of which the ledger does not know yet.
const UNTOLD: &str = "assignment";
/// How many waiting contacts are looked at for one that somebody can take.
const LOOK: i64 = 500;
/// After so many milliseconds an offer without an answer is made again.
const UNANSWERED: i64 = 30_000;

/// What a contact answers to an offer, and what the ledger is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) standing: Standing,
    pub(crate) revision: i64,
    /// The offer was taken.
    #[serde(default)]
    pub(crate) taken: bool,
}

impl Told {
    fn of(row: Option<Contact>) -> Told {
        match row {
            Some(row) => {
                let revision = row.revision;
                let standing = place::standing(&Document { row });
                Told {
                    standing,
                    revision,
                    taken: false,
                }
            }
            // Deleted: nothing is newer than that.
            None => Told {
                standing: Standing::Free,
                revision: i64::MAX,
                taken: false,
            },
        }
    }
}

/// Notes in a commit that the ledger is to be told of the contact.
pub(crate) fn mark(commit: &mut Commit, contact: &Contact, now: i64) {
    commit.put(&Seen {
        bucket: contact.bucket,
        workspace: contact.workspace.clone(),
        scope: UNTOLD.to_owned(),
        key: contact.id.clone(),
        at: now,
    });
}

/// Takes the note back.
pub(crate) fn unmark(commit: &mut Commit, workspace: &str, contact: &str) {
    commit.delete::<Seen>([workspace.into(), UNTOLD.into(), contact.into()]);
}

/// Contacts that are marked, with their workspaces: what a crash left over.
pub(crate) async fn marked(context: &Context, buckets: &[i32]) -> Result<Vec<(String, String)>> {
    let query = Query::<Seen>::all().equal("scope", UNTOLD);
    let query = query.filter("bucket", Is::In, buckets.to_vec());
    let rows = context.store().find(query).await?;
    let who = rows.into_iter().map(|row| (row.workspace, row.key));
    Ok(who.collect())
}

/// Tells the ledger of a contact that is marked, until it knows the newest.
pub(crate) async fn settle(context: &Context, workspace: &str, contact: &str) -> Result<()> {
    let Some(bucket) = bucket_in("ctc", contact) else {
        return Ok(());
    };
    loop {
        let told = Told::of(context.contact(workspace, contact).await?);
        tell(context, workspace, contact, told.clone()).await?;
        // Where the bucket has gone to another host meanwhile, that one finds the mark.
        let Ok(guard) = context.lock(bucket).await else {
            return Ok(());
        };
        let now = Told::of(context.contact(workspace, contact).await?);
        if now.standing == told.standing {
            let mut commit = Commit::of(bucket);
            unmark(&mut commit, workspace, contact);
            context.host.commit(&guard, commit).await?;
            return Ok(());
        }
    }
}

pub(super) fn home(context: &Context, workspace: &str) -> i32 {
    context.bucket_of(&[workspace, "assignments"])
}

/// Writes down how a contact stands, and gives waiting contacts to whoever is free by now.
pub(crate) async fn tell(
    context: &Context,
    workspace: &str,
    contact: &str,
    told: Told,
) -> Result<()> {
    let bucket = home(context, workspace);
    let ask = || Task::Standing {
        workspace: workspace.to_owned(),
        contact: contact.to_owned(),
        told: told.clone(),
    };
    let guard = match context.lock_or_ask(bucket, ask).await? {
        Home::Here(guard) => guard,
        Home::There(_) => return Ok(()),
    };
    let mut commit = Commit::of(bucket);
    let news = write(context, &mut commit, workspace, contact, &told).await?;
    if !commit.is_empty() {
        context.host.commit(&guard, commit).await?;
    }
    drop(guard);
    match news {
        News::Nothing => Ok(()),
        // Those who waited before found nobody, and nobody is freer by one more that waits.
        News::Waits => give(context, workspace, Some(contact)).await,
        News::Freed => serve(context, workspace).await,
    }
}

/// What came of a telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    /// Nobody is freer than before.
    Nothing,
    /// The contact waits from now on.
    Waits,
    /// A user has one open contact less.
    Freed,
}

/// Puts a contact's standing into a commit of the ledger. Under its lock.
async fn write(
    context: &Context,
    commit: &mut Commit,
    workspace: &str,
    contact: &str,
    told: &Told,
) -> Result<News> {
    let bucket = home(context, workspace);
    let old = row(context, workspace, contact).await?;
    if old.as_ref().is_some_and(|old| old.revision > told.revision) {
        return Ok(News::Nothing);
    }
    let base = Assignment {
        bucket,
        workspace: workspace.to_owned(),
        contact: contact.to_owned(),
        state: "assigned".to_owned(),
        assignee: None,
        place: None,
        queue: None,
        rank: 0,
        revision: told.revision,
        data: serde_json::Value::Null,
        at: 0,
    };
    let new = match &told.standing {
        Standing::Free => None,
        Standing::Assigned { user, at } => Some(Assignment {
            assignee: Some(user.clone()),
            at: *at,
            ..base
        }),
        Standing::Queued(place) => {
            let offered = old
                .as_ref()
                .filter(|old| old.state == "offered" && old.place.as_ref() == Some(&place.id));
            Some(match offered {
                // It is being offered at this moment: the answer will say.
                Some(old) => Assignment {
                    revision: told.revision,
                    ..old.clone()
                },
                None => queued(base, place),
            })
        }
    };
    let (before, after) = (
        old.as_ref().and_then(|old| old.assignee.clone()),
        new.as_ref().and_then(|new| new.assignee.clone()),
    );
    let freed = before.is_some() && before != after;
    if before != after {
        if let Some(user) = before {
            let mut turn = turn(context, workspace, "", &user).await?;
            turn.open_contacts = (turn.open_contacts - 1).max(0);
            let was = old.as_ref().is_some_and(|old| old.state == "assigned");
            turn.completed += i64::from(was && matches!(told.standing, Standing::Free));
            commit.put(&turn);
        }
        if let Some(user) = after {
            let mut turn = turn(context, workspace, "", &user).await?;
            turn.open_contacts += 1;
            turn.last_at = context.next_order();
            commit.put(&turn);
        }
    }
    if let Some(old) = &old {
        stats::count(context, commit, old, &told.standing).await?;
    }
    let place = |row: &Option<Assignment>| row.as_ref().and_then(|row| row.place.clone());
    let news = if freed {
        News::Freed
    } else if place(&new).is_some() && place(&new) != place(&old) {
        News::Waits
    } else {
        News::Nothing
    };
    match new {
        Some(new) => {
            commit.put(&new);
        }
        None if old.is_some() => {
            commit.delete::<Assignment>([workspace.into(), contact.into()]);
        }
        None => {}
    }
    Ok(news)
}

fn queued(base: Assignment, place: &Place) -> Assignment {
    Assignment {
        state: "queued".to_owned(),
        place: Some(place.id.clone()),
        queue: Some(place.request.team.clone().unwrap_or_default()),
        rank: place.request.rank(place.since),
        data: serde_json::to_value(place).unwrap_or_default(),
        at: place.since,
        ..base
    }
}

/// Gives waiting contacts to whoever is free, until nobody is or nobody waits.
pub(crate) async fn serve(context: &Context, workspace: &str) -> Result<()> {
    let bucket = home(context, workspace);
    if context.host.owns(bucket) {
        let late = context.now().saturating_sub(UNANSWERED);
        let unanswered = Query::<Assignment>::of(bucket)
            .equal("state", "offered")
            .equal("workspace", workspace)
            .filter("at", Is::Less, late);
        for row in context.store().find(unanswered).await? {
            offer_again(context, &row).await?;
        }
    }
    give(context, workspace, None).await
}

/// Makes an offer again of which the answer is not known: the contact's owner may have been away.
async fn offer_again(context: &Context, row: &Assignment) -> Result<()> {
    let Ok(place) = Place::deserialize(&row.data) else {
        return Ok(());
    };
    let users = context.users(&row.workspace).await?;
    let user = users
        .iter()
        .find(|user| Some(&user.id) == row.assignee.as_ref());
    if let Some(user) = user {
        let person = Person::from(&UserView::read(user, context.now()));
        offer(context, row, place, person).await?;
    }
    Ok(())
}

/// Gives one waiting contact, or all that somebody can have.
async fn give(context: &Context, workspace: &str, only: Option<&str>) -> Result<()> {
    let bucket = home(context, workspace);
    loop {
        let ask = || Task::Serve {
            workspace: workspace.to_owned(),
        };
        let guard = match context.lock_or_ask(bucket, ask).await? {
            Home::Here(guard) => guard,
            Home::There(_) => return Ok(()),
        };
        let Some((mut chosen, place, user)) = next(context, workspace, only).await? else {
            return Ok(());
        };
        let mut commit = Commit::of(bucket);
        offer_row(context, &mut commit, &mut chosen, &place, &user).await?;
        context.host.commit(&guard, commit).await?;
        drop(guard);
        offer(context, &chosen, place, user).await?;
    }
}

/// Writes down that a contact is offered to a user, who has it from now on as far as the ledger goes.
async fn offer_row(
    context: &Context,
    commit: &mut Commit,
    chosen: &mut Assignment,
    place: &Place,
    user: &Person,
) -> Result<()> {
    chosen.state = "offered".to_owned();
    chosen.at = context.now();
    chosen.assignee = Some(user.id.clone());
    commit.put(chosen);
    let order = context.next_order();
    let mut all = turn(context, &chosen.workspace, "", &user.id).await?;
    all.open_contacts += 1;
    all.last_at = order;
    commit.put(&all);
    let mut own = turn(context, &chosen.workspace, &place.scope, &user.id).await?;
    own.last_at = order;
    commit.put(&own);
    Ok(())
}

/// Offers a contact to the user that was chosen, and writes down what the contact says.
async fn offer(context: &Context, chosen: &Assignment, place: Place, user: Person) -> Result<bool> {
    let (workspace, contact) = (&chosen.workspace, &chosen.contact);
    let told = offered(context, workspace, contact, &place, &user).await?;
    let bucket = home(context, workspace);
    let guard = context.lock(bucket).await?;
    let mut commit = Commit::of(bucket);
    write(context, &mut commit, workspace, contact, &told).await?;
    if !commit.is_empty() {
        context.host.commit(&guard, commit).await?;
    }
    Ok(told.taken)
}

/// Gives a contact to a user if it still stands at this place; answers with how it stands then. Where
/// the contact is at home.
pub(crate) async fn offered(
    context: &Context,
    workspace: &str,
    contact: &str,
    place: &Place,
    user: &Person,
) -> Result<Told> {
    let Some(bucket) = bucket_in("ctc", contact) else {
        return Ok(Told::of(None));
    };
    let ask = || Task::Offer {
        workspace: workspace.to_owned(),
        contact: contact.to_owned(),
        place: Box::new(place.clone()),
        user: user.clone(),
    };
    if !context.host.owns(bucket) {
        let answer = context.ask(bucket, &ask()).await?;
        return Told::deserialize(answer).map_err(|error| Error::unavailable(error.to_string()));
    }
    let Some(mut locked) = resolve::lock(context, workspace, contact).await? else {
        return Ok(Told::of(None));
    };
    let still = place::place(&locked.document).is_some_and(|known| known.id == place.id);
    if still {
        let now = context.now();
        let team = place.request.team.clone();
        let events = place::assign(&mut locked.document, user, team, CHOICE, now);
        super::keep(context, &mut locked, events, Telling::Done).await?;
    }
    let told = Told::of(Some(locked.document.row));
    Ok(Told {
        taken: still,
        ..told
    })
}

/// Whether the ledger has still to be told of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    /// It is, by `settle`.
    Later,
    /// It asked for this, and hears the answer.
    Done,
}

/// A waiting contact, where it waits, and who gets it.
type Match = (Assignment, Place, Person);

/// The first waiting contact that somebody can have: of all, or this one. Under the ledger's lock.
async fn next(context: &Context, workspace: &str, only: Option<&str>) -> Result<Option<Match>> {
    let now = context.now();
    let users = context.users(workspace).await?;
    let users: Vec<UserView> = users.iter().map(|row| UserView::read(row, now)).collect();
    let overall = turns(context, workspace, "").await?;
    // Of many that wait for the same and find nobody, the first says it for all.
    let mut in_vain = Vec::new();
    let mut seen = HashSet::new();
    let mut from = i64::MIN;
    loop {
        let mut query = Query::<Assignment>::of(home(context, workspace))
            .equal("state", "queued")
            .equal("workspace", workspace)
            .filter("rank", Is::AtLeast, from)
            .ascending("rank")
            .limit(LOOK);
        if let Some(contact) = only {
            query = query.equal("contact", contact);
        }
        let mut rows = context.store().find(query).await?;
        rows.retain(|row| seen.insert(row.contact.clone()));
        let Some(last) = rows.last() else {
            return Ok(None);
        };
        from = last.rank;
        for row in rows {
            let Ok(place) = Place::deserialize(&row.data) else {
                continue;
            };
            let wanted = (place.request.clone(), place.scope.clone());
            if in_vain.contains(&wanted) {
                continue;
            }
            let candidates = candidates(context, workspace, &place, &users, &overall).await?;
            let by = place.request.by.unwrap_or_default();
            let chosen = choose(by, &candidates, |below| rand::rng().random_range(0..below));
            match chosen.and_then(|one| users.iter().find(|user| user.id == one.id)) {
                Some(user) => return Ok(Some((row, place, Person::from(user)))),
                None => in_vain.push(wanted),
            }
        }
    }
}

/// The users who qualify for a place, with their turns.
async fn candidates(
    context: &Context,
    workspace: &str,
    place: &Place,
    users: &[UserView],
    overall: &HashMap<String, Turn>,
) -> Result<Vec<Candidate>> {
    if place.request.by == Some(Strategy::RingAll) {
        return Ok(Vec::new());
    }
    let team = match &place.request.team {
        None => None,
        Some(name) => {
            let teams = context.teams(workspace).await?;
            // A team that was deleted has nobody.
            let found = teams.iter().find(|team| team.name == *name);
            let Some(team) = found else {
                return Ok(Vec::new());
            };
            Some(TeamView::read(team))
        }
    };
    let own = turns(context, workspace, &place.scope).await?;
    let mut all = Vec::new();
    for user in users {
        let member = team
            .as_ref()
            .map(|team| team.members.iter().find(|member| member.user == user.id));
        let (position, penalty) = match member {
            None => (0, 0),
            Some(Some(member)) => (member.position, member.penalty),
            Some(None) => continue,
        };
        let had = overall.get(&user.id);
        let open = had.map_or(0, |turn| turn.open_contacts);
        if qualifies(user, open, &place.request) {
            all.push(Candidate {
                id: user.id.clone(),
                position,
                penalty,
                open,
                completed: had.map_or(0, |turn| turn.completed),
                last: had.map_or(0, |turn| turn.last_at),
                turn: own.get(&user.id).map_or(0, |turn| turn.last_at),
            });
        }
    }
    Ok(all)
}

async fn turns(context: &Context, workspace: &str, scope: &str) -> Result<HashMap<String, Turn>> {
    let query = Query::<Turn>::of(home(context, workspace))
        .equal("workspace", workspace)
        .equal("scope", scope);
    let rows = context.store().find(query).await?;
    let by_user = rows.into_iter().map(|row| (row.assignee.clone(), row));
    Ok(by_user.collect())
}

async fn turn(context: &Context, workspace: &str, scope: &str, user: &str) -> Result<Turn> {
    let bucket = home(context, workspace);
    let key = [
        ("workspace", workspace),
        ("scope", scope),
        ("assignee", user),
    ];
    let found: Option<Turn> = context.row(bucket, &key).await?;
    Ok(found.unwrap_or_else(|| Turn {
        bucket,
        workspace: workspace.to_owned(),
        scope: scope.to_owned(),
        assignee: user.to_owned(),
        open_contacts: 0,
        completed: 0,
        last_at: 0,
    }))
}

async fn row(context: &Context, workspace: &str, contact: &str) -> Result<Option<Assignment>> {
    let key = [("workspace", workspace), ("contact", contact)];
    context.row(home(context, workspace), &key).await
}

/// How many open contacts a user has.
pub(crate) async fn open_contacts(context: &Context, workspace: &str, user: &str) -> Result<i64> {
    Ok(turn(context, workspace, "", user).await?.open_contacts)
}

/// A user takes a waiting contact, whoever was to be chosen. Answers whether it was still there.
pub(crate) async fn take(
    context: &Context,
    workspace: &str,
    id: &str,
    user: &Person,
) -> Result<bool> {
    let bucket = home(context, workspace);
    let ask = || Task::TakePlace {
        workspace: workspace.to_owned(),
        place: id.to_owned(),
        user: user.clone(),
    };
    let guard = match context.lock_or_ask(bucket, ask).await? {
        Home::Here(guard) => guard,
        Home::There(answer) => return Ok(answer.as_bool().unwrap_or(false)),
    };
    let query = Query::<Assignment>::of(bucket)
        .equal("state", "queued")
        .equal("workspace", workspace)
        .equal("place", id);
    let Some(mut chosen) = context.store().first(query).await? else {
        return Ok(false);
    };
    let Ok(place) = Place::deserialize(&chosen.data) else {
        return Ok(false);
    };
    let mut commit = Commit::of(bucket);
    offer_row(context, &mut commit, &mut chosen, &place, user).await?;
    context.host.commit(&guard, commit).await?;
    drop(guard);
    offer(context, &chosen, place, user.clone()).await
}

/// The contacts that wait, in the order in which they are served.
pub(crate) async fn waiting(
    context: &Context,
    workspace: &str,
    after: Option<i64>,
    limit: i64,
) -> Result<Vec<Assignment>> {
    let mut query = Query::<Assignment>::of(home(context, workspace))
        .equal("workspace", workspace)
        .filter("place", Is::NotEqual, serde_json::Value::Null)
        .ascending("rank")
        .limit(limit);
    if let Some(after) = after {
        query = query.filter("rank", Is::Greater, after);
    }
    Ok(context.store().find(query).await?)
}

/// Takes up what a crash left over in buckets that are this host's now: offers without an answer,
/// and contacts that wait.
pub(crate) async fn recover(context: &Context, buckets: &[i32]) -> Result<()> {
    let mut workspaces = Vec::new();
    for state in ["offered", "queued"] {
        let query = Query::<Assignment>::all()
            .filter("bucket", Is::In, buckets.to_vec())
            .equal("state", state);
        for row in context.store().find(query).await? {
            if !workspaces.contains(&row.workspace) {
                workspaces.push(row.workspace.clone());
            }
            if row.state == "offered" {
                offer_again(context, &row).await?;
            }
        }
    }
    for workspace in workspaces {
        serve(context, &workspace).await?;
    }
    Ok(())
}

/// Whether as many wait for a team, or for the workspace, as may; the contact itself does not count.
/// It is looked up when a contact comes: those that come in the same moment may all find the last place.
pub(crate) async fn is_full(
    context: &Context,
    workspace: &str,
    team: Option<&str>,
    most: u32,
    contact: &str,
) -> Result<bool> {
    let query = Query::<Assignment>::of(home(context, workspace))
        .equal("workspace", workspace)
        .equal("queue", team.unwrap_or_default())
        .filter("place", Is::NotEqual, serde_json::Value::Null)
        .filter("contact", Is::NotEqual, contact);
    Ok(context.store().total(query).await? >= i64::from(most))
}

/// Who waits at a place.
pub(crate) async fn waiting_at(
    context: &Context,
    workspace: &str,
    place: &str,
) -> Result<Option<Assignment>> {
    let query = Query::<Assignment>::of(home(context, workspace))
        .equal("workspace", workspace)
        .equal("place", place);
    Ok(context.store().first(query).await?)
}
