//! The stories that the load is made of: their workflows, and what each must lead to.
//!
//! A story is about one contact that no other story is about, and has a key that stands in every
//! event, request and message of it. So the audit can say of each what should have happened, and
//! find what did, without trusting anything that the host says about its own past.
//!
//! What must hold: the documents here and [`Kind::runs`] say the same.

use rand::Rng;
use serde_json::{Value, json};

/// What happens to the contact of a story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An order: two external calls, one with a key and one without, and, where it is large, a
    /// message in a second run.
    Order {
        /// It is large.
        large: bool,
    },
    /// A wait for so many seconds, and an external call after it.
    Pause {
        /// How long.
        seconds: u32,
    },
    /// Several runs of one contact that wait, each for an event of its own, sent one after another.
    Cart,
    /// Several events of one contact, one right after another, of which each starts a run.
    Sequence,
    /// A question that is answered over the channel.
    Ask,
    /// A run that is started by hand.
    Start,
    /// A message that is sent by hand.
    Message,
}

/// How many events a cart or a sequence has.
pub const LANES: u32 = 4;

/// The name of the channel.
pub const CHANNEL: &str = "kill-chat";

/// The contact's field that every run increments once.
pub const COUNT: &str = "kill_count";

impl Kind {
    /// A story to begin with, drawn at random.
    pub fn draw(rng: &mut impl Rng) -> Kind {
        match rng.random_range(0..100) {
            0..30 => Kind::Order {
                large: rng.random_bool(0.5),
            },
            30..48 => Kind::Pause {
                seconds: rng.random_range(1..=3),
            },
            48..60 => Kind::Cart,
            60..72 => Kind::Sequence,
            72..84 => Kind::Ask,
            84..92 => Kind::Start,
            _ => Kind::Message,
        }
    }

    /// Whether it comes to its end without another word of the client, so that the client may give
    /// up half-way.
    #[must_use]
    pub fn ends_by_itself(self) -> bool {
        !matches!(self, Kind::Cart | Kind::Sequence)
    }

    /// The workflows of which there must be exactly one run each, once all its events are accepted.
    #[must_use]
    pub fn runs(self) -> Vec<String> {
        let lanes = |name: &str| (0..LANES).map(|lane| format!("{name}-{lane}")).collect();
        match self {
            Kind::Order { large: false } => vec!["order".to_owned()],
            Kind::Order { large: true } => vec!["order".to_owned(), "receipt".to_owned()],
            Kind::Pause { .. } => vec!["pause".to_owned()],
            Kind::Cart => lanes("cart"),
            Kind::Sequence => lanes("sequence"),
            Kind::Ask => vec!["ask".to_owned()],
            Kind::Start => vec!["start".to_owned()],
            Kind::Message => Vec::new(),
        }
    }
}

/// The requests with which a client tells a story, in order: path and body.
#[must_use]
pub fn requests(kind: Kind, key: &str, contact: &str) -> Vec<(String, Value)> {
    let event = |name: &str, data: Value| {
        let body = json!({"name": name, "contact": contact, "data": data});
        ("/v1/events".to_owned(), body)
    };
    match kind {
        Kind::Order { large } => {
            let amount = if large { 80 } else { 20 };
            vec![event("kill.order", json!({"key": key, "amount": amount}))]
        }
        Kind::Pause { seconds } => {
            vec![event("kill.pause", json!({"key": key, "seconds": seconds}))]
        }
        // The events that end the waits are sent once the runs wait.
        Kind::Cart => vec![event("kill.cart", json!({"key": key}))],
        Kind::Sequence => (0..LANES)
            .map(|lane| event("kill.sequence", json!({"key": key, "lane": lane})))
            .collect(),
        Kind::Ask => vec![event("kill.ask", json!({"key": key}))],
        Kind::Start => vec![(
            "/v1/workflows/start/runs".to_owned(),
            json!({"data": {"key": key}}),
        )],
        Kind::Message => {
            let (_, address) = contact.split_once(':').unwrap_or(("", contact));
            let content = json!({"type": "text", "text": format!("message {key}")});
            let body = json!({"channel": CHANNEL, "to": [address], "content": content});
            vec![("/v1/messages".to_owned(), body)]
        }
    }
}

