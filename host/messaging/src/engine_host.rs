//! The engine as messaging's host: every function hands over, nothing is decided here.

use crate::host::{AcceptError, Guard, Host, InboundRequest, Receipt, Received, Sent};
use crate::tasks::{PATIENCE, TASK};
use async_trait::async_trait;
use jackfield_egress::Egress;
use jackfield_engine::{
    AskError, BucketLock, ConnectorError, Elsewhere, Engine, Intent, NewEvent, RunError,
    SharedClock,
};
use jackfield_sandbox::wit::connector::Request;
use jackfield_store::records::Channel;
use jackfield_store::{Commit, CommitError, SharedStore};
use serde_json::{Value, json};

fn lock_of(guard: &Guard) -> Result<&BucketLock, CommitError> {
    guard
        .lock::<BucketLock>()
        .ok_or_else(|| CommitError::Invalid("the lock is not of this engine".to_owned()))
}

#[async_trait]
impl Host for Engine {
    fn store(&self) -> &SharedStore {
        Engine::store(self)
    }

    fn clock(&self) -> &SharedClock {
        Engine::clock(self)
    }

    async fn lock(&self, bucket: i32) -> Result<Guard, Elsewhere> {
        Ok(Guard::new(bucket, Engine::lock(self, bucket).await?))
    }

    fn owns(&self, bucket: i32) -> bool {
        Engine::owns(self, bucket)
    }

    fn any_bucket(&self) -> i32 {
        Engine::any_bucket(self)
    }

    fn wake(&self, id: &str, due: i64) {
        Engine::schedule(self, id, due);
    }

    async fn ask(&self, bucket: i32, task: Value) -> Result<Value, AskError> {
        Engine::ask(self, bucket, TASK, task, PATIENCE).await
    }

    async fn end_runs(&self, workspace: &str, contact: &str, reason: &str) -> Result<(), RunError> {
        let runs = self.runs();
        runs.cancel_of(workspace, contact, reason).await.map(|_| ())
    }

    fn admits(&self, workspace: &str) -> Result<(), u64> {
        Engine::admit_inbound(self, workspace).map_err(|busy| busy.retry_after)
    }

    fn egress(&self) -> Option<&Egress> {
        Some(Engine::egress(self))
    }

    async fn accept(
        &self,
        lock: &Guard,
        events: Vec<NewEvent>,
        commit: Commit,
    ) -> Result<(), AcceptError> {
        use jackfield_engine::AcceptError as Theirs;
        match Engine::accept(self, lock_of(lock)?, events, commit).await {
            Ok(_) => Ok(()),
            Err(Theirs::Repeated) => Err(AcceptError::Repeated),
            Err(Theirs::Invalid(message)) => Err(AcceptError::Invalid(message)),
            Err(Theirs::Elsewhere(elsewhere)) => Err(AcceptError::Elsewhere(elsewhere)),
            Err(Theirs::Commit(error)) => Err(AcceptError::Commit(error)),
            Err(
                error @ (Theirs::Workflow(_)
                | Theirs::Domain(_)
                | Theirs::Read(_)
                | Theirs::Busy(_)),
            ) => Err(AcceptError::Unavailable(error.to_string())),
        }
    }

    async fn commit(&self, lock: &Guard, commit: Commit) -> Result<(), CommitError> {
        Engine::commit(self, lock_of(lock)?, commit).await
    }

    async fn check(&self, channel: &Channel) -> Result<Value, ConnectorError> {
        self.connector(channel).await?.check().await
    }

    async fn connect(&self, channel: &Channel, public_url: &str) -> Result<Value, ConnectorError> {
        self.connector(channel).await?.connect(public_url).await
    }

    async fn send(
        &self,
        channel: &Channel,
        message: &Value,
        idempotency_key: &str,
        intent: Box<dyn Intent>,
    ) -> Sent {
        let connector = match self.connector(channel).await {
            Ok(connector) => connector,
            Err(error) => {
                return Sent {
                    result: Err(error),
                    trace: Value::Null,
                };
            }
        };
        let sent = connector.send(message, idempotency_key, intent).await;
        let result = sent.result.map(|receipt| Receipt {
            provider_id: receipt.provider_id,
            status: receipt.status,
            detail: receipt
                .detail
                .and_then(|detail| serde_json::from_str(&detail).ok()),
        });
        Sent {
            result,
            trace: json!({"calls": sent.calls}),
        }
    }

    async fn receive(
        &self,
        channel: &Channel,
        request: InboundRequest,
    ) -> Result<Received, ConnectorError> {
        let request = Request {
            method: request.method,
            url: request.url,
            headers: request.headers,
            body: request.body,
        };
        let received = self.connector(channel).await?.receive(request).await?;
        Ok(Received {
            status: received.status,
            headers: received.headers,
            body: received.body,
            events: serde_json::from_str(&received.events).unwrap_or(Value::Null),
        })
    }
}
