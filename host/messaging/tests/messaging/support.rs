//! A host for tests: the real SQLite database, a clock that is moved by hand, and a provider that
//! says what a test tells it to say.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    unreachable_pub,
    missing_docs
)]

use async_trait::async_trait;
use jackfield_engine::{
    Actor, AskError, Clock, ConnectorError, Domain, Effect, Elsewhere, Intent, NewEvent, RunError,
    SharedClock, SimulatedClock,
};
use jackfield_messaging::{
    AcceptError, Guard, Host, HttpAnswer, InboundRequest, Messaging, NewChannel, Options, Receipt,
    Received, SecretKey, Sent,
};
use jackfield_sandbox::wit::{Failure, FailureClass};
use jackfield_sandbox::{HostCall, HostReply};
use jackfield_store::records::{Channel, Event, Message, Plugin};
use jackfield_store::{Commit, CommitError, Query, SharedStore, SqliteStore, StoreExt, bucket_in};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// 2026-11-20T12:00:00Z, a Friday.
pub(crate) const NOON: i64 = 1_795_176_000_000;

/// What the provider does with the next message.
pub(crate) enum Reply {
    /// Takes it, under this id and with this status.
    Takes(&'static str, &'static str),
    /// Refuses it: class, code, maybe sent, retry after.
    Refuses(FailureClass, &'static str, bool, Option<u64>),
    /// Never answers.
    Hangs,
}

pub(crate) struct FakeHost {
    store: SharedStore,
    clock: SharedClock,
    locks: Vec<Arc<tokio::sync::Mutex<()>>>,
    /// Whether a send's call must not be repeated.
    pub(crate) once: Mutex<bool>,
    /// Whether the connector reads every request, as a message.
    pub(crate) mended: Mutex<bool>,
    /// Whether too much stands in line: seconds until there is room.
    pub(crate) full: Mutex<Option<u64>>,
    pub(crate) replies: Mutex<VecDeque<Reply>>,
    pub(crate) events: Mutex<Vec<NewEvent>>,
    pub(crate) sent: Mutex<Vec<(Value, String)>>,
    changes: watch::Sender<u64>,
}

impl FakeHost {
    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

#[async_trait]
impl Host for FakeHost {
    fn store(&self) -> &SharedStore {
        &self.store
    }

    fn clock(&self) -> &SharedClock {
        &self.clock
    }

    async fn lock(&self, bucket: i32) -> Result<Guard, Elsewhere> {
        let lock = Arc::clone(&self.locks[usize::try_from(bucket).unwrap()]);
        Ok(Guard::new(bucket, lock.lock_owned().await))
    }

    fn owns(&self, _: i32) -> bool {
        true
    }

    fn any_bucket(&self) -> i32 {
        0
    }

    fn wake(&self, _: &str, _: i64) {}

    fn admits(&self, _: &str) -> Result<(), u64> {
        self.full.lock().unwrap().map_or(Ok(()), Err)
    }

    async fn ask(&self, bucket: i32, _: Value) -> Result<Value, AskError> {
        panic!("bucket {bucket} is this host's: nobody else is asked")
    }

    async fn end_runs(&self, _: &str, _: &str, _: &str) -> Result<(), RunError> {
        Ok(())
    }

    async fn accept(
        &self,
        lock: &Guard,
        events: Vec<NewEvent>,
        commit: Commit,
    ) -> Result<(), AcceptError> {
        assert_eq!(
            commit.bucket,
            Some(lock.bucket()),
            "a commit is of the locked bucket"
        );
        for event in &events {
            let home = event.contact.as_deref().and_then(|id| bucket_in("ctc", id));
            assert!(
                home.is_none_or(|home| home == lock.bucket()),
                "an event is of its contact's bucket"
            );
        }
        if !commit.is_empty() {
            self.store
                .commit(commit)
                .await
                .map_err(|error| match error {
                    CommitError::Exists { table: "seen" } => AcceptError::Repeated,
                    error => AcceptError::Commit(error),
                })?;
        }
        self.events.lock().unwrap().extend(events);
        self.changed();
        Ok(())
    }

