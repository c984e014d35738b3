//! The engine in the test's own process, on a clock that stands still until it is moved: months of
//! waiting take no time, and nothing happens a millisecond before it is due.
//!
//! The engine, the sandbox and the embedded database are the real ones, and so are the built-in
//! plugins that a test asks for; only the layer above the engine is left out, so their steps must
//! not ask it anything.

use crate::place::plugins;
use crate::poll::PATIENCE;
use async_trait::async_trait;
use jackfield_egress::{Egress, NoSecrets, Secrets};
use jackfield_engine::{
    Accepted, Actor, Answer, Applied, Domain, DomainError, Effect, Engine, NewEvent, Offer, Role,
    RunView, SecretOwner, SimulatedClock, Template, TimelineEntry, View, WorkflowError,
};
use jackfield_sandbox::{HostCall, Sandbox};
use jackfield_store::{Commit, SqliteStore, sqlite};
use serde_json::{Map, Value, json};
use std::any::Any;
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

/// When the clock stands at first: 2026-11-20T10:00:00Z.
pub const START: i64 = 1_795_168_800_000;
/// The list that there is in a lab.
pub const EVERYBODY: &str = "everybody";
/// A day in milliseconds.
pub const DAY: i64 = 24 * 60 * 60 * 1_000;

/// A layer above the engine that knows contacts by their ids alone, and one list of them.
struct Nobody(Arc<Audience>);

/// The contacts on the list `everybody`, told a page at a time where there is leave for one.
pub struct Audience {
    /// Their ids.
    pub contacts: Mutex<Vec<String>>,
    /// So many pages may be read.
    pub pages: Semaphore,
}

impl Default for Audience {
    fn default() -> Audience {
        Audience {
            contacts: Mutex::default(),
            pages: Semaphore::new(0),
        }
    }
}

#[async_trait]
impl Domain for Nobody {
    async fn view(
        &self,
        _: &str,
        contact: Option<&str>,
        _: &[Effect],
        _: Option<&Commit>,
    ) -> Result<View, DomainError> {
        let mut namespaces = Map::new();
        if let Some(id) = contact {
            namespaces.insert("contact".to_owned(), json!({"id": id}));
        }
        let unset = jackfield_engine::variables::Unset::Empty;
        Ok(View {
            namespaces,
            common: Arc::default(),
            unset,
        })
    }

    async fn call(&self, _: &Actor, call: &HostCall, _: &[Effect]) -> Result<Answer, DomainError> {
        Err(DomainError::Invalid(format!(
            "no step of this test calls {}",
            call.name()
        )))
    }

    async fn apply(&self, _: &Actor, _: &[Effect], _: &mut Commit) -> Result<Applied, DomainError> {
        Ok(Applied::default())
    }

    async fn contacts_on(
        &self,
        _: &str,
        list: &str,
        after: Option<&str>,
        most: i64,
    ) -> Result<Vec<String>, DomainError> {
        if list != EVERYBODY {
            return Err(DomainError::Invalid(format!("there is no list `{list}`")));
        }
        self.0.pages.acquire().await.unwrap().forget();
        let mut all = self.0.contacts.lock().unwrap().clone();
        all.sort();
        all.retain(|contact| after.is_none_or(|after| contact.as_str() > after));
        all.truncate(usize::try_from(most).unwrap());
        Ok(all)
    }

    fn committed(&self, _: Box<dyn Any + Send>) {}

    async fn template(&self, _: &str, _: &str) -> Result<Option<Template>, DomainError> {
        Ok(None)
    }

    fn secrets(&self, _: &str, _: SecretOwner<'_>) -> Arc<dyn Secrets> {
        Arc::new(NoSecrets)
    }

    fn due(&self, _: &str) {}

    async fn taken(&self, _: &[i32]) -> Result<(), DomainError> {
        Ok(())
    }

    async fn leave(&self, _: i32) {}

    fn lost(&self, _: i32) {}
}

/// An engine with its clock and its data.
pub struct Lab {
    /// The engine.
    pub engine: Engine,
    /// Its clock.
    pub clock: SimulatedClock,
    /// Its data folder.
    pub data: tempfile::TempDir,
    /// Who is on the list `everybody`.
    pub audience: Arc<Audience>,
}

impl Lab {
    /// With the built-in plugins of these names installed and granted.
    pub async fn open(built_in: &[&str]) -> Lab {
        let data = tempfile::tempdir().unwrap();
        let clock = SimulatedClock::at(START);
        let audience = Arc::<Audience>::default();
        let engine = engine(data.path(), &clock, &audience).await;
        for name in built_in {
            let file = plugins().join(format!("{name}.wasm"));
            let offer = Offer {
                bytes: std::fs::read(file).unwrap(),
                ..Offer::default()
            };
            let plugins = engine.plugins();
            let view = plugins.install(offer, &Role::New, START).await.unwrap();
            plugins.grant(&view.digest, None, START).await.unwrap();
        }
        engine.plugins_changed();
        engine.start().await.unwrap();
        Lab {
            engine,
            clock,
            data,
            audience,
        }
    }

