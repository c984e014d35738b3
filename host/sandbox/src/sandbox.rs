//! The sandbox of a host: one engine, one pool, every component that is loaded.
//!
//! A component is installed once (inspected, compiled, kept in the cache), loaded once for each
//! process (mapped from the cache, its imports resolved), and then activated any number of times,
//! each time in a fresh store. What an import may do is decided for each activation by the grant,
//! so the resolved component is shared by all grants.

use std::collections::HashMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::{OnceCell, Semaphore};
use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};

use crate::budget::Budget;
use crate::cache::Cache;
use crate::describe::{Described, describe};
use crate::engine::{self, Allocation, MEMORIES, TABLES};
use crate::errors::{DescribeError, InstallError, SetupError};
use crate::imports;
use crate::inspect::{self, InspectError, Inspection, Kind, Resources, inspect};
use crate::interface::Interfaces;
use crate::limits::Limits;
use crate::measure::Measure;
use crate::pace;
use crate::plugin::Plugin;
use crate::shares::Shares;
use crate::state::State;
use crate::wasi;
use crate::wit::{ConnectorPluginPre, StepPluginPre};

/// How a sandbox is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where compiled components are kept. The host must be the only one to write there.
    pub cache_dir: PathBuf,
    /// How many activations there may be at once: the size of the pool. Each reserves about
    /// 16 GiB of address space (not of memory).
    pub max_activations: u32,
    /// No activation gets more, whatever is granted.
    pub ceiling: Limits,
    /// Bytes of the largest component that is accepted.
    pub max_component_bytes: u64,
    /// Bytes of memory that all activations together may have beyond 16 MiB for each.
    pub shared_memory: u64,
    /// How memory for sandboxes is had.
    pub allocation: Allocation,
}

impl Options {
    /// The usual settings, with this folder for compiled components.
    pub fn new(cache_dir: impl Into<PathBuf>) -> Options {
        Options {
            cache_dir: cache_dir.into(),
            // Far more than there are cores, because most activations wait for the network; 4 TiB
            // of the 128 TiB of address space.
            max_activations: 256,
            ceiling: Limits::ceiling(),
            // JavaScript and Python components have 12 to 18 MB.
            max_component_bytes: 64 << 20,
            // Nine activations that use all of the default limit, or some fifty of Python.
            shared_memory: 1 << 30,
            allocation: Allocation::Auto,
        }
    }
}

/// What an activation of a plugin may do, as the operator decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// Interfaces that answer. The others are there too, and answer `denied`.
    pub interfaces: Interfaces,
    /// The limits, as of [`Limits::granted`]. Capped by the host's ceiling once more.
    pub limits: Limits,
}

/// A component that is ready to be activated.
pub(crate) struct Compiled {
    pub(crate) digest: String,
    pub(crate) pre: Pre,
    /// Where the functions of its kind are. An activation looks one of them up and checks its type,
    /// rather than all of them.
    pub(crate) functions: HashMap<String, ComponentExportIndex>,
}

/// Imports resolved, exports found: what a fresh instance is made from.
pub(crate) enum Pre {
    Step(StepPluginPre<State>),
    Connector(ConnectorPluginPre<State>),
}

impl Pre {
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Pre::Step(_) => Kind::Step,
            Pre::Connector(_) => Kind::Connector,
        }
    }
}

/// Runs components under limits. Cheap to clone.
#[derive(Clone)]
pub struct Sandbox(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) ceiling: Limits,
    pub(crate) places: Arc<Shares>,
    pub(crate) turns: Arc<Shares>,
    pub(crate) memory: Arc<Budget>,
    pub(crate) measure: Measure,
    pooled: bool,
    max_component_bytes: u64,
    plain: Linker<State>,
    with_wasi: Linker<State>,
    cache: Cache,
    /// Compilers at work. One at a time: each uses every core by itself.
    compiler: Semaphore,
    /// Every component that is loaded or being loaded. Several who ask at once wait for one.
    loaded: Mutex<HashMap<String, Arc<OnceCell<Arc<Compiled>>>>>,
}

impl Sandbox {
    /// Sets the sandbox up. Once for each process; metrics and tracing should be ready.
    ///
    /// # Errors
    /// [`SetupError`], which says what to change on the machine or in the settings.
    pub fn new(options: Options) -> Result<Sandbox, SetupError> {
        if options.max_activations == 0 {
            return Err(SetupError::Options(
                "`max-activations` is 0, so nothing could ever run; 256 is usual".to_owned(),
            ));
        }
        let (engine, pooled) = engine::engine(
            &options.ceiling,
            options.max_activations,
            options.allocation,
        )
        .map_err(SetupError::Engine)?;
        let mut plain = Linker::new(&engine);
        imports::link(&mut plain).map_err(SetupError::Engine)?;
        let mut with_wasi = plain.clone();
        wasi::link(&mut with_wasi).map_err(SetupError::Engine)?;
        let cache =
            Cache::open(&options.cache_dir, &engine).map_err(|source| SetupError::Cache {
                path: options.cache_dir.clone(),
                source,
            })?;
        Ok(Sandbox(Arc::new(Inner {
            ceiling: options.ceiling,
            places: Shares::places(options.max_activations as usize),
            turns: Shares::turns(pace::turns()),
            memory: Budget::new(options.shared_memory),
            measure: Measure::new(options.max_activations, pooled),
            pooled,
            max_component_bytes: options.max_component_bytes,
            plain,
            with_wasi,
            cache,
            compiler: Semaphore::new(1),
            loaded: Mutex::default(),
            engine,
        })))
    }