    async fn commit(&self, lock: &Guard, commit: Commit) -> Result<(), CommitError> {
        assert_eq!(
            commit.bucket,
            Some(lock.bucket()),
            "a commit is of the locked bucket"
        );
        self.store.commit(commit).await?;
        self.changed();
        Ok(())
    }

    async fn check(&self, _: &Channel) -> Result<Value, ConnectorError> {
        Ok(json!({"account": "fake"}))
    }

    async fn connect(&self, _: &Channel, public_url: &str) -> Result<Value, ConnectorError> {
        Ok(json!({"registered": true, "at": public_url}))
    }

    async fn send(
        &self,
        _: &Channel,
        message: &Value,
        key: &str,
        mut intent: Box<dyn Intent>,
    ) -> Sent {
        let once = *self.once.lock().unwrap();
        if let Err(stop) = intent.before("http.fetch", once).await {
            return Sent {
                result: Err(ConnectorError::Stopped(stop)),
                trace: Value::Null,
            };
        }
        let count = {
            let mut sent = self.sent.lock().unwrap();
            sent.push((message.clone(), key.to_owned()));
            sent.len()
        };
        let reply = self.replies.lock().unwrap().pop_front();
        self.changed();
        let result = match reply {
            None => Ok((format!("p-{count}"), "accepted")),
            Some(Reply::Takes(id, status)) => Ok((id.to_owned(), status)),
            Some(Reply::Hangs) => std::future::pending().await,
            Some(Reply::Refuses(class, code, maybe_sent, retry_after)) => Err(Failure {
                class,
                code: code.to_owned(),
                message: format!("the provider says {code}"),
                retry_after,
                maybe_sent,
            }),
        };
        Sent {
            result: result
                .map(|(provider_id, status)| Receipt {
                    provider_id,
                    status: status.to_owned(),
                    detail: None,
                })
                .map_err(ConnectorError::Failure),
            trace: json!({"calls": 1}),
        }
    }

    async fn receive(
        &self,
        _: &Channel,
        request: InboundRequest,
    ) -> Result<Received, ConnectorError> {
        let mended = json!([{"type": "message", "provider-id": "boom", "from": "+33600000000",
            "content": {"type": "text", "text": "boom"}}]);
        let body = match *self.mended.lock().unwrap() {
            true => mended.to_string().into_bytes(),
            false => request.body,
        };
        let events = serde_json::from_slice(&body).map_err(|_| ConnectorError::Ended {
            code: "trap".to_owned(),
            message: "unreachable".to_owned(),
            maybe_sent: false,
            transient: false,
        })?;
        Ok(Received {
            status: 200,
            headers: Vec::new(),
            body: b"ok".to_vec(),
            events,
        })
    }
}

/// A host, messaging on it, and a workspace `w` with a connector `fake`.
pub(crate) struct World {
    pub(crate) host: Arc<FakeHost>,
    pub(crate) clock: SimulatedClock,
    pub(crate) messaging: Messaging,
    pub(crate) channel: String,
    key: SecretKey,
    folder: tempfile::TempDir,
}

fn descriptor(more: &Value) -> Value {
    let mut whole = json!({
        "name": "fake", "version": "1.0.0", "title": "Fake", "summary": "A fake.",
        "settings": {"type": "object", "properties": {"from": {"type": "string"}}, "additionalProperties": false},
        "secrets": [{"name": "token", "title": "Token", "places": ["header"]}],
        "hosts": [], "address": "phone", "message-types": ["text"],
        "text-limit": {"max": 160, "unit": "characters"},
        "idempotency": false, "inbound": true, "keywords": true
    });
    for (key, value) in more.as_object().unwrap() {
        whole[key] = value.clone();
    }
    whole
}

pub(crate) async fn world(settings: Value, connector: Value) -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let descriptor = descriptor(&connector);
    let mut commit = Commit::control();
    commit.put(&Plugin {
        digest: "sha256:fake".to_owned(),
        name: descriptor["name"].as_str().unwrap().to_owned(),
        version: "1.0.0".to_owned(),
        kind: "connector".to_owned(),
        descriptor,
        asked: json!({}),
        approved: json!({"imports": []}),
        size: 1,
        installed_at: NOON,
        removed_at: None,
        source: None,
        signed_by: None,
        current_since: Some(NOON),
        update_of: None,
    });
    store.commit(commit).await.unwrap();
    let clock = SimulatedClock::at(NOON);
    let key = SecretKey::generate();
    let (host, messaging) = start(store, &clock, &key);
    messaging
        .workspaces()
        .create("w", "org", "W", &settings)
        .await
        .unwrap();
    let new: NewChannel = serde_json::from_value(json!({
        "name": "main", "connector": "fake@1", "settings": {"from": "1"}, "secrets": {"token": "t0ken"}
    }))
    .unwrap();
    let channel = messaging.channels().create("w", &new).await.unwrap();
    let channel = channel["id"].as_str().unwrap().to_owned();
    World {
        host,
        clock,
        messaging,
        channel,
        key,
        folder,
    }
}

async fn open(folder: &tempfile::TempDir) -> SharedStore {
    let path = folder.path().join("jackfield.db");
    let options = jackfield_store::sqlite::Options::new(path, "test", Arc::new(|| NOON));
    Arc::new(SqliteStore::open(options).await.unwrap())
}

fn start(
    store: SharedStore,
    clock: &SimulatedClock,
    key: &SecretKey,
) -> (Arc<FakeHost>, Messaging) {
    let buckets = store.buckets();
    let host = Arc::new(FakeHost {
        store,
        clock: Arc::new(clock.clone()),
        locks: (0..buckets).map(|_| Arc::default()).collect(),
        once: Mutex::new(true),
        mended: Mutex::new(false),
        full: Mutex::default(),
        replies: Mutex::default(),
        events: Mutex::default(),
        sent: Mutex::default(),
        changes: watch::Sender::new(0),
    });
    let options = Options {
        public_url: "https://jack.example.com".to_owned(),
        inbound_kept: 3,
        table_rows: 3,
        ..Options::default()
    };
    let messaging = Messaging::new(Arc::clone(&host) as Arc<dyn Host>, options, key.clone());
    (host, messaging)
}

impl World {
    /// Another life on the same database: what was under way in the first one is forgotten.
    pub(crate) async fn reborn(self) -> World {
        self.host.store.close().await;
        let store = open(&self.folder).await;
        let (host, messaging) = start(store, &self.clock, &self.key);
        World {
            host,
            messaging,
            ..self
        }
    }

