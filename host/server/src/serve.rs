//! A host in this process: put together, served, and stopped in good order.
//!
//! Stopping: no new connections and readiness says no; requests under way are answered; messages
//! and runs reach their next commit; the database is closed. Killing the process instead loses
//! nothing that was acknowledged, it only takes the next start a little longer.

use crate::http::app::App;
use crate::http::layers::Bounds;
use crate::options::Options;
use crate::start::{self, StartError};
use crate::telemetry::{self, TelemetryError};
use crate::{cli, http, listener};
use jackfield_egress::Egress;
use jackfield_engine::{Engine, PluginView, SharedClock, SystemClock};
use jackfield_messaging::Messaging;
use jackfield_sandbox::Sandbox;
use jackfield_store::SqliteStore;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

/// How long a request may take; a run is waited for up to a minute.
const REQUEST_TIME: Duration = Duration::from_secs(90);

/// How often old answers are swept and metrics are tended.
const SWEEP: Duration = Duration::from_secs(600);

/// Why a host did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address.
    #[error("{address} cannot be listened on ({source}); --listen chooses another address")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// A certificate authority of `--trust`.
    #[error("{path} cannot be read: {source}")]
    Trust {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The public address cannot be one.
    #[error("{0} cannot be the public address: write http:// or https://, a host, and no query")]
    PublicUrl(Url),
    /// The data folder, keys, plugins.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The database.
    #[error(transparent)]
    Store(#[from] jackfield_store::sqlite::OpenError),
    /// The sandbox.
    #[error(transparent)]
    Sandbox(#[from] jackfield_sandbox::SetupError),
    /// The way out.
    #[error(transparent)]
    Egress(#[from] jackfield_egress::Error),
    /// What an earlier life left cannot be read.
    #[error(transparent)]
    Read(#[from] jackfield_store::ReadError),
    /// What an earlier life left cannot be taken up.
    #[error(transparent)]
    Messaging(#[from] jackfield_messaging::Error),
    /// Logs, traces, metrics.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
}

/// A host that serves.
pub struct Host {
    /// Where it listens.
    pub address: SocketAddr,
    /// The address at which the outside reaches it.
    pub public_url: Url,
    /// The operator's key file, if this start wrote one.
    pub operator_key: Option<PathBuf>,
    /// The plugins that were installed from the folder.
    pub plugins: Vec<PluginView>,
    app: App,
    serving: JoinHandle<()>,
    tending: JoinHandle<()>,
}

impl Host {
    /// The engine, for tests that look behind the API.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.app.engine
    }

    /// Messaging, for tests that look behind the API.
    #[must_use]
    pub fn messaging(&self) -> &Messaging {
        &self.app.messaging
    }

    /// The address of the API.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops in good order.
    pub async fn stop(self) {
        self.app.stopping.cancel();
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "the listener did not end well");
        }
        self.app.tasks.close();
        self.app.tasks.wait().await;
        self.app.messaging.stop().await;
        self.app.engine.stop().await;
        self.tending.abort();
        self.app.engine.store().close().await;
    }
}

/// Starts a host. It serves until it is stopped or dropped with its runtime.
///
/// # Errors
/// See [`ServeError`]: each says what to do.
pub async fn serve(options: &Options) -> Result<Host, ServeError> {
    let metrics = telemetry::metrics()?;
    start::private_folder(&options.data)?;
    let listen = |source| ServeError::Listen {
        address: options.listen,
        source,
    };
    // First, so that a taken address is told before anything else is done.
    let socket = TcpListener::bind(options.listen).await.map_err(listen)?;
    let address = socket.local_addr().map_err(listen)?;
    let public_url = public_url(options.public_url.as_ref(), address)?;
    let clock: SharedClock = Arc::new(SystemClock);
    let engine = engine(options, clock).await?;
    let key = start::secret_key(&options.data, options.secret_key_file.as_deref())?;
    let settings = jackfield_messaging::Options {
        public_url: public_url.as_str().trim_end_matches('/').to_owned(),
        inbound_body: http::extract::BODY_LIMIT,
        ..jackfield_messaging::Options::default()
    };
    let messaging = Messaging::new(Arc::new(engine.clone()), settings, key);
    engine.attach(Arc::new(messaging.clone()));
    let operator_key = start::first(&engine, &options.data).await?;
    let plugins = match &options.plugins {
        Some(folder) => start::plugins(&engine, folder).await?,
        None => Vec::new(),
    };
    engine.start().await?;
    messaging.start().await?;
    let app = App::new(engine, messaging, &public_url, metrics);
    let router = http::router(&app, Bounds::new(options.max_requests.max(1), REQUEST_TIME));
    let serving = tokio::spawn(listener::run(socket, router, app.stopping.clone()));
    let tending = tokio::spawn(tend(app.clone()));
    tracing::info!(%address, data = %options.data.display(), "the host serves");
    Ok(Host {
        address,
        public_url,
        operator_key,
        plugins,
        app,
        serving,
        tending,
    })
}

async fn engine(options: &Options, clock: SharedClock) -> Result<Engine, ServeError> {
    let now = Arc::clone(&clock);
    let database = jackfield_store::sqlite::Options::new(
        options.data.join("jackfield.db"),
        "local",
        Arc::new(move || now.now()),
    );
    let store = Arc::new(SqliteStore::open(database).await?);
    let mut sandbox = jackfield_sandbox::Options::new(options.data.join("compiled"));
    if let Some(activations) = options.max_activations {
        sandbox.max_activations = activations;
    }
    let mut authorities = Vec::with_capacity(options.trust.len());
    for path in &options.trust {
        let read = std::fs::read_to_string(path);
        authorities.push(read.map_err(|source| ServeError::Trust {
            path: path.clone(),
            source,
        })?);
    }
    let egress = jackfield_egress::Options {
        allow_addresses: options.allow_addresses.clone(),
        extra_authorities: authorities,
        ..jackfield_egress::Options::default()
    };
    Ok(Engine::new(jackfield_engine::Options {
        store,
        clock,
        sandbox: Sandbox::new(sandbox)?,
        egress: Egress::new(egress)?,
    }))
}

fn public_url(given: Option<&Url>, address: SocketAddr) -> Result<Url, ServeError> {
    let Some(url) = given else {
        // A socket's address is always a valid authority.
        #[expect(
            clippy::expect_used,
            reason = "an IP address and a port are a valid authority"
        )]
        return Ok(Url::parse(&format!("http://{address}")).expect("a valid address"));
    };
    let good = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.query().is_none()
        && url.fragment().is_none();
    if good {
        Ok(url.clone())
    } else {
        Err(ServeError::PublicUrl(url.clone()))
    }
}