    /// Whether sandboxes come from a pool; if not, activations are about three times slower.
    pub fn pooled(&self) -> bool {
        self.0.pooled
    }

    /// The host's bounds on every activation.
    pub fn ceiling(&self) -> &Limits {
        &self.0.ceiling
    }

    /// How many more activations could start at once.
    pub fn free_places(&self) -> usize {
        self.0.places.free()
    }

    /// Says what a file is, without compiling or running anything of it.
    ///
    /// # Errors
    /// [`InspectError`], when it is no plugin for this host.
    pub async fn inspect(&self, wasm: Arc<[u8]>) -> Result<Inspection, InspectError> {
        let most = self.0.max_component_bytes;
        blocking(move || inspect(&wasm, most)).await
    }

    /// Inspects and compiles a component, and keeps the result for [`Sandbox::load`]. Takes
    /// seconds for interpreters. The bytes must be WebAssembly: what was compiled elsewhere is
    /// never accepted.
    ///
    /// # Errors
    /// [`InstallError`], which says what would be right.
    pub async fn install(&self, wasm: Arc<[u8]>) -> Result<Inspection, InstallError> {
        let inspection = self.inspect(Arc::clone(&wasm)).await?;
        let cell = self.cell(&inspection.digest);
        cell.get_or_try_init(|| self.prepare(&inspection, wasm))
            .await?;
        Ok(inspection)
    }

    /// A plugin, ready to be activated. The first time in a process it is mapped from the cache;
    /// when the cache does not have it (another version of the host wrote it), `wasm` brings the
    /// component's bytes, and it is compiled.
    ///
    /// # Errors
    /// [`InstallError`].
    pub async fn load<F, Fut>(
        &self,
        digest: &str,
        granted: &Granted,
        wasm: F,
    ) -> Result<Plugin, InstallError>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>>>,
    {
        let cell = self.cell(digest);
        let compiled = cell
            .get_or_try_init(|| async {
                // Interpreters map tens of megabytes: not on the runtime's threads.
                let (inner, name) = (Arc::clone(&self.0), digest.to_owned());
                let cached = blocking(move || inner.load_cached(&name)).await;
                if let Some(compiled) = cached {
                    return Ok(compiled);
                }
                let wasm: Arc<[u8]> = wasm()
                    .await
                    .map_err(|source| InstallError::Fetch {
                        digest: digest.to_owned(),
                        source,
                    })?
                    .into();
                let inspection = self.inspect(Arc::clone(&wasm)).await?;
                if inspection.digest != digest {
                    return Err(InstallError::OtherBytes {
                        expected: digest.to_owned(),
                        found: inspection.digest,
                    });
                }
                self.prepare(&inspection, wasm).await
            })
            .await?;
        Ok(Plugin::new(
            Arc::clone(&self.0),
            Arc::clone(compiled),
            granted,
        ))
    }

    /// The plugin, if it is loaded already.
    pub fn loaded(&self, digest: &str, granted: &Granted) -> Option<Plugin> {
        let cell = self.0.loaded().get(digest).map(Arc::clone)?;
        let compiled = cell.get()?;
        Some(Plugin::new(
            Arc::clone(&self.0),
            Arc::clone(compiled),
            granted,
        ))
    }

    /// Asks an installed component for its descriptor, under the default limits and with no import
    /// but `log`: clock and randomness answer zero, everything else is denied.
    ///
    /// # Errors
    /// [`DescribeError`].
    pub async fn describe(&self, digest: &str) -> Result<Described, DescribeError> {
        let granted = Granted {
            interfaces: Interfaces::NONE,
            limits: Limits::default(),
        };
        let plugin = self
            .load(digest, &granted, || async {
                Err("it is not installed".into())
            })
            .await?;
        describe(&plugin).await.map_err(DescribeError::Ended)
    }

    /// Forgets a component: nothing refers to it any more. Activations under way go on.
    pub fn unload(&self, digest: &str) {
        self.0.loaded().remove(digest);
        self.0.cache.remove(digest);
    }

