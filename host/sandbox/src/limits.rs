//! What one activation may use at most.
//!
//! Every field is finite by default, and each has a hostile plugin in the tests that runs into
//! it. The plugin's descriptor proposes, the operator's grant decides, the host's ceiling caps
//! ([`Limits::granted`]).

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The limits of one activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Limits {
    /// Units of work: about one for each WebAssembly instruction, and one for each element of a
    /// bulk operation.
    pub fuel: u64,
    /// Bytes over all linear memories together.
    pub memory: u64,
    /// Elements over all tables together.
    pub table_elements: u64,
    /// Wall-clock time, host calls included, waiting for a place in the pool not.
    #[serde(rename = "deadline-ms", with = "milliseconds")]
    pub deadline: Duration,
    /// Bytes from the host into the plugin: arguments of the activation, results of host calls.
    pub bytes_in: u64,
    /// Bytes from the plugin to the host: arguments of host calls, the result of the activation.
    pub bytes_out: u64,
    /// Number of host calls, `log.write` among them.
    pub host_calls: u64,
    /// Lines of log; more are dropped and counted.
    pub log_lines: u64,
    /// Bytes of log; more are dropped and counted.
    pub log_bytes: u64,
    /// Bytes of the result: output, state, receipt, answer and events.
    pub output: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // A JSON transformation takes 150 thousand, a step in JavaScript 1.3 million. A
            // thousand million is some tenths of a second of one core: enough to work through a
            // megabyte of JSON in an interpreter, not enough to be felt by others.
            fuel: 1_000_000_000,
            // JavaScript and Python components start with tens of MiB of interpreter heap.
            memory: 128 << 20,
            // A Python component has 60,000 elements before it does anything.
            table_elements: 100_000,
            // Three HTTP requests at their own default of 10 s, and something to work with them.
            deadline: Duration::from_secs(40),
            // A response is at most 1 MiB by default; eight of them.
            bytes_in: 8 << 20,
            // As inwards. Mail with attachments needs more, and says so in its descriptor.
            bytes_out: 8 << 20,
            // A host call is a microsecond of host time where nothing leaves the host: 10 ms.
            host_calls: 10_000,
            // What a person may still want to read of one activation.
            log_lines: 1_000,
            log_bytes: 256 << 10,
            // Output and state become part of a database row that is read at every activation.
            output: 1 << 20,
        }
    }
}

impl Limits {
    /// The host's own bounds, where the operator sets none: no grant goes past them.
    pub fn ceiling() -> Limits {
        Limits {
            // Half a minute of one core: longer work belongs into several steps.
            fuel: 100_000_000_000,
            memory: 512 << 20,
            table_elements: 200_000,
            // The longest request of the contract takes two minutes; a few of them.
            deadline: Duration::from_secs(600),
            // Attachments may be 25 MB together, and cross as base64 in some providers' APIs.
            bytes_in: 128 << 20,
            bytes_out: 128 << 20,
            host_calls: 1_000_000,
            log_lines: 100_000,
            log_bytes: 16 << 20,
            output: 32 << 20,
        }
    }

    /// What an activation gets. In each field: what the operator approved; where the approval is
    /// silent, what the plugin asked for, but not more than the default; and never more than the
    /// ceiling. So a plugin alone can only ask for less.
    pub fn granted(asked: &PartialLimits, approved: &PartialLimits, ceiling: &Limits) -> Limits {
        let usual = Limits::default();
        let field = |approved: Option<u64>, asked: Option<u64>, usual: u64, ceiling: u64| {
            approved
                .unwrap_or_else(|| asked.unwrap_or(usual).min(usual))
                .min(ceiling)
        };
        Self::build(|limit| {
            field(
                approved.get(limit),
                asked.get(limit),
                usual.get(limit),
                ceiling.get(limit),
            )
        })
    }