    pub(crate) fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        self.host.replies.lock().unwrap().extend(replies);
    }

    /// Waits until something holds of what is committed.
    pub(crate) async fn until<T, F: Future<Output = Option<T>>>(
        &self,
        mut holds: impl FnMut() -> F,
    ) -> T {
        let mut changes = self.host.changes.subscribe();
        let search = async {
            loop {
                changes.borrow_and_update();
                if let Some(found) = holds().await {
                    return found;
                }
                changes.changed().await.unwrap();
            }
        };
        let found = tokio::time::timeout(std::time::Duration::from_secs(20), search).await;
        found.unwrap_or_else(|_| {
            panic!(
                "never came; events: {:#?}",
                self.host.events.lock().unwrap()
            )
        })
    }

    /// Waits until a message is in a state.
    pub(crate) async fn state(&self, id: &str, state: &str) -> Value {
        let messages = self.messaging.messages();
        self.until(|| async {
            let message = messages.get("w", id).await.unwrap();
            (message["status"] == state).then_some(message)
        })
        .await
    }

    /// Accepts the event `a.told` about nobody, as the engine does; what follows from it begins where
    /// `go` says so.
    pub(crate) async fn tell(&self, go: bool) {
        let bucket = self.host.any_bucket();
        let at = self.clock.now();
        let event = Event {
            bucket,
            id: jackfield_store::new_id("evt", bucket, at),
            workspace: "w".to_owned(),
            name: "a.told".to_owned(),
            contact: None,
            subject: None,
            data: json!({}),
            source: "api".to_owned(),
            state: "handled".to_owned(),
            at,
        };
        let mut commit = Commit::of(bucket);
        let followed = Domain::follow(&self.messaging, &event, &mut commit);
        let followed = followed.await.unwrap();
        self.host.store.commit(commit).await.unwrap();
        if let Some(followed) = followed.filter(|_| go) {
            Domain::committed(&self.messaging, followed);
        }
    }

