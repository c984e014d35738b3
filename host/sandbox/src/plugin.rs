//! Activations: one call into a plugin, in a fresh sandbox, within its limits.
//!
//! In order: a place in the pool is waited for (fairly, and outside of the deadline); a store is
//! made with the grant's limits; the component is instantiated and called, all of it under the
//! deadline, in turns if it is long, and behind a guard against panics; the result is counted; whatever happened, the
//! caller gets its [`HostCalls`] back together with what was used. Nothing of a store survives
//! its activation.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt as _;
use tokio::time::timeout;
use tracing::Instrument as _;
use wasmtime::Store;

use crate::call::HostCalls;
use crate::crossing::Crossing;
use crate::ended::{Ended, classify};
use crate::inspect::Kind;
use crate::interface::Interfaces;
use crate::limits::{Limit, Limits, PartialLimits};
use crate::pace::paced;
use crate::sandbox::{Compiled, Granted, Inner, Pre};
use crate::state::{State, Usage};
use crate::wit::connector::{Receipt, Received, Request};
use crate::wit::{Failure, Invocation, Outcome, Wake};

/// Fuel between two yields to the async runtime: some tens of microseconds of work, so that
/// deadlines act and other tasks of the thread go on.
const YIELD: u64 = 500_000;

/// A component that is loaded, together with a grant. Cheap to clone.
#[derive(Clone)]
pub struct Plugin {
    inner: Arc<Inner>,
    compiled: Arc<Compiled>,
    interfaces: Interfaces,
    limits: Limits,
}

/// What an activation left.
#[derive(Debug)]
pub struct Activated<T, C> {
    /// The plugin's answer, or why there is none.
    pub result: Result<T, Ended>,
    /// What was used.
    pub usage: Usage,
    /// What answered the host calls, as the activation left it.
    pub calls: C,
}

impl Plugin {
    pub(crate) fn new(inner: Arc<Inner>, compiled: Arc<Compiled>, granted: &Granted) -> Plugin {
        let ceiling = inner.ceiling;
        Plugin {
            limits: capped(&granted.limits, &ceiling),
            interfaces: granted.interfaces,
            inner,
            compiled,
        }
    }

    /// The digest of the component.
    pub fn digest(&self) -> &str {
        &self.compiled.digest
    }

    /// Step or connector.
    pub fn kind(&self) -> Kind {
        self.compiled.pre.kind()
    }

    /// The limits of its activations.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The same plugin under lower limits. What is higher than the grant stays as granted.
    #[must_use]
    pub fn lowered(&self, to: &PartialLimits) -> Plugin {
        Plugin {
            limits: self.limits.lowered(to),
            ..self.clone()
        }
    }

    /// Asks for the descriptor (JSON).
    pub async fn describe<C: HostCalls>(&self, calls: C) -> Activated<String, C> {
        self.activate(Describe, calls).await
    }

    /// A run arrives at a step.
    pub async fn start<C: HostCalls>(
        &self,
        invocation: &Invocation,
        calls: C,
    ) -> Activated<Result<Outcome, Failure>, C> {
        self.activate(Start(invocation), calls).await
    }

    /// A wait of a step has ended. `state` is what `wait` carried.
    pub async fn resume<C: HostCalls>(
        &self,
        invocation: &Invocation,
        state: &str,
        wake: &Wake,
        calls: C,
    ) -> Activated<Result<Outcome, Failure>, C> {
        let state = state.to_owned();
        self.activate(Resume(invocation, state, wake), calls).await
    }

    /// Are a channel's settings and credentials good? `channel` is JSON, and so is the answer.
    pub async fn check<C: HostCalls>(
        &self,
        channel: &str,
        calls: C,
    ) -> Activated<Result<String, Failure>, C> {
        self.activate(Check(channel.to_owned()), calls).await
    }

    /// Registers a channel's webhook at the provider.
    pub async fn connect<C: HostCalls>(
        &self,
        channel: &str,
        public_url: &str,
        calls: C,
    ) -> Activated<Result<String, Failure>, C> {
        self.activate(Connect(channel.to_owned(), public_url.to_owned()), calls)
            .await
    }

    /// Sends one message (JSON) through a channel.
    pub async fn send<C: HostCalls>(
        &self,
        channel: &str,
        message: &str,
        idempotency_key: &str,
        calls: C,
    ) -> Activated<Result<Receipt, Failure>, C> {
        let send = Send {
            channel: channel.to_owned(),
            message: message.to_owned(),
            key: idempotency_key.to_owned(),
        };
        self.activate(send, calls).await
    }