    /// The smaller value in each field.
    #[must_use]
    pub fn lowered(&self, to: &PartialLimits) -> Limits {
        Self::build(|limit| {
            let own = self.get(limit);
            to.get(limit).map_or(own, |value| value.min(own))
        })
    }

    /// The value of one limit, in its unit.
    pub fn get(&self, limit: Limit) -> u64 {
        match limit {
            Limit::Fuel => self.fuel,
            Limit::Memory => self.memory,
            Limit::TableElements => self.table_elements,
            Limit::Deadline => u64::try_from(self.deadline.as_millis()).unwrap_or(u64::MAX),
            Limit::BytesIn => self.bytes_in,
            Limit::BytesOut => self.bytes_out,
            Limit::HostCalls => self.host_calls,
            Limit::LogLines => self.log_lines,
            Limit::LogBytes => self.log_bytes,
            Limit::Output => self.output,
        }
    }

    fn build(value: impl Fn(Limit) -> u64) -> Limits {
        Limits {
            fuel: value(Limit::Fuel),
            memory: value(Limit::Memory),
            table_elements: value(Limit::TableElements),
            deadline: Duration::from_millis(value(Limit::Deadline)),
            bytes_in: value(Limit::BytesIn),
            bytes_out: value(Limit::BytesOut),
            host_calls: value(Limit::HostCalls),
            log_lines: value(Limit::LogLines),
            log_bytes: value(Limit::LogBytes),
            output: value(Limit::Output),
        }
    }
}

/// Some limits: what a descriptor asks for, or an operator approved. The rest is left open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct PartialLimits {
    /// As [`Limits::fuel`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
    /// As [`Limits::memory`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// As [`Limits::table_elements`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_elements: Option<u64>,
    /// As [`Limits::deadline`], in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// As [`Limits::bytes_in`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_in: Option<u64>,
    /// As [`Limits::bytes_out`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_out: Option<u64>,
    /// As [`Limits::host_calls`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_calls: Option<u64>,
    /// As [`Limits::log_lines`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_lines: Option<u64>,
    /// As [`Limits::log_bytes`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_bytes: Option<u64>,
    /// As [`Limits::output`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<u64>,
}

impl PartialLimits {
    /// The value of one limit, in its unit.
    pub fn get(&self, limit: Limit) -> Option<u64> {
        match limit {
            Limit::Fuel => self.fuel,
            Limit::Memory => self.memory,
            Limit::TableElements => self.table_elements,
            Limit::Deadline => self.deadline_ms,
            Limit::BytesIn => self.bytes_in,
            Limit::BytesOut => self.bytes_out,
            Limit::HostCalls => self.host_calls,
            Limit::LogLines => self.log_lines,
            Limit::LogBytes => self.log_bytes,
            Limit::Output => self.output,
        }
    }
}

/// The name of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// [`Limits::fuel`].
    Fuel,
    /// [`Limits::memory`].
    Memory,
    /// [`Limits::table_elements`].
    TableElements,
    /// [`Limits::deadline`].
    #[serde(rename = "deadline-ms")]
    Deadline,
    /// [`Limits::bytes_in`].
    BytesIn,
    /// [`Limits::bytes_out`].
    BytesOut,
    /// [`Limits::host_calls`].
    HostCalls,
    /// [`Limits::log_lines`].
    LogLines,
    /// [`Limits::log_bytes`].
    LogBytes,
    /// [`Limits::output`].
    Output,
}

/// What is said of a limit: its name in documents, the code of an activation that ran into it,
/// and words for people (what was used up, and the unit).
struct Words {
    name: &'static str,
    code: &'static str,
    what: &'static str,
    unit: &'static str,
}

impl Limit {
    /// Every limit.
    pub const ALL: [Limit; 10] = [
        Limit::Fuel,
        Limit::Memory,
        Limit::TableElements,
        Limit::Deadline,
        Limit::BytesIn,
        Limit::BytesOut,
        Limit::HostCalls,
        Limit::LogLines,
        Limit::LogBytes,
        Limit::Output,
    ];