/// The event that ends the wait of one run of a cart.
#[must_use]
pub fn payment(key: &str, contact: &str, lane: u32) -> (String, Value) {
    let data = json!({"key": key, "lane": lane});
    let body = json!({"name": "kill.paid", "contact": contact, "data": data});
    ("/v1/events".to_owned(), body)
}

/// Every workflow, by name, with the address of the outside world.
#[must_use]
pub fn workflows(sink: &str) -> Vec<(String, String)> {
    let mut all = vec![
        ("order".to_owned(), order(sink)),
        ("receipt".to_owned(), receipt()),
        ("pause".to_owned(), pause(sink)),
        ("ask".to_owned(), ask(sink)),
        ("start".to_owned(), start(sink)),
    ];
    for lane in 0..LANES {
        all.push((format!("cart-{lane}"), cart(lane)));
        all.push((format!("sequence-{lane}"), sequence(lane)));
    }
    all
}

/// The step that every run with a contact ends with: what it changes must happen once.
fn count() -> String {
    format!(
        "  count:\n    uses: update-contact-field@1\n    \
         with: {{field: {COUNT}, operation: increment, value: 1}}\n    next: end\n"
    )
}

fn order(sink: &str) -> String {
    format!(
        "name: order
trigger: {{event: kill.order}}
steps:
  sort:
    uses: branch@1
    with:
      branches:
        - {{name: large, when: {{field: event.amount, at-least: 50}}}}
    branches: {{large: book, else: charge}}
  book:
    uses: http-request@1
    with: {{method: POST, url: \"{sink}/keyed/$event.key\", body: {{key: $event.key}}}}
  charge:
    uses: http-request@1
    with: {{method: POST, url: \"{sink}/once/$event.key\", body: {{key: $event.key}}, idempotency-header: false}}
    branches: {{failure: count}}
{}",
        count()
    )
}

fn receipt() -> String {
    format!(
        "name: receipt
trigger:
  event: kill.order
  when: {{field: event.amount, at-least: 50}}
steps:
  tell:
    uses: send-message@1
    with: {{channel: {CHANNEL}, text: \"receipt $event.key\"}}
    branches: {{failure: count}}
{}",
        count()
    )
}

fn pause(sink: &str) -> String {
    format!(
        "name: pause
trigger: {{event: kill.pause}}
steps:
  rest: {{uses: wait@1, with: {{for: \"${{event.seconds}}s\"}}}}
  tell:
    uses: http-request@1
    with: {{method: PUT, url: \"{sink}/put/$event.key\", body: {{key: $event.key}}}}
{}",
        count()
    )
}

fn ask(sink: &str) -> String {
    format!(
        "name: ask
trigger: {{event: kill.ask}}
steps:
  ask:
    uses: ask-question@1
    with: {{channel: {CHANNEL}, text: \"ask $event.key\", timeout: 7d}}
    branches: {{message-failure: count, failure: count}}
  tell:
    uses: http-request@1
    with: {{method: POST, url: \"{sink}/keyed/$event.key\", body: {{answer: $steps.ask.answer}}}}
{}",
        count()
    )
}

fn start(sink: &str) -> String {
    format!(
        "name: start
trigger: {{event: manual}}
steps:
  tell:
    uses: http-request@1
    with: {{method: PUT, url: \"{sink}/put/$event.key\", body: {{key: $event.key}}}}
"
    )
}

fn cart(lane: u32) -> String {
    format!(
        "name: cart-{lane}
trigger: {{event: kill.cart}}
steps:
  paid:
    uses: wait@1
    with:
      event: {{name: kill.paid, when: {{field: event.lane, is: {lane}}}}}
      timeout: 30d
    branches: {{timeout: end}}
{}",
        count()
    )
}

fn sequence(lane: u32) -> String {
    format!(
        "name: sequence-{lane}
trigger:
  event: kill.sequence
  when: {{field: event.lane, is: {lane}}}
steps:
{}",
        count()
    )
}