    /// Reads a provider's request.
    pub async fn receive<C: HostCalls>(
        &self,
        channel: &str,
        request: &Request,
        calls: C,
    ) -> Activated<Result<Received, Failure>, C> {
        self.activate(Receive(channel.to_owned(), request), calls)
            .await
    }

    async fn activate<E: Export, C: HostCalls>(
        &self,
        export: E,
        calls: C,
    ) -> Activated<E::Output, C> {
        let span = tracing::debug_span!(
            "activation",
            plugin = %self.compiled.digest,
            function = E::NAME,
            end = tracing::field::Empty,
            fuel = tracing::field::Empty,
        );
        let recorded = span.clone();
        async move {
            let (result, usage, calls) = self.run(export, Box::new(calls)).await;
            recorded.record("fuel", usage.fuel);
            recorded.record(
                "end",
                result.as_ref().err().map_or("answered", Ended::label),
            );
            self.inner.measure.ended(&usage, result.as_ref().err());
            Activated {
                result,
                usage,
                calls: given_back(calls),
            }
        }
        .instrument(span)
        .await
    }

    async fn run<E: Export>(
        &self,
        export: E,
        calls: Box<dyn HostCalls>,
    ) -> (Result<E::Output, Ended>, Usage, Box<dyn HostCalls>) {
        let account = calls.account();
        let _place = match self.inner.places.try_take(&account) {
            Some(place) => place,
            None => {
                let since = Instant::now();
                let place = self.inner.places.take(&account).await;
                self.inner.measure.waited(since.elapsed().as_secs_f64());
                place
            }
        };
        let _in_use = self.inner.measure.begin();
        let since = Instant::now();
        let limits = self.limits;
        let mut store = Store::new(
            &self.inner.engine,
            State::new(calls, self.interfaces, limits, &self.inner.memory),
        );
        let call = async {
            prepare(&mut store, &limits)?;
            store.data_mut().bytes_in(export.bytes())?;
            let output = export.call(&self.compiled, &mut store).await?;
            store.data_mut().output(output.bytes())?;
            Ok(output)
        };
        // A panic under an activation is the host's fault: the store is not used again but for
        // reading counters, and the caller is told.
        let call = paced(call, &self.inner.turns, &account);
        let guarded = AssertUnwindSafe(timeout(limits.deadline, call)).catch_unwind();
        let ended = guarded.await;

        let fuel = limits.fuel.saturating_sub(store.get_fuel().unwrap_or(0));
        let mut state = store.into_data();
        let result = match ended {
            Ok(Ok(Ok(output))) => Ok(output),
            Ok(Ok(Err(error))) => Err(state
                .ended
                .take()
                .unwrap_or_else(|| state.crowded(classify(&error, &limits, state.refused)))),
            Ok(Err(_elapsed)) => Err(Ended::Limit {
                limit: Limit::Deadline,
                value: limits.get(Limit::Deadline),
            }),
            Err(panic) => {
                tracing::error!(
                    plugin = %self.compiled.digest,
                    function = E::NAME,
                    panic = panic_message(panic.as_ref()),
                    "the host panicked under an activation"
                );
                Err(Ended::HostPanic)
            }
        };
        state.finish_stdio();
        state.usage.fuel = fuel;
        state.usage.duration = since.elapsed();
        (result, state.usage, state.calls)
    }
}

/// Sets a fresh store's limits.
fn prepare(store: &mut Store<State>, limits: &Limits) -> wasmtime::Result<()> {
    // A host call's argument and the export's result are copied only up to here; the exact count
    // follows when they are known. Lists of small values are larger on the host than they count.
    const SLACK: usize = 64 << 10;
    store.set_fuel(limits.fuel)?;
    store.fuel_async_yield_interval(Some(YIELD))?;
    store.set_hostcall_fuel(
        usize::try_from(limits.bytes_out)
            .unwrap_or(usize::MAX)
            .saturating_add(SLACK),
    );
    store.limiter(|state| state);
    Ok(())
}