    #[rustfmt::skip]
    const fn words(self) -> Words {
        match self {
            Limit::Fuel => Words { name: "fuel", code: "out-of-fuel", what: "used more fuel than it may", unit: "units" },
            Limit::Memory => Words { name: "memory", code: "out-of-memory", what: "asked for more memory than it may have", unit: "bytes" },
            Limit::TableElements => Words { name: "table-elements", code: "out-of-table", what: "asked for more table elements than it may have", unit: "elements" },
            Limit::Deadline => Words { name: "deadline-ms", code: "deadline", what: "took longer than it may", unit: "milliseconds" },
            Limit::BytesIn => Words { name: "bytes-in", code: "too-many-bytes-in", what: "was given more bytes than it may receive", unit: "bytes" },
            Limit::BytesOut => Words { name: "bytes-out", code: "too-many-bytes-out", what: "sent more bytes to the host than it may", unit: "bytes" },
            Limit::HostCalls => Words { name: "host-calls", code: "too-many-host-calls", what: "made more host calls than it may", unit: "calls" },
            Limit::LogLines => Words { name: "log-lines", code: "too-many-log-lines", what: "logged more lines than it may", unit: "lines" },
            Limit::LogBytes => Words { name: "log-bytes", code: "too-many-log-bytes", what: "logged more bytes than it may", unit: "bytes" },
            Limit::Output => Words { name: "output", code: "output-too-large", what: "returned more than it may", unit: "bytes" },
        }
    }

    /// As in documents: `deadline-ms`.
    pub const fn name(self) -> &'static str {
        self.words().name
    }

    /// The code of an activation that ran into it: `out-of-fuel`.
    pub const fn code(self) -> &'static str {
        self.words().code
    }

    /// For people: what happened, the limit's value, and the grant that would raise it.
    pub fn sentence(self, value: u64) -> String {
        let words = self.words();
        format!(
            "the plugin {}: the limit `{}` is {value} {}; a grant such as `limit {}={}` would \
             raise it, up to the host's ceiling",
            words.what,
            words.name,
            words.unit,
            words.name,
            value.saturating_mul(2),
        )
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        u64::deserialize(d).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_plugin_alone_can_only_ask_for_less_and_an_approval_only_reaches_the_ceiling() {
        let ceiling = Limits::ceiling();
        let more = PartialLimits {
            fuel: Some(u64::MAX),
            memory: Some(1 << 20),
            ..PartialLimits::default()
        };
        let alone = Limits::granted(&more, &PartialLimits::default(), &ceiling);
        assert_eq!(alone.fuel, Limits::default().fuel);
        assert_eq!(alone.memory, 1 << 20);
        let approved = Limits::granted(&PartialLimits::default(), &more, &ceiling);
        assert_eq!(approved.fuel, ceiling.fuel);
        assert_eq!(approved.deadline, Limits::default().deadline);
    }

    #[test]
    fn limits_are_written_in_kebab_case_and_unknown_ones_are_refused() {
        let json = serde_json::to_value(Limits::default()).unwrap();
        for limit in Limit::ALL {
            assert_eq!(
                json[limit.name()].as_u64(),
                Some(Limits::default().get(limit)),
                "{limit}"
            );
        }
        assert_eq!(
            serde_json::from_value::<Limits>(json).unwrap(),
            Limits::default()
        );
        assert!(serde_json::from_str::<PartialLimits>(r#"{"fule": 1}"#).is_err());
        let partial: PartialLimits = serde_json::from_str(r#"{"deadline-ms": 5}"#).unwrap();
        assert_eq!(
            Limits::default().lowered(&partial).deadline,
            Duration::from_millis(5)
        );
    }

    #[test]
    fn every_default_fits_under_the_ceiling() {
        for limit in Limit::ALL {
            assert!(Limits::default().get(limit) <= Limits::ceiling().get(limit));
        }
    }
}