    fn cell(&self, digest: &str) -> Arc<OnceCell<Arc<Compiled>>> {
        let mut loaded = self.0.loaded();
        if let Some(cell) = loaded.get(digest) {
            return Arc::clone(cell);
        }
        let cell = Arc::default();
        // What never became a component (a file that was refused) is not kept for ever: only the
        // map holds such a cell.
        loaded.retain(|_, cell: &mut Arc<OnceCell<_>>| {
            cell.initialized() || Arc::strong_count(cell) > 1
        });
        loaded.insert(digest.to_owned(), Arc::clone(&cell));
        cell
    }

    async fn prepare(
        &self,
        inspection: &Inspection,
        wasm: Arc<[u8]>,
    ) -> Result<Arc<Compiled>, InstallError> {
        self.0.fits(&inspection.resources)?;
        let digest = inspection.digest.clone();
        // The semaphore is never closed.
        let _turn = self.0.compiler.acquire().await;
        let inner = Arc::clone(&self.0);
        blocking(move || inner.compile(digest, &wasm)).await
    }
}

impl Inner {
    /// A panic cannot leave the map in a state that matters.
    fn loaded(&self) -> MutexGuard<'_, HashMap<String, Arc<OnceCell<Arc<Compiled>>>>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn load_cached(&self, digest: &str) -> Option<Arc<Compiled>> {
        let component = self.cache.load(digest, &self.engine)?;
        match self.resolve(digest.to_owned(), &component) {
            Ok(compiled) => Some(Arc::new(compiled)),
            Err(error) => {
                tracing::warn!(digest, %error, "a compiled component does not fit; it is compiled again");
                None
            }
        }
    }

    fn compile(&self, digest: String, wasm: &[u8]) -> Result<Arc<Compiled>, InstallError> {
        let component = match self.cache.load(&digest, &self.engine) {
            Some(component) => component,
            None => {
                let compile = |error: wasmtime::Error| InstallError::Compile(format!("{error:#}"));
                let compiled = self.engine.precompile_component(wasm).map_err(compile)?;
                let stored = self.cache.store(&digest, &compiled);
                if let Err(error) = &stored {
                    tracing::warn!(%error, "a compiled component cannot be kept; it will be compiled again after a restart");
                }
                match stored
                    .ok()
                    .and_then(|()| self.cache.load(&digest, &self.engine))
                {
                    Some(component) => component,
                    // SAFETY: the bytes come from this engine's compiler, a few lines above.
                    None => unsafe { Component::deserialize(&self.engine, &compiled) }
                        .map_err(compile)?,
                }
            }
        };
        match self.resolve(digest.clone(), &component) {
            Ok(compiled) => Ok(Arc::new(compiled)),
            Err(error) => {
                self.cache.remove(&digest);
                Err(error)
            }
        }
    }

    fn fits(&self, needs: &Resources) -> Result<(), InstallError> {
        for (what, needs, most) in [
            ("linear memories", needs.memories.into(), MEMORIES.into()),
            (
                "bytes of memory at the start",
                needs.initial_memory,
                self.ceiling.memory,
            ),
            ("tables", needs.tables.into(), TABLES.into()),
            (
                "table elements at the start",
                needs.initial_table,
                self.ceiling.table_elements,
            ),
        ] {
            if needs > most {
                return Err(InstallError::DoesNotFit { what, needs, most });
            }
        }
        Ok(())
    }

    /// Resolves the imports and finds the exports, once.
    fn resolve(&self, digest: String, component: &Component) -> Result<Compiled, InstallError> {
        let contract = |error: wasmtime::Error| InstallError::Contract(format!("{error:#}"));
        component
            .initialize_copy_on_write_image()
            .map_err(contract)?;
        let component_type = component.component_type();
        let wasi = component_type
            .imports(&self.engine)
            .any(|(name, _)| name.starts_with("wasi:"));
        let linker = if wasi { &self.with_wasi } else { &self.plain };
        let pre: InstancePre<State> = linker.instantiate_pre(component).map_err(contract)?;
        let mut kind = None;
        let mut functions = HashMap::new();
        for (interface, item) in component_type.exports(&self.engine) {
            let (Some((own, _)), ComponentItem::ComponentInstance(exported)) =
                (inspect::own(interface), item.ty)
            else {
                continue;
            };
            kind = Some(own);
            let place = component.get_export_index(None, interface);
            for (name, _) in exported.exports(&self.engine) {
                let index = component.get_export_index(place.as_ref(), name);
                functions.extend(index.map(|index| (name.to_owned(), index)));
            }
        }
        let pre = match kind {
            Some(Kind::Step) => Pre::Step(StepPluginPre::new(pre).map_err(contract)?),
            _ => Pre::Connector(ConnectorPluginPre::new(pre).map_err(contract)?),
        };
        Ok(Compiled {
            digest,
            pre,
            functions,
        })
    }
}

/// Runs work of the processor outside of the runtime's threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Cancelled: the runtime shuts down, and whoever waits here goes with it.
            Err(_) => std::future::pending().await,
        },
    }
}