/// Sweeps what is old.
async fn tend(app: App) {
    loop {
        tokio::select! {
            () = app.stopping.cancelled() => return,
            () = tokio::time::sleep(SWEEP) => {}
        }
        app.metrics.run_upkeep();
        match app.replay.sweep().await {
            Ok(0) => {}
            Ok(count) => tracing::debug!(count, "answers of yesterday were forgotten"),
            Err(problem) => tracing::warn!(%problem, "old answers could not be forgotten"),
        }
    }
}

/// `jackfield serve`: starts a host and stops it on SIGTERM or SIGINT.
///
/// # Errors
/// As [`serve`].
pub(crate) async fn until_stopped(options: Options) -> Result<(), ServeError> {
    let traces = telemetry::log(&options)?;
    let host = serve(&options).await?;
    announce(&host, &options.data);
    stopped().await;
    eprintln!("stopping");
    host.stop().await;
    traces.flush().await;
    Ok(())
}

/// Says on standard output what a person needs to go on.
fn announce(host: &Host, data: &Path) {
    if !host.plugins.is_empty() {
        println!("{}", cli::plugin_table(&host.plugins));
    }
    if let Some(path) = &host.operator_key {
        println!("the operator's key is in {}", path.display());
    }
    println!(
        "jackfield {} serves {} from {}",
        env!("CARGO_PKG_VERSION"),
        host.url(),
        data.display()
    );
    if host.public_url.as_str().trim_end_matches('/') != host.url() {
        println!("the outside reaches it at {}", host.public_url);
    }
}

#[cfg(unix)]
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

#[cfg(not(unix))]
async fn stopped() {
    let _ = tokio::signal::ctrl_c().await;
}