    pub(crate) async fn send(&self, to: &str, text: &str) -> String {
        self.send_as(to, text, json!({})).await
    }

    pub(crate) async fn send_as(&self, to: &str, text: &str, more: Value) -> String {
        let mut message = json!({"channel": "main", "content": {"type": "text", "text": text}});
        for (key, value) in more.as_object().unwrap() {
            message[key] = value.clone();
        }
        let sent = self
            .messaging
            .messages()
            .send("w", Some(&format!("phone:{to}")), None, &message, None)
            .await;
        sent.unwrap()["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn receive(&self, events: Value) -> HttpAnswer {
        self.receive_raw(events.to_string().into_bytes()).await
    }

    pub(crate) async fn receive_raw(&self, body: Vec<u8>) -> HttpAnswer {
        let url = format!("https://jack.example.com/hooks/{}", self.channel);
        self.messaging
            .inbound()
            .receive(&self.channel, "POST", &url, Vec::new(), body)
            .await
    }

    pub(crate) async fn texts(&self, from: &str, provider_id: &str, text: &str) {
        let answer = self
            .receive(
                json!([{"type": "message", "provider-id": provider_id, "from": from,
            "content": {"type": "text", "text": text}}]),
            )
            .await;
        assert_eq!(
            answer.status,
            200,
            "{}",
            String::from_utf8_lossy(&answer.body)
        );
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.host
            .events
            .lock()
            .unwrap()
            .iter()
            .map(|event| event.name.clone())
            .collect()
    }

    pub(crate) fn count(&self, name: &str) -> usize {
        self.names().iter().filter(|one| *one == name).count()
    }

    /// What the provider got: texts in order.
    pub(crate) fn sent(&self) -> Vec<String> {
        let sent = self.host.sent.lock().unwrap();
        sent.iter()
            .map(|(message, _)| {
                message["content"]["text"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect()
    }

    pub(crate) async fn messages(&self) -> Vec<Message> {
        self.host.store.find(Query::<Message>::all()).await.unwrap()
    }

    /// A step of a run about a contact does a host call.
    pub(crate) async fn call(
        &self,
        actor: &Actor,
        call: HostCall,
        pending: &[Effect],
    ) -> (HostReply, Vec<Effect>) {
        let answer = self.messaging.call(actor, &call, pending).await.unwrap();
        (answer.reply, answer.effects)
    }

    /// The step's outcome is committed.
    pub(crate) async fn apply(&self, actor: &Actor, effects: &[Effect]) -> Vec<NewEvent> {
        let guard = self.host.lock(actor.bucket).await.unwrap();
        let mut commit = Commit::of(actor.bucket);
        let applied = self
            .messaging
            .apply(actor, effects, &mut commit)
            .await
            .unwrap();
        self.host
            .accept(&guard, applied.events.clone(), commit)
            .await
            .unwrap();
        drop(guard);
        if let Some(follow_up) = applied.follow_up {
            self.messaging.committed(follow_up);
        }
        applied.events
    }

    /// A run writes to its contact: the message once it has left.
    pub(crate) async fn say(&self, actor: &Actor, words: &str) -> Value {
        let message = json!({"channel": "main", "content": {"type": "text", "text": words}});
        let call = HostCall::MessagesSend {
            message: message.to_string(),
        };
        let (reply, effects) = self.call(actor, call, &[]).await;
        self.apply(actor, &effects).await;
        self.state(&text(reply).unwrap(), "accepted").await
    }

    pub(crate) fn actor(&self, contact: &str, call_key: &str) -> Actor {
        let bucket = bucket_in("ctc", contact).unwrap();
        Actor {
            workspace: "w".to_owned(),
            bucket,
            contact: Some(contact.to_owned()),
            run: jackfield_store::new_id("run", bucket, NOON),
            workflow: "flow".to_owned(),
            step: "step".to_owned(),
            broadcast: false,
            call_key: call_key.to_owned(),
        }
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now()
    }
}

/// What a call answered, where it answers a text.
pub(crate) fn text(reply: HostReply) -> Result<String, String> {
    match reply {
        HostReply::Text(Ok(text)) => Ok(text),
        HostReply::Text(Err(error)) => Err(format!("{}: {}", error.code, error.message)),
        other => panic!("{other:?}"),
    }
}
