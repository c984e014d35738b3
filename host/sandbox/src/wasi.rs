//! WASI 0.2 for components that cannot do without: everything is there to link, nothing is there
//! to reach.
//!
//! Tool-chains of Python and JavaScript like to import WASI. Such a component gets the run's own
//! clock and randomness (through the same host calls as everybody, so that an activation taken up
//! again sees the same), its stdout and stderr in the log, and otherwise an empty world: no files,
//! no environment, no arguments, no sockets, no stdin. Sleeping is possible and bounded by the
//! deadline.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Lower, ResourceTable};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wasmtime_wasi::{
    HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView,
};

use crate::call::HostCall;
use crate::ended::Ended;
use crate::state::State;
use crate::wit::log::Level;

/// The interfaces that are linked, by package. The version is any 0.2.
pub(crate) const OFFERED: [(&str, &[&str]); 6] = [
    ("wasi:io", &["error", "poll", "streams"]),
    ("wasi:clocks", &["wall-clock", "monotonic-clock"]),
    ("wasi:random", &["random", "insecure", "insecure-seed"]),
    ("wasi:filesystem", &["types", "preopens"]),
    (
        "wasi:cli",
        &[
            "exit",
            "environment",
            "stdin",
            "stdout",
            "stderr",
            "terminal-input",
            "terminal-output",
            "terminal-stdin",
            "terminal-stdout",
            "terminal-stderr",
        ],
    ),
    (
        "wasi:sockets",
        &[
            "network",
            "instance-network",
            "ip-name-lookup",
            "tcp",
            "tcp-create-socket",
            "udp",
            "udp-create-socket",
        ],
    ),
];

/// Handles that a component may hold at once. Interpreters hold about ten.
const HANDLES: usize = 1_024;
/// The most that one call answers; WASI has no way to answer less than was asked.
const RANDOM_BYTES: u64 = 64 << 10;
/// The most that `random.bytes` of the contract answers.
const RANDOM_CHUNK: u64 = 1_024;

/// What WASI needs of one activation.
pub(crate) struct Wasi {
    context: WasiCtx,
    table: ResourceTable,
    out: Output,
    err: Output,
    told: Arc<AtomicU64>,
}

impl Wasi {
    fn new(log_bytes: u64) -> Wasi {
        let out = Output::new(log_bytes);
        let err = Output::new(log_bytes);
        let told = Arc::new(AtomicU64::new(0));
        let context = WasiCtxBuilder::new()
            .stdout(out.clone())
            .stderr(err.clone())
            .wall_clock(Told(Arc::clone(&told)))
            .monotonic_clock(Told(Arc::clone(&told)))
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .build();
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES);
        Wasi {
            context,
            table,
            out,
            err,
            told,
        }
    }

    /// Takes the whole lines written so far; with `all` the unfinished ones too.
    pub(crate) fn lines(&self, all: bool) -> Vec<(Level, String)> {
        let mut lines = Vec::new();
        for (level, output) in [(Level::Info, &self.out), (Level::Warn, &self.err)] {
            output.take(all, |line| lines.push((level, line)));
        }
        lines
    }

    /// Writes that found no room.
    pub(crate) fn dropped(&self) -> u64 {
        self.out.written().dropped + self.err.written().dropped
    }
}

impl State {
    fn wasi(&mut self) -> &mut Wasi {
        let log_bytes = self.limits.log_bytes;
        self.wasi
            .get_or_insert_with(|| Box::new(Wasi::new(log_bytes)))
    }

    /// The run's time in milliseconds, remembered for what asks without a host call.
    async fn wasi_now(&mut self) -> wasmtime::Result<u64> {
        let now: u64 = self.ask(HostCall::ClockNow).await?;
        self.wasi().told.store(now, Ordering::Relaxed);
        Ok(now)
    }

    async fn wasi_random(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        if length > RANDOM_BYTES {
            return Err(self.end(Ended::Trap {
                kind: "other",
                message: format!("more than {RANDOM_BYTES} random bytes asked for in one call"),
            }));
        }
        let mut random = Vec::new();
        while (random.len() as u64) < length {
            let wanted = (length - random.len() as u64).min(RANDOM_CHUNK);
            // At most `RANDOM_CHUNK`.
            let call = HostCall::RandomBytes {
                length: wanted as u32,
            };
            let bytes: Vec<u8> = self.ask(call).await?;
            if bytes.len() as u64 != wanted {
                return Err(self.end(Ended::HostBug {
                    message: "`random.bytes` answered another length".to_owned(),
                }));
            }
            random.extend_from_slice(&bytes);
        }
        Ok(random)
    }

