//! What an operator sets: the flags of `jackfield serve`, each also by environment.

use crate::database::DatabaseOptions;
use crate::load::LoadOptions;
use crate::retention::RetentionOptions;
use clap::{Args, ValueEnum};
use jackfield_egress::AddressRule;
use jackfield_engine::Publisher;
use jackfield_engine::schedule;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The port on which a host listens when nothing is said.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:7420";

/// The folder of a host's data when nothing is said.
pub const DEFAULT_DATA: &str = "jackfield-data";

/// The database in the folder of a host's data.
pub const DATABASE: &str = "jackfield.db";

/// How long a stop may take when nothing is said.
pub const DEFAULT_GRACE: &str = "20s";

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object for each line.
    Json,
}

/// The settings of a host.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The folder of the database, the compiled plugins and the operator's key
    #[arg(long, env = "JACKFIELD_DATA", default_value = DEFAULT_DATA, value_name = "DIR")]
    pub data: PathBuf,

    /// The address to listen on; port 0 takes a free one
    #[arg(long, env = "JACKFIELD_LISTEN", default_value = DEFAULT_LISTEN, value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,

    /// The address at which providers and contacts reach this host, for webhooks and unsubscribe
    /// links [default: http:// and the address to listen on]
    #[arg(long, env = "JACKFIELD_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<url::Url>,

    /// Lets plugins reach addresses that are not global, such as 127.0.0.1:8025 or 10.1.0.0/16;
    /// may be repeated
    #[arg(
        long = "allow-address",
        env = "JACKFIELD_ALLOW_ADDRESS",
        value_delimiter = ',',
        value_name = "CIDR[:PORT]"
    )]
    pub allow_addresses: Vec<AddressRule>,

    /// A certificate authority (PEM) that is trusted beside those of the system; may be repeated
    #[arg(
        long = "trust",
        env = "JACKFIELD_TRUST",
        value_delimiter = ',',
        value_name = "FILE"
    )]
    pub trust: Vec<PathBuf>,

    /// The key that seals secrets: 32 bytes in hexadecimal or base64 [default: DIR/secret.key,
    /// made at the first start]
    #[arg(long, env = "JACKFIELD_SECRET_KEY_FILE", value_name = "FILE")]
    pub secret_key_file: Option<PathBuf>,

    /// Installs and approves every component of this folder at start
    #[arg(long, env = "JACKFIELD_PLUGINS", value_name = "DIR")]
    pub plugins: Option<PathBuf>,

    /// Trusts plugins that this publisher has signed: a name, and the public key as minisign prints it;
    /// may be repeated
    #[arg(
        long = "publisher",
        env = "JACKFIELD_PUBLISHERS",
        value_delimiter = ',',
        value_name = "NAME=KEY"
    )]
    pub publishers: Vec<Publisher>,

    /// Installs nothing that no publisher has signed, also not from the folder of `--plugins`
    #[arg(long, env = "JACKFIELD_REQUIRE_SIGNED")]
    pub require_signed: bool,

    /// How the log is written; what is logged is set by RUST_LOG
    #[arg(
        long,
        env = "JACKFIELD_LOG_FORMAT",
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    pub log_format: LogFormat,

    /// Sends traces to this OTLP/HTTP collector, such as http://127.0.0.1:4318
    #[arg(long, env = "JACKFIELD_OTLP", value_name = "URL")]
    pub otlp: Option<url::Url>,

    /// How many plugins may run at the same time [default: what the machine has room for]
    #[arg(long, env = "JACKFIELD_MAX_ACTIVATIONS", value_name = "N")]
    pub max_activations: Option<u32>,

    /// How many HTTP requests may be under way; one key gets half of them at most
    #[arg(
        long,
        env = "JACKFIELD_MAX_REQUESTS",
        default_value_t = 1024,
        value_name = "N"
    )]
    pub max_requests: usize,

    /// How long what is under way may take to come to its next commit when the host stops
    #[arg(
        long,
        env = "JACKFIELD_SHUTDOWN_GRACE",
        default_value = DEFAULT_GRACE,
        value_name = "TIME"
    )]
    pub shutdown_grace: schedule::Duration,

    /// How much is done at once.
    #[command(flatten)]
    pub load: LoadOptions,

    /// Which database.
    #[command(flatten)]
    pub database: DatabaseOptions,

    /// What is kept, and for how long.
    #[command(flatten)]
    pub retention: RetentionOptions,
}

impl Options {
    /// The settings of a host that keeps its data here and listens on a free port of loopback:
    /// for tests and demonstrations.
    #[must_use]
    pub fn in_folder(data: impl Into<PathBuf>) -> Options {
        Options {
            data: data.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            public_url: None,
            allow_addresses: Vec::new(),
            trust: Vec::new(),
            secret_key_file: None,
            plugins: None,
            publishers: Vec::new(),
            require_signed: false,
            log_format: LogFormat::Text,
            otlp: None,
            max_activations: None,
            max_requests: 1024,
            shutdown_grace: schedule::Duration::from_millis(20_000),
            load: LoadOptions::default(),
            database: DatabaseOptions::default(),
            retention: RetentionOptions::default(),
        }
    }
}
