//! The queue of one channel, as data: one lane for each address, conversations before broadcasts.
//!
//! What must hold: of one lane at most one message is under way, and the next only after it is
//! done, so an address gets messages in the order accepted, even when the first is tried again.
//! A lane that waits (a retry, marketing hours) keeps no other lane waiting. The number of
//! messages in memory is bounded; the rest is read from the database when there is room again.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

/// A message that is to go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// The message.
    pub(crate) id: String,
    /// The other side.
    pub(crate) address: String,
    /// 0 for conversations, 1 for broadcasts.
    pub(crate) priority: u8,
    /// Not before, milliseconds since 1970.
    pub(crate) due: Option<i64>,
}

const PRIORITIES: usize = 2;

/// Priority and address.
pub(crate) type Key = (u8, String);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ready,
    Running,
    Parked(i64),
}

#[derive(Debug)]
struct Lane {
    items: VecDeque<Item>,
    state: State,
}

/// The lanes of a channel.
#[derive(Debug)]
pub(crate) struct Lanes {
    lanes: HashMap<Key, Lane>,
    ready: [VecDeque<Key>; PRIORITIES],
    parked: BTreeSet<(i64, Key)>,
    known: HashSet<String>,
    count: [usize; PRIORITIES],
    most: usize,
    /// By priority: there are messages in the database that are not here.
    overflow: [bool; PRIORITIES],
    /// How often a message was left to the database: what is being read from it meanwhile may not
    /// have that message yet.
    left_out: u64,
}

impl Lanes {
    pub(crate) fn new(most: usize) -> Lanes {
        Lanes {
            lanes: HashMap::new(),
            ready: Default::default(),
            parked: BTreeSet::new(),
            known: HashSet::new(),
            count: [0; PRIORITIES],
            most: most.max(1),
            overflow: [false; PRIORITIES],
            left_out: 0,
        }
    }

    /// Adds a message, unless it is here already or there is no room: then it stays in the
    /// database for a while. Once that has happened, later ones stay there too, so that none
    /// overtakes.
    pub(crate) fn push(&mut self, item: Item) {
        if self.overflow[place(item.priority)] {
            self.left_out += 1;
        } else {
            self.add(item);
        }
    }

    /// How often a message was left to the database so far: to be asked before it is read.
    pub(crate) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Takes up what is in the database, in order; `whole` says that this is all of it, as of when
    /// `left_out` was so much. If a message was left out since, the database is read once more.
    pub(crate) fn refill(&mut self, items: Vec<Item>, whole: bool, left_out: u64) {
        let whole = whole && self.left_out == left_out;
        let mut overflow = [!whole; PRIORITIES];
        for item in items {
            let place = place(item.priority);
            if !self.known.contains(&item.id) && self.count[place] >= self.most {
                overflow[place] = true;
            } else {
                self.add(item);
            }
        }
        self.overflow = overflow;
    }

    fn add(&mut self, mut item: Item) {
        let place = place(item.priority);
        item.priority = place as u8;
        if self.known.contains(&item.id) {
            return;
        }
        if self.count[place] >= self.most {
            self.overflow[place] = true;
            self.left_out += 1;
            return;
        }
        self.known.insert(item.id.clone());
        self.count[place] += 1;
        let key = (item.priority, item.address.clone());
        match self.lanes.get_mut(&key) {
            Some(lane) => lane.items.push_back(item),
            None => {
                let lane = Lane {
                    items: VecDeque::from([item]),
                    state: State::Running,
                };
                self.lanes.insert(key.clone(), lane);
                self.settle(&key);
            }
        }
    }

    /// A lane whose head is free: ready, or parked until its head is due.
    fn settle(&mut self, key: &Key) {
        let Some(lane) = self.lanes.get_mut(key) else {
            return;
        };
        match lane.items.front().map(|item| item.due) {
            None => {
                self.lanes.remove(key);
            }
            Some(Some(due)) => {
                lane.state = State::Parked(due);
                self.parked.insert((due, key.clone()));
            }
            Some(None) => {
                lane.state = State::Ready;
                self.ready[place(key.0)].push_back(key.clone());
            }
        }
    }

    /// The next message to go out, and its lane, which is busy until `done` or `park`.
    pub(crate) fn take(&mut self, now: i64) -> Option<(Key, Item)> {
        self.wake(now);
        for ready in &mut self.ready {
            while let Some(key) = ready.pop_front() {
                if let Some(lane) = self.lanes.get_mut(&key)
                    && lane.state == State::Ready
                    && let Some(item) = lane.items.front()
                {
                    lane.state = State::Running;
                    return Some((key, item.clone()));
                }
            }
        }
        None
    }

    fn wake(&mut self, now: i64) {
        while let Some((due, _)) = self.parked.first()
            && *due <= now
        {
            if let Some((_, key)) = self.parked.pop_first() {
                self.ready(&key);
            }
        }
    }

    fn ready(&mut self, key: &Key) {
        if let Some(lane) = self.lanes.get_mut(key) {
            lane.state = State::Ready;
            self.ready[place(key.0)].push_back(key.clone());
        }
    }

    /// The message of a busy lane is done: the next one's turn.
    pub(crate) fn done(&mut self, key: &Key) {
        let Some(lane) = self.lanes.get_mut(key) else {
            return;
        };
        if let Some(item) = lane.items.pop_front() {
            self.known.remove(&item.id);
            self.count[place(key.0)] -= 1;
        }
        self.settle(key);
    }

