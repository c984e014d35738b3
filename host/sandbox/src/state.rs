//! What one activation carries: who answers its calls, what it may do, and what it has used.
//!
//! Everything is counted here and nowhere else: bytes in both directions, host calls, log lines,
//! memory and tables. A counter that passes its limit notes the reason in [`State::ended`] and
//! returns an error, which ends the activation; the reason is read from the note, not from the
//! error.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use wasmtime::ResourceLimiter;

use crate::budget::{Budget, Part};
use crate::call::{HostCall, HostCalls, HostReply};
use crate::crossing::Crossing;
use crate::ended::Ended;
use crate::engine::{CORE_INSTANCES, MEMORIES, TABLES};
use crate::interface::Interfaces;
use crate::limits::{Limit, Limits};
use crate::wasi::Wasi;
use crate::wit::log::Level;

/// How long the host answers one activation without letting others go on.
const BREATH: Duration = Duration::from_micros(100);

/// What an activation has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Usage {
    /// Units of fuel.
    pub fuel: u64,
    /// Wall-clock time, without waiting for a place in the pool.
    #[serde(rename = "duration-us", with = "microseconds")]
    pub duration: Duration,
    /// The most bytes that all linear memories had together.
    pub memory_peak: u64,
    /// Bytes from the host into the plugin.
    pub bytes_in: u64,
    /// Bytes from the plugin to the host.
    pub bytes_out: u64,
    /// Host calls, `log.write` among them.
    pub host_calls: u64,
    /// Lines logged, without those dropped.
    pub log_lines: u64,
    /// Bytes logged, without those dropped.
    pub log_bytes: u64,
    /// Lines dropped because a limit on the log was reached.
    pub log_dropped: u64,
}

/// The data of a store.
pub(crate) struct State {
    pub(crate) calls: Box<dyn HostCalls>,
    pub(crate) interfaces: Interfaces,
    pub(crate) limits: Limits,
    pub(crate) usage: Usage,
    /// Why the activation ends, noted where it was found out.
    pub(crate) ended: Option<Ended>,
    /// The limit on memory or tables that was enforced last.
    pub(crate) refused: Option<Limit>,
    memory: Sum,
    table_elements: Sum,
    /// What it has of the memory that all activations share.
    part: Part,
    /// The shared memory was used up when it asked for more.
    no_room: bool,
    /// Since when it has been answered without a pause.
    answered_since: Instant,
    /// Made when a component first asks for something of WASI.
    pub(crate) wasi: Option<Box<Wasi>>,
}

/// The error of an activation whose end is noted in [`State::ended`].
#[derive(Debug, thiserror::Error)]
#[error("the activation was ended by the host")]
struct Noted;

impl State {
    pub(crate) fn new(
        calls: Box<dyn HostCalls>,
        interfaces: Interfaces,
        limits: Limits,
        memory: &Arc<Budget>,
    ) -> Self {
        Self {
            calls,
            interfaces,
            limits,
            usage: Usage::default(),
            ended: None,
            refused: None,
            memory: Sum::default(),
            table_elements: Sum::default(),
            part: Part::of(memory),
            no_room: false,
            answered_since: Instant::now(),
            wasi: None,
        }
    }

    /// Notes why the activation ends.
    #[cold]
    pub(crate) fn end(&mut self, ended: Ended) -> wasmtime::Error {
        self.ended.get_or_insert(ended);
        wasmtime::Error::new(Noted)
    }

    #[cold]
    fn over(&mut self, limit: Limit) -> wasmtime::Error {
        let value = self.limits.get(limit);
        self.end(Ended::Limit { limit, value })
    }

    /// Counts bytes into the plugin.
    pub(crate) fn bytes_in(&mut self, bytes: u64) -> wasmtime::Result<()> {
        self.usage.bytes_in = self.usage.bytes_in.saturating_add(bytes);
        if self.usage.bytes_in > self.limits.bytes_in {
            return Err(self.over(Limit::BytesIn));
        }
        Ok(())
    }

    /// Counts bytes out of the plugin.
    pub(crate) fn bytes_out(&mut self, bytes: u64) -> wasmtime::Result<()> {
        self.usage.bytes_out = self.usage.bytes_out.saturating_add(bytes);
        if self.usage.bytes_out > self.limits.bytes_out {
            return Err(self.over(Limit::BytesOut));
        }
        Ok(())
    }

    /// Counts the result of the activation.
    pub(crate) fn output(&mut self, bytes: u64) -> wasmtime::Result<()> {
        if bytes > self.limits.output {
            return Err(self.over(Limit::Output));
        }
        self.bytes_out(bytes)
    }

    fn host_call(&mut self, bytes: u64) -> wasmtime::Result<()> {
        self.usage.host_calls += 1;
        if self.usage.host_calls > self.limits.host_calls {
            return Err(self.over(Limit::HostCalls));
        }
        self.bytes_out(bytes)
    }

    /// Lets other tasks go on, if the host has been busy with this activation for a while: host
    /// calls use no fuel, so a plugin that makes one after another does not yield by itself.
    async fn breathe(&mut self) {
        if self.answered_since.elapsed() > BREATH {
            tokio::task::yield_now().await;
            self.answered_since = Instant::now();
        }
    }

    /// The end, where a want of memory was not the limit's but the host's.
    pub(crate) fn crowded(&self, ended: Ended) -> Ended {
        let memory = matches!(
            ended,
            Ended::Limit {
                limit: Limit::Memory,
                ..
            }
        );
        if memory && self.no_room {
            return Ended::Unavailable {
                message: "the memory that activations share is used up".to_owned(),
            };
        }
        ended
    }