    /// Ends the engine in good order and begins another on the same database.
    pub async fn restart(self) -> Lab {
        let Lab {
            engine,
            clock,
            data,
            audience,
        } = self;
        engine.stop().await;
        engine.store().close().await;
        drop(engine);
        let engine = self::engine(data.path(), &clock, &audience).await;
        engine.start().await.unwrap();
        Lab {
            engine,
            clock,
            data,
            audience,
        }
    }

    /// Stores the workflow and publishes it: the version.
    ///
    /// # Errors
    /// The engine's.
    pub async fn publish(&self, yaml: &str) -> Result<i64, WorkflowError> {
        let workflows = self.engine.workflows();
        let view = workflows.put("main", yaml, None, START).await?;
        Ok(workflows.publish("main", &view.name, START).await?.0)
    }

    /// A contact in the n-th bucket.
    pub fn contact(&self, n: i32) -> String {
        self.engine.new_id("ctc", n % self.engine.store().buckets())
    }

    /// An event about the contact is accepted.
    pub async fn event(&self, name: &str, contact: &str, data: Value) -> Accepted {
        let bucket = jackfield_store::bucket_in("ctc", contact).unwrap();
        let event = NewEvent {
            workspace: "main".to_owned(),
            name: name.to_owned(),
            contact: Some(contact.to_owned()),
            subject: None,
            data,
            source: "api".to_owned(),
        };
        let lock = self.engine.lock(bucket).await.unwrap();
        self.engine
            .accept(&lock, vec![event], Commit::of(bucket))
            .await
            .unwrap()
    }

    /// The same for an event that starts one run: its id.
    pub async fn start(&self, name: &str, contact: &str, data: Value) -> String {
        let accepted = self.event(name, contact, data).await;
        assert_eq!(accepted.events[0].runs.len(), 1, "{accepted:?}");
        accepted.events[0].runs[0].clone()
    }

    /// How a run stands.
    pub async fn run(&self, id: &str) -> RunView {
        self.engine.runs().get("main", id).await.unwrap()
    }

    /// What has happened in it.
    pub async fn timeline(&self, id: &str) -> Vec<TimelineEntry> {
        self.engine.runs().timeline("main", id, -1).await.unwrap()
    }

    /// Waits until a run is as asked; it says itself when it has moved.
    pub async fn until(&self, id: &str, what: &str, holds: impl Fn(&RunView) -> bool) -> RunView {
        let mut moved = self.engine.runs().watch(id);
        let wait = async {
            loop {
                moved.mark_unchanged();
                let run = self.run(id).await;
                if holds(&run) {
                    return run;
                }
                moved.changed().await.unwrap();
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(run) => run,
            Err(_) => panic!("{id} is not {what}: {:#?}", self.timeline(id).await),
        }
    }

    /// Waits until a run is in this state.
    pub async fn in_state(&self, id: &str, state: &str) -> RunView {
        self.until(id, state, |run| run.state == state).await
    }

    /// Lets everything that could happen now happen: another run goes all the way through, its
    /// timer included.
    pub async fn settle(&self) {
        let probe = "name: probe\ntrigger: {event: probe.wanted}\nsteps:\n  \
                     a: {uses: wait@1, with: {until: \"2020-01-01 00:00\"}}\n";
        self.publish(probe).await.unwrap();
        for n in 0..5 {
            let id = self
                .start("probe.wanted", &self.contact(n), json!({}))
                .await;
            self.in_state(&id, "completed").await;
        }
    }
}

async fn engine(
    data: &std::path::Path,
    clock: &SimulatedClock,
    audience: &Arc<Audience>,
) -> Engine {
    use jackfield_engine::Clock as _;
    let now = clock.clone();
    let options = sqlite::Options::new(
        data.join("jackfield.db"),
        "test",
        Arc::new(move || now.now()),
    );
    let mut sandbox = jackfield_sandbox::Options::new(data.join("compiled"));
    sandbox.max_activations = 16;
    let egress = jackfield_egress::Options {
        allow_addresses: vec!["127.0.0.0/8".parse().unwrap()],
        ..jackfield_egress::Options::default()
    };
    let engine = Engine::new(jackfield_engine::Options {
        room: jackfield_engine::RoomOptions::default(),
        publishers: jackfield_engine::Publishers::default(),
        store: Arc::new(SqliteStore::open(options).await.unwrap()),
        clock: Arc::new(clock.clone()),
        sandbox: Sandbox::new(sandbox).unwrap(),
        egress: Egress::new(egress).unwrap(),
    });
    engine.attach(Arc::new(Nobody(audience.clone())));
    engine
}