    async fn wasi_random_u64(&mut self) -> wasmtime::Result<u64> {
        let bytes = self.wasi_random(8).await?;
        Ok(bytes
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let wasi = self.wasi();
        WasiCtxView {
            ctx: &mut wasi.context,
            table: &mut wasi.table,
        }
    }
}

/// `wasi:clocks/wall-clock.datetime`.
#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

/// Puts WASI into a linker, then takes clocks and randomness over.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    linker.allow_shadowing(true);

    type Context<'a> = StoreContextMut<'a, State>;
    let mut wall = linker.instance("wasi:clocks/wall-clock@0.2.12")?;
    wall.func_wrap_async("now", |mut context: Context<'_>, (): ()| {
        Box::new(async move {
            let now = context.data_mut().wasi_now().await?;
            Ok((Datetime {
                seconds: now / 1_000,
                // Below a thousand million.
                nanoseconds: (now % 1_000) as u32 * 1_000_000,
            },))
        })
    })?;
    let mut monotonic = linker.instance("wasi:clocks/monotonic-clock@0.2.12")?;
    monotonic.func_wrap_async("now", |mut context: Context<'_>, (): ()| {
        Box::new(async move {
            let now = context.data_mut().wasi_now().await?;
            Ok((now.saturating_mul(1_000_000),))
        })
    })?;
    for (interface, bytes, number) in [
        ("random", "get-random-bytes", "get-random-u64"),
        (
            "insecure",
            "get-insecure-random-bytes",
            "get-insecure-random-u64",
        ),
    ] {
        let mut random = linker.instance(&format!("wasi:random/{interface}@0.2.12"))?;
        random.func_wrap_async(bytes, |mut context: Context<'_>, (length,): (u64,)| {
            Box::new(async move { Ok((context.data_mut().wasi_random(length).await?,)) })
        })?;
        random.func_wrap_async(number, |mut context: Context<'_>, (): ()| {
            Box::new(async move { Ok((context.data_mut().wasi_random_u64().await?,)) })
        })?;
    }
    let mut seed = linker.instance("wasi:random/insecure-seed@0.2.12")?;
    seed.func_wrap_async("insecure-seed", |mut context: Context<'_>, (): ()| {
        Box::new(async move {
            let state = context.data_mut();
            let low = state.wasi_random_u64().await?;
            let high = state.wasi_random_u64().await?;
            Ok(((low, high),))
        })
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

/// The clock as the component was last told: what `subscribe-instant` counts from.
struct Told(Arc<AtomicU64>);

impl HostMonotonicClock for Told {
    fn resolution(&self) -> u64 {
        1_000_000
    }
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed).saturating_mul(1_000_000)
    }
}

impl HostWallClock for Told {
    fn resolution(&self) -> std::time::Duration {
        std::time::Duration::from_millis(1)
    }
    fn now(&self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// Stdout or stderr: bytes on their way into the log, never more than the log may take.
#[derive(Clone)]
struct Output {
    written: Arc<Mutex<Written>>,
    room: usize,
}

#[derive(Default)]
struct Written {
    bytes: Vec<u8>,
    dropped: u64,
}

impl Output {
    fn new(room: u64) -> Self {
        Self {
            written: Arc::default(),
            room: usize::try_from(room).unwrap_or(usize::MAX),
        }
    }

    /// A panic cannot leave bytes in a state that matters.
    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, bytes: &[u8]) {
        let mut written = self.written();
        if written.bytes.len().saturating_add(bytes.len()) > self.room {
            written.dropped += 1;
        } else {
            written.bytes.extend_from_slice(bytes);
        }
    }

    fn take(&self, all: bool, mut line: impl FnMut(String)) {
        let mut written = self.written();
        let end = if all {
            written.bytes.len()
        } else {
            match written.bytes.iter().rposition(|byte| *byte == b'\n') {
                Some(at) => at + 1,
                None => return,
            }
        };
        for text in written.bytes[..end].split(|byte| *byte == b'\n') {
            if !text.is_empty() {
                line(String::from_utf8_lossy(text).into_owned());
            }
        }
        written.bytes.drain(..end);
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only WASI 0.3 asks for this one, and that is not linked.
        Box::new(tokio::io::sink())
    }
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.push(&bytes);
        Ok(())
    }
    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }
    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 << 10)
    }
}

#[async_trait::async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}