    /// One host call, from counting to the typed answer.
    pub(crate) async fn ask<T: FromReply>(&mut self, call: HostCall) -> wasmtime::Result<T> {
        self.host_call(call.bytes())?;
        self.breathe().await;
        self.drain_stdio();
        let name = call.name();
        let reply = if call.harmless() || self.interfaces.contains(call.interface()) {
            match self.calls.call(call).await {
                Ok(reply) => reply,
                Err(stop) => return Err(self.end(Ended::Stopped(stop))),
            }
        } else {
            self.calls.denied(&call);
            call.denied()
        };
        self.bytes_in(reply.bytes())?;
        match T::from_reply(reply) {
            Some(answer) => Ok(answer),
            None => Err(self.end(Ended::HostBug {
                message: format!("`{name}` was answered with another call's reply"),
            })),
        }
    }

    /// `log.write`: counted like every host call; the line itself is dropped, not refused, when
    /// the log is full.
    pub(crate) async fn write_log(
        &mut self,
        level: Level,
        message: String,
    ) -> wasmtime::Result<()> {
        self.host_call(message.bytes())?;
        self.breathe().await;
        self.drain_stdio();
        self.line(level, message);
        Ok(())
    }

    /// A line for the log, if there is room.
    fn line(&mut self, level: Level, message: String) {
        let bytes = message.bytes();
        if self.usage.log_lines >= self.limits.log_lines
            || self.usage.log_bytes.saturating_add(bytes) > self.limits.log_bytes
        {
            self.usage.log_dropped += 1;
            return;
        }
        self.usage.log_lines += 1;
        self.usage.log_bytes += bytes;
        self.calls.log(level, message);
    }

    /// Moves whole lines that the plugin wrote to stdout and stderr into the log. Called before
    /// every other host call, so that lines and calls keep their order.
    fn drain_stdio(&mut self) {
        if let Some(wasi) = &self.wasi {
            let lines = wasi.lines(false);
            self.lines(lines);
        }
    }

    /// As [`State::drain_stdio`], with the unfinished last lines too: the activation is over.
    pub(crate) fn finish_stdio(&mut self) {
        if let Some(wasi) = &self.wasi {
            let lines = wasi.lines(true);
            self.usage.log_dropped += wasi.dropped();
            self.lines(lines);
        }
    }

    fn lines(&mut self, lines: Vec<(Level, String)>) {
        for (level, line) in lines {
            self.line(level, line);
        }
    }
}

/// A sum over all memories, or over all tables: a limit for each of them would let a component
/// with many have many times as much.
#[derive(Default)]
struct Sum {
    total: u64,
    /// What was allowed last, to be taken back if it fails after all.
    last: u64,
}

impl Sum {
    /// Whether there is room to grow; none means that the limit is in the way.
    fn grow(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
        limit: u64,
    ) -> Option<bool> {
        self.last = 0;
        let more = desired.saturating_sub(current) as u64;
        let total = self.total.saturating_add(more);
        if total > limit {
            return None;
        }
        if maximum.is_some_and(|maximum| desired > maximum) {
            // Past the guest's own maximum: it fails, and is nothing to count.
            return Some(false);
        }
        self.total = total;
        self.last = more;
        Some(true)
    }

    fn failed(&mut self) {
        self.total -= std::mem::take(&mut self.last);
    }
}

impl ResourceLimiter for State {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let limit = self.limits.memory;
        let Some(grows) = self.memory.grow(current, desired, maximum, limit) else {
            self.refused = Some(Limit::Memory);
            self.no_room = false;
            return Ok(false);
        };
        if grows && !self.part.allows(self.memory.total) {
            self.memory.failed();
            self.refused = Some(Limit::Memory);
            self.no_room = true;
            return Ok(false);
        }
        self.usage.memory_peak = self.usage.memory_peak.max(self.memory.total);
        Ok(grows)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory.failed();
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let limit = self.limits.table_elements;
        let Some(grows) = self.table_elements.grow(current, desired, maximum, limit) else {
            self.refused = Some(Limit::TableElements);
            return Ok(false);
        };
        Ok(grows)
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.table_elements.failed();
        Ok(())
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES as usize
    }

    fn tables(&self) -> usize {
        TABLES as usize
    }

    fn memories(&self) -> usize {
        MEMORIES as usize
    }
}

/// The typed answer in a reply.
pub(crate) trait FromReply: Sized {
    /// None if the reply is another call's.
    fn from_reply(reply: HostReply) -> Option<Self>;
}

macro_rules! from_reply {
    ($($type:ty: $($variant:ident)|+;)*) => {$(
        impl FromReply for $type {
            fn from_reply(reply: HostReply) -> Option<Self> {
                match reply {
                    $(HostReply::$variant(answer) => Some(answer),)+
                    _ => None,
                }
            }
        }
    )*};
}

from_reply! {
    u64: Timestamp;
    Result<u64, crate::wit::CallError>: Number;
    Vec<u8>: Bytes;
    Result<Vec<u8>, crate::wit::CallError>: Digest;
    Result<crate::wit::http::Response, crate::wit::CallError>: Response;
    Result<crate::wit::email::Accepted, crate::wit::CallError>: Accepted;
    Result<bool, crate::wit::CallError>: Truth;
    Result<String, crate::wit::CallError>: Text;
    Option<String>: Maybe;
    Result<(), crate::wit::CallError>: Done;
}

mod microseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        u64::deserialize(d).map(Duration::from_micros)
    }
}