    /// The message of a busy lane is tried again at an instant.
    pub(crate) fn park(&mut self, key: &Key, due: i64) {
        if let Some(lane) = self.lanes.get_mut(key) {
            lane.state = State::Parked(due);
            self.parked.insert((due, key.clone()));
        }
    }

    /// A message is due earlier than it was said (a person asked for it): its lane looks again.
    pub(crate) fn unpark(&mut self, item: &Item) {
        let key = (place(item.priority) as u8, item.address.clone());
        let Some(lane) = self.lanes.get(&key) else {
            return;
        };
        if let State::Parked(due) = lane.state
            && lane.items.front().is_some_and(|head| head.id == item.id)
        {
            self.parked.remove(&(due, key.clone()));
            self.ready(&key);
        }
    }

    /// When the next parked lane wakes.
    pub(crate) fn next_due(&self) -> Option<i64> {
        self.parked.first().map(|(due, _)| *due)
    }

    /// Whether a message could go out now.
    pub(crate) fn has_ready(&self) -> bool {
        self.ready.iter().any(|ready| !ready.is_empty())
    }

    /// Whether there is room for messages that are in the database only.
    pub(crate) fn wants_refill(&self) -> bool {
        (0..PRIORITIES).any(|place| self.overflow[place] && self.count[place] <= self.most / 2)
    }

    /// From now on the database knows more than this queue (at start).
    pub(crate) fn must_refill(&mut self) {
        self.overflow = [true; PRIORITIES];
        self.left_out += 1;
    }

    /// How many messages are here.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }
}

fn place(priority: u8) -> usize {
    usize::from(priority).min(PRIORITIES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: &str, address: &str, priority: u8) -> Item {
        Item {
            id: id.to_owned(),
            address: address.to_owned(),
            priority,
            due: None,
        }
    }

    fn taken(lanes: &mut Lanes, now: i64) -> Option<String> {
        lanes.take(now).map(|(_, item)| item.id)
    }

    #[test]
    fn conversations_go_before_broadcasts_and_an_address_in_order() {
        let mut lanes = Lanes::new(10);
        for (id, address, priority) in [("b", "x", 1), ("1", "x", 0), ("2", "x", 0), ("3", "y", 0)]
        {
            lanes.push(item(id, address, priority));
        }
        lanes.push(item("1", "x", 0));
        assert_eq!(lanes.len(), 4, "a message is here once");
        let (key, first) = lanes.take(0).unwrap_or_else(|| unreachable!());
        assert_eq!(first.id, "1");
        assert_eq!(taken(&mut lanes, 0).as_deref(), Some("3"));
        assert_eq!(taken(&mut lanes, 0).as_deref(), Some("b"));
        assert_eq!(taken(&mut lanes, 0), None, "2 waits for 1");
        lanes.park(&key, 100);
        assert_eq!(taken(&mut lanes, 99), None);
        assert_eq!(
            taken(&mut lanes, 100).as_deref(),
            Some("1"),
            "tried again before 2"
        );
        lanes.done(&key);
        assert_eq!(taken(&mut lanes, 100).as_deref(), Some("2"));
    }

    #[test]
    fn what_has_no_room_stays_in_the_database_until_there_is() {
        let mut lanes = Lanes::new(2);
        for id in ["1", "2", "3"] {
            lanes.push(item(id, id, 0));
        }
        assert_eq!(lanes.len(), 2);
        assert!(!lanes.wants_refill());
        let (key, _) = lanes.take(0).unwrap_or_else(|| unreachable!());
        lanes.done(&key);
        lanes.push(item("4", "4", 0));
        assert_eq!(lanes.len(), 1, "4 does not overtake 3");
        assert!(lanes.wants_refill());
        let left_out = lanes.left_out();
        lanes.refill(
            vec![item("2", "2", 0), item("3", "3", 0), item("4", "4", 0)],
            true,
            left_out,
        );
        assert_eq!(lanes.len(), 2);
        lanes.push(item("b", "b", 1));
        assert_eq!(lanes.len(), 3, "broadcasts have room of their own");
    }

    #[test]
    fn a_message_that_is_not_due_waits_and_can_be_woken() {
        let mut lanes = Lanes::new(10);
        let later = Item {
            due: Some(50),
            ..item("1", "x", 0)
        };
        lanes.push(later.clone());
        assert_eq!(taken(&mut lanes, 0), None);
        assert_eq!(lanes.next_due(), Some(50));
        lanes.unpark(&later);
        assert!(lanes.has_ready());
        assert_eq!(taken(&mut lanes, 0).as_deref(), Some("1"));
    }

    #[test]
    fn what_comes_while_the_database_is_read_is_read_once_more() {
        let mut lanes = Lanes::new(10);
        lanes.must_refill();
        let left_out = lanes.left_out();
        // Committed after the reading began: the rows do not have it.
        lanes.push(item("1", "1", 0));
        lanes.refill(Vec::new(), true, left_out);
        assert!(lanes.wants_refill());
        let left_out = lanes.left_out();
        lanes.refill(vec![item("1", "1", 0)], true, left_out);
        assert!(!lanes.wants_refill());
        assert_eq!(lanes.len(), 1);
    }
}
