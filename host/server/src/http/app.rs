//! What every route has at hand.

use super::admission::Admission;
use super::auth::Access;
use super::idempotency::Replay;
use super::readiness::Readiness;
use jackfield_engine::Engine;
use jackfield_messaging::Messaging;
use metrics_exporter_prometheus::PrometheusHandle;
use std::ops::Deref;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

/// A handle on all that routes need; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What routes need.
pub struct Parts {
    /// Workflows, runs, plugins.
    pub engine: Engine,
    /// Contacts, channels, messages.
    pub messaging: Messaging,
    /// Keys.
    pub access: Arc<Access>,
    /// Answers to requests with idempotency keys.
    pub replay: Arc<Replay>,
    /// The address at which the outside reaches this host, without a slash at its end.
    pub public_url: String,
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
    /// Cancelled when the host stops.
    pub stopping: CancellationToken,
    /// Requests that change something.
    pub tasks: TaskTracker,
    /// Requests, until their answer was handed over.
    pub under_way: TaskTracker,
    /// Whether the host can do its work.
    pub readiness: Readiness,
    /// Room for requests.
    pub admission: Admission,
}

impl App {
    /// Puts the parts together.
    #[must_use]
    pub fn new(
        engine: Engine,
        messaging: Messaging,
        public_url: &Url,
        metrics: PrometheusHandle,
        admission: Admission,
        readiness: Readiness,
    ) -> App {
        let store = engine.store().clone();
        let clock = engine.clock().clone();
        App(Arc::new(Parts {
            access: Arc::new(Access::new(store.clone(), clock.clone())),
            replay: Arc::new(Replay::new(store, clock)),
            public_url: public_url.as_str().trim_end_matches('/').to_owned(),
            metrics,
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
            under_way: TaskTracker::new(),
            readiness,
            admission,
            engine,
            messaging,
        }))
    }

    /// The present time in milliseconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.engine.clock().now()
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
