//! A host in this process: put together and served. How it stops is in `stop.rs`; killing the
//! process instead loses nothing that was acknowledged, it only takes the next start a little
//! longer.

use crate::http::admission::Admission;
use crate::http::app::App;
use crate::http::layers::Bounds;
use crate::http::readiness::Readiness;
use crate::options::Options;
use crate::signals::Signals;
use crate::start::{self, StartError};
use crate::telemetry::{self, TelemetryError};
use crate::{cli, http, listener, retention, systemd};
use jackfield_egress::Egress;
use jackfield_engine::{Engine, PluginView, SharedClock};
use jackfield_messaging::Messaging;
use jackfield_sandbox::Sandbox;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

/// How long a request may take; a run is waited for up to a minute.
const REQUEST_TIME: Duration = Duration::from_secs(90);

/// How long closing the database and sending the last traces may take beyond the grace.
const AFTERWARDS: Duration = Duration::from_secs(5);

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
    Store(#[from] crate::database::OpenError),
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
    /// The signals that end it.
    #[error("SIGTERM and SIGINT cannot be listened to ({0})")]
    Signals(std::io::Error),
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
    pub(crate) app: App,
    pub(crate) grace: Duration,
    pub(crate) closing: CancellationToken,
    pub(crate) serving: JoinHandle<()>,
    pub(crate) tending: Vec<JoinHandle<()>>,
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
    #[cfg(not(feature = "faults"))]
    let clock: SharedClock = Arc::new(jackfield_engine::SystemClock);
    #[cfg(feature = "faults")]
    let clock = crate::faults::clock();
    let engine = engine(options, clock, own(&public_url, address)).await?;
    let key = start::secret_key(&options.data, options.secret_key_file.as_deref())?;
    start::same_key(&engine, &key).await?;
    let settings = jackfield_messaging::Options {
        public_url: public_url.as_str().trim_end_matches('/').to_owned(),
        inbound_body: http::extract::BODY_LIMIT,
        largest_file: options.load.max_file_bytes as usize,
        ..jackfield_messaging::Options::default()
    };
    let messaging = Messaging::new(Arc::new(engine.clone()), settings, key);
    engine.attach(Arc::new(messaging.clone()));
    let operator_key = start::first(&engine, &options.data).await?;
    let plugins = match &options.plugins {
        Some(folder) => start::plugins(&engine, folder).await?,
        None => Vec::new(),
    };
    let app = App::new(
        engine,
        messaging,
        &public_url,
        metrics,
        Admission::new(options.max_requests, options.load.body_bytes()),
        Readiness::new(options),
    );
    follow_others(&app);
    app.engine.start().await?;
    // Whoever may not ask at all is told so without taking the place of those who may.
    let at_once = options.max_requests.max(1).saturating_mul(2);
    let router = http::router(&app, Bounds::new(at_once, REQUEST_TIME));
    let closing = CancellationToken::new();
    let serving = tokio::spawn(listener::run(socket, router, closing.clone()));
    let tending = vec![
        tokio::spawn(tend(app.clone())),
        tokio::spawn(retention::keep(app.clone(), options.retention.clone())),
        tokio::spawn(systemd::feed_watchdog()),
    ];
    tracing::info!(%address, data = %options.data.display(), "the host serves");
    Ok(Host {
        address,
        public_url,
        operator_key,
        plugins,
        app,
        grace: options.shutdown_grace.to_std(),
        closing,
        serving,
        tending,
    })
}

/// Does what other hosts ask of this one, and forgets what they change.
fn follow_others(app: &App) {
    app.engine
        .employ(jackfield_messaging::TASK, app.messaging.tasks());
    app.engine
        .employ(http::forward::REQUEST, Arc::new(http::desk(app)));
    app.engine.employ(
        http::webhooks::WEBHOOK,
        Arc::new(http::webhooks::Deliveries(app.clone())),
    );
    let (messaging, access) = (app.messaging.clone(), app.access.clone());
    app.engine.on_control_change(move || {
        messaging.forget();
        access.forget();
    });
}

/// Where this host is reached: as the outside does, and where it listens; where that is every
/// address, by loopback.
fn own(public_url: &Url, address: SocketAddr) -> Vec<Url> {
    let listens: Vec<IpAddr> = match address.ip() {
        ip if ip.is_unspecified() => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        ip => vec![ip],
    };
    let listens = listens
        .into_iter()
        .map(|ip| format!("http://{}", SocketAddr::new(ip, address.port())));
    let mut own = vec![public_url.clone()];
    own.extend(listens.filter_map(|url| Url::parse(&url).ok()));
    own
}

async fn engine(
    options: &Options,
    clock: SharedClock,
    own: Vec<Url>,
) -> Result<Engine, ServeError> {
    let store = options.database.open(&options.data, &clock).await?;
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
        own,
        extra_authorities: authorities,
        ..jackfield_egress::Options::default()
    };
    Ok(Engine::new(jackfield_engine::Options {
        store,
        clock,
        sandbox: Sandbox::new(sandbox)?,
        egress: Egress::new(egress)?,
        room: options.load.room(),
        publishers: jackfield_engine::Publishers {
            trusted: options.publishers.clone(),
            require_signed: options.require_signed,
        },
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
        loop {
            match app.replay.sweep().await {
                Ok(0) => break,
                Ok(count) => tracing::debug!(count, "answers of yesterday were forgotten"),
                Err(problem) => {
                    tracing::warn!(%problem, "old answers could not be forgotten");
                    break;
                }
            }
        }
    }
}

/// `jackfield serve`: starts a host and stops it on SIGTERM or SIGINT. A second signal ends it at
/// once. Answers with the exit code.
///
/// # Errors
/// As [`serve`].
pub(crate) async fn until_stopped(options: Options) -> Result<ExitCode, ServeError> {
    let traces = telemetry::log(&options)?;
    let host = serve(&options).await?;
    let mut signals = Signals::listen().map_err(ServeError::Signals)?;
    announce(&host, &options.data);
    systemd::ready(&host.url());
    signals.next().await;
    eprintln!("stopping; a second signal ends the host at once");
    systemd::stopping(host.grace + AFTERWARDS);
    let stopped = async {
        host.stop().await;
        let _ = tokio::time::timeout(AFTERWARDS, traces.flush()).await;
    };
    tokio::select! {
        () = stopped => Ok(ExitCode::SUCCESS),
        code = signals.next() => {
            eprintln!("ended at once; the next start goes on from the last commits");
            Ok(ExitCode::from(code))
        }
    }
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