fn capped(limits: &Limits, ceiling: &Limits) -> Limits {
    limits.lowered(&PartialLimits {
        fuel: Some(ceiling.fuel),
        memory: Some(ceiling.memory),
        table_elements: Some(ceiling.table_elements),
        deadline_ms: Some(ceiling.get(Limit::Deadline)),
        bytes_in: Some(ceiling.bytes_in),
        bytes_out: Some(ceiling.bytes_out),
        host_calls: Some(ceiling.host_calls),
        log_lines: Some(ceiling.log_lines),
        log_bytes: Some(ceiling.log_bytes),
        output: Some(ceiling.output),
    })
}

fn given_back<C: HostCalls>(calls: Box<dyn HostCalls>) -> C {
    let calls: Box<dyn Any> = calls;
    match calls.downcast::<C>() {
        Ok(calls) => *calls,
        Err(_) => unreachable!("the box was made from this very type, and nothing replaces it"),
    }
}

fn panic_message(panic: &(dyn Any + std::marker::Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// An exported function with its arguments.
trait Export: std::marker::Send {
    const NAME: &'static str;
    type Output: Crossing + std::marker::Send;

    /// Bytes of the arguments.
    fn bytes(&self) -> u64;

    fn call(
        &self,
        compiled: &Compiled,
        store: &mut Store<State>,
    ) -> impl Future<Output = wasmtime::Result<Self::Output>> + std::marker::Send;
}

struct Describe;

impl Export for Describe {
    const NAME: &'static str = "describe";
    type Output = String;

    fn bytes(&self) -> u64 {
        0
    }

    async fn call(
        &self,
        compiled: &Compiled,
        store: &mut Store<State>,
    ) -> wasmtime::Result<String> {
        // The one call for which the types of all functions are checked: it comes before any other.
        match &compiled.pre {
            Pre::Step(pre) => {
                let plugin = pre.instantiate_async(&mut *store).await?;
                plugin.jackfield_plugin_step().call_describe(store).await
            }
            Pre::Connector(pre) => {
                let plugin = pre.instantiate_async(&mut *store).await?;
                plugin
                    .jackfield_plugin_connector()
                    .call_describe(store)
                    .await
            }
        }
    }
}

/// The exported functions with arguments: the world, the name and the types of each.
macro_rules! exports {
    ($(
        $world:ident $name:literal for $type:ty => $output:ty,
        |$this:ident| $bytes:expr, ($($argument:expr),+);
    )+) => {$(
        impl Export for $type {
            const NAME: &'static str = $name;
            type Output = $output;

            fn bytes(&self) -> u64 {
                let $this = self;
                $bytes
            }

            async fn call(
                &self,
                compiled: &Compiled,
                store: &mut Store<State>,
            ) -> wasmtime::Result<$output> {
                let $this = self;
                let Pre::$world(pre) = &compiled.pre else {
                    return Err(store.data_mut().end(Ended::WrongKind {
                        is: compiled.pre.kind(),
                        function: $name,
                    }));
                };
                let index = compiled.functions.get($name);
                let index = index.ok_or_else(|| wasmtime::format_err!("it has no `{}`", $name))?;
                let instance = pre.instance_pre().instantiate_async(&mut *store).await?;
                let function = instance.get_typed_func::<_, ($output,)>(&mut *store, index)?;
                let (output,) = function.call_async(store, ($($argument,)+)).await?;
                Ok(output)
            }
        }
    )+};
}

struct Start<'a>(&'a Invocation);
struct Resume<'a>(&'a Invocation, String, &'a Wake);
struct Check(String);
struct Connect(String, String);
struct Send {
    channel: String,
    message: String,
    key: String,
}
struct Receive<'a>(String, &'a Request);

exports! {
    Step "start" for Start<'_> => Result<Outcome, Failure>,
        |this| this.0.bytes(), (this.0);
    Step "resume" for Resume<'_> => Result<Outcome, Failure>,
        |this| this.0.bytes() + this.1.bytes() + this.2.bytes(), (this.0, this.1.as_str(), this.2);
    Connector "check" for Check => Result<String, Failure>,
        |this| this.0.bytes(), (this.0.as_str());
    Connector "connect" for Connect => Result<String, Failure>,
        |this| this.0.bytes() + this.1.bytes(), (this.0.as_str(), this.1.as_str());
    Connector "send" for Send => Result<Receipt, Failure>,
        |this| this.channel.bytes() + this.message.bytes() + this.key.bytes(),
        (this.channel.as_str(), this.message.as_str(), this.key.as_str());
    Connector "receive" for Receive<'_> => Result<Received, Failure>,
        |this| this.0.bytes() + this.1.bytes(), (this.0.as_str(), this.1);
}
