//! What is counted. Labels are few and fixed: the kind and the outcome's code, never a host, a
//! plugin or a URL, which would grow without bound and could carry what should stay private.

use std::time::Duration;

use crate::Error;

const REQUESTS: &str = "jackfield_egress_requests_total";
const SECONDS: &str = "jackfield_egress_seconds";
const BYTES: &str = "jackfield_egress_bytes_total";

/// Names the metrics for the exporter. Once for each [`crate::Egress`]; repetition is harmless.
pub(crate) fn describe() {
    metrics::describe_counter!(REQUESTS, "Requests and mails, by kind and outcome");
    metrics::describe_histogram!(
        SECONDS,
        metrics::Unit::Seconds,
        "Time of an exchange, waiting for its turn included"
    );
    metrics::describe_counter!(BYTES, metrics::Unit::Bytes, "Bytes of bodies, by direction");
}

/// One exchange has ended.
pub(crate) fn ended<T>(kind: &'static str, result: &Result<T, Error>, time: Duration) {
    let outcome = match result {
        Ok(_) => "ok",
        Err(error) => error.code(),
    };
    metrics::counter!(REQUESTS, "kind" => kind, "outcome" => outcome).increment(1);
    metrics::histogram!(SECONDS, "kind" => kind).record(time.as_secs_f64());
}

/// Bytes have left.
pub(crate) fn sent(kind: &'static str, bytes: usize) {
    metrics::counter!(BYTES, "kind" => kind, "direction" => "sent").increment(bytes as u64);
}

/// Bytes have come.
pub(crate) fn received(kind: &'static str, bytes: usize) {
    metrics::counter!(BYTES, "kind" => kind, "direction" => "received").increment(bytes as u64);
}
