//! The bare ceiling of an activation: wasmtime with the same settings and the same component, and
//! nothing else. No grants, no metering of bytes, calls and logs, no deadline.

use anyhow::Result;
use std::path::Path;
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
    StoreLimits, StoreLimitsBuilder,
};

#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    reason = "made by bindgen!"
)]
mod world {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "step-plugin",
        imports: { default: async },
        exports: { default: async },
    });
}

use world::StepPluginPre;
use world::exports::jackfield::plugin::step::Invocation;
use world::jackfield::plugin::types::CallError;
use world::jackfield::plugin::{conditions, log};

/// The state of a bare activation.
struct State {
    limits: StoreLimits,
}

impl conditions::Host for State {
    async fn evaluate(&mut self, condition: String) -> Result<bool, CallError> {
        Ok(condition.contains("pro"))
    }
}

impl log::Host for State {
    async fn write(&mut self, _level: log::Level, _message: String) {}
}

impl world::jackfield::plugin::types::Host for State {}

/// The same settings as Jackfield's.
fn engine() -> Result<Engine> {
    let mut pool = PoolingAllocationConfig::default();
    pool.linear_memory_keep_resident(2 << 20);
    pool.table_keep_resident(64 << 10);
    pool.async_stack_keep_resident(64 << 10);
    pool.pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config.consume_fuel(true);
    config.concurrency_support(false);
    config.wasm_backtrace_max_frames(None);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Ok(Engine::new(&config)?)
}

/// A component, ready to be activated without Jackfield.
pub struct Bare {
    engine: Engine,
    pre: StepPluginPre<State>,
}

impl Bare {
    /// Compiles the component.
    ///
    /// # Errors
    /// When wasmtime refuses it.
    pub fn new(component: &[u8]) -> Result<Bare> {
        let engine = engine()?;
        let component = Component::new(&engine, component)?;
        Bare::of(engine, &component)
    }

    /// The same, with the compiled component kept in a file: the next start does not compile.
    ///
    /// # Errors
    /// When wasmtime refuses it, or the file cannot be written.
    pub fn cached(component: &[u8], file: &Path) -> Result<Bare> {
        let engine = engine()?;
        if !file.exists() {
            std::fs::write(file, engine.precompile_component(component)?)?;
        }
        // SAFETY: the file was written above, or by an earlier process of the same benchmark, from
        // the output of this very compiler, and nobody changes it.
        let component = unsafe { Component::deserialize_file(&engine, file) }?;
        Bare::of(engine, &component)
    }

    fn of(engine: Engine, component: &Component) -> Result<Bare> {
        let mut linker: Linker<State> = Linker::new(&engine);
        conditions::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
        log::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
        linker.define_unknown_imports_as_traps(component)?;
        let pre = StepPluginPre::new(linker.instantiate_pre(component)?)?;
        Ok(Bare { engine, pre })
    }

    /// One activation in a fresh sandbox.
    ///
    /// # Errors
    /// When the plugin traps.
    pub async fn start(&self, settings: &str) -> Result<()> {
        let limits = StoreLimitsBuilder::new().memory_size(64 << 20).build();
        let mut store = Store::new(&self.engine, State { limits });
        store.limiter(|state| &mut state.limits);
        store.set_fuel(1_000_000_000)?;
        store.fuel_async_yield_interval(Some(1_000_000))?;
        let step = self.pre.instantiate_async(&mut store).await?;
        let invocation = Invocation {
            run_id: "run".into(),
            workflow: "bench".into(),
            step_id: "step".into(),
            visit: 1,
            attempt: 1,
            settings: settings.to_owned(),
            trigger: "{}".into(),
            variables: "{}".into(),
            contact: None,
        };
        let outcome = step
            .jackfield_plugin_step()
            .call_start(&mut store, &invocation)
            .await?;
        anyhow::ensure!(outcome.is_ok(), "the plugin failed: {outcome:?}");
        Ok(())
    }
}
