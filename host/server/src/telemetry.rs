//! Logs, traces and metrics of the process. Each is set up once, whoever asks first.
//!
//! Logs go to standard error, so that standard output stays what a command prints. Traces go to an
//! OTLP collector where one is given. Metrics are always gathered and shown at `/metrics`.

use crate::http::{admission, layers};
use crate::options::{LogFormat, Options};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, Protocol, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::runtime::Tokio;
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sdk::trace::span_processor_with_async_runtime::BatchSpanProcessor;
use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{EnvFilter, Layer as _};

/// What is logged when `RUST_LOG` says nothing.
const FILTER: &str = "info,wasmtime=warn,cranelift=warn,hyper=warn,h2=warn,reqwest=warn,sqlx=warn";

/// The runs in a burst.
pub(crate) const BURSTS: &str = "jackfield_engine_bursts";

/// The bytes of request bodies.
pub(crate) const BODIES: &str = "jackfield_http_body_bytes";

/// Seconds: from a commit of a fraction of a millisecond to a plugin that takes a minute.
const BUCKETS: &[f64] = &[
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0, 60.0,
];

/// Why telemetry cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The OTLP exporter.
    #[error("traces cannot be sent to the collector: {0}; check --otlp")]
    Otlp(#[from] ExporterBuildError),
    /// The recorder of metrics.
    #[error("metrics cannot be gathered: {0}")]
    Metrics(#[from] BuildError),
    /// The log.
    #[error("the log is set up already: {0}")]
    Log(#[from] TryInitError),
}

/// Ends the export of traces when the host stops.
pub(crate) struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Sends what is still to be sent.
    pub(crate) async fn flush(self) {
        let Some(provider) = self.0 else { return };
        // It waits for the exporter, which needs this runtime: not on one of its threads.
        let ended = tokio::task::spawn_blocking(move || provider.shutdown()).await;
        if let Ok(Err(error)) = ended {
            eprintln!("the last traces could not be sent: {error}");
        }
    }
}

/// Sets the log and the export of traces up. Once for each process.
///
/// # Errors
/// See [`TelemetryError`].
pub(crate) fn log(options: &Options) -> Result<Traces, TelemetryError> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(FILTER));
    let provider = options.otlp.as_ref().map(exporter).transpose()?;
    let traces = provider.as_ref().map(|provider| {
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("jackfield"));
        layer.with_filter(filter_fn(traced))
    });
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match options.log_format {
        LogFormat::Text => lines
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
            .boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(traces)
        .with(lines.with_filter(filter))
        .try_init()?;
    Ok(Traces(provider))
}

/// What a collector is sent, whatever is logged: our own spans, those of one activation or one call
/// outward among them. Those are of the level DEBUG, so that a host without a collector does not make
/// them: a run has a dozen.
fn traced(what: &Metadata<'_>) -> bool {
    let most = if what.is_span() {
        Level::DEBUG
    } else {
        Level::INFO
    };
    what.target().starts_with("jackfield") && *what.level() <= most
}

fn exporter(collector: &url::Url) -> Result<SdkTracerProvider, ExporterBuildError> {
    let endpoint = if collector.path() == "/" {
        format!("{}v1/traces", collector.as_str())
    } else {
        collector.to_string()
    };
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint)
        .build()?;
    let batches = BatchSpanProcessor::builder(exporter, Tokio).build();
    let resource = Resource::builder()
        .with_service_name("jackfield")
        .with_attribute(opentelemetry::KeyValue::new(
            "service.version",
            env!("CARGO_PKG_VERSION"),
        ))
        .build();
    Ok(SdkTracerProvider::builder()
        .with_span_processor(batches)
        .with_resource(resource)
        .build())
}

/// The recorder of this process.
static METRICS: Mutex<Option<PrometheusHandle>> = Mutex::new(None);

/// What `/metrics` shows. The first call sets the recorder up; all hosts of a process share it.
///
/// # Errors
/// When another recorder was installed before.
pub(crate) fn metrics() -> Result<PrometheusHandle, TelemetryError> {
    let mut metrics = METRICS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = metrics.as_ref() {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), BUCKETS)?
        .install_recorder()?;
    layers::describe();
    admission::describe();
    metrics::describe_gauge!(BURSTS, "Runs that are in a burst");
    metrics::describe_gauge!(BODIES, "Bytes granted to bodies of requests under way");
    *metrics = Some(handle.clone());
    Ok(handle)
}
