//! The one wasmtime engine of a host: its configuration and its pool.
//!
//! Every engine of the project comes from [`engine_config`], so that a component compiled once
//! loads everywhere. The settings are those that were found fastest by measurement: what a fresh
//! sandbox costs is page faults and the process-wide lock on memory maps, so the pool keeps what
//! an ordinary guest touches resident and resets it without a system call for each.
//!
//! Fuel bounds a plugin's time on the CPU, and its yields let time-outs act; epochs would cost
//! another tenth for nothing more.

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OperatorCost, OptLevel,
    PoolingAllocationConfig,
};

use crate::limits::Limits;

/// Linear memories of one component.
pub(crate) const MEMORIES: u32 = 4;
/// Tables of one component. Python's dynamic linking needs about ten.
pub(crate) const TABLES: u32 = 32;
/// Core instances of one component. Python has twenty.
pub(crate) const CORE_INSTANCES: u32 = 64;
/// Bytes of metadata of one instance. JavaScript and Python stay below 10 MiB.
const INSTANCE_SIZE: usize = 10 << 20;
/// At least the initial memory of an ordinary guest, so that its pages stay mapped.
const MEMORY_RESIDENT: usize = 2 << 20;
/// Tables and stacks of an ordinary guest are far smaller.
const SMALL_RESIDENT: usize = 64 << 10;
/// Bytes of stack for WebAssembly: half of the whole, the rest is for host functions.
const WASM_STACK: usize = 1 << 20;
const WHOLE_STACK: usize = 2 << 20;
/// Fuel of an instruction that is a call into the host's own code, as many times slower than others
/// as it can be said. By default it would cost as much as an addition, and a plugin that does
/// nothing else would yield every fifty milliseconds only.
const SLOW_INSTRUCTION: u8 = u8::MAX;

/// How memory for sandboxes is had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocation {
    /// From a pool where the address space allows it (it reserves 16 GiB for each activation),
    /// otherwise on demand.
    Auto,
    /// On demand, always: three times slower, for small address spaces.
    OnDemand,
}

/// The configuration of every engine.
fn engine_config(pool: Option<(&Limits, u32)>) -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .operator_cost(OperatorCost {
            MemoryGrow: SLOW_INSTRUCTION,
            TableGrow: SLOW_INSTRUCTION,
            ..OperatorCost::new()
        })
        .cranelift_opt_level(OptLevel::Speed)
        // The same plugin computes the same on every machine, so that an activation can be taken
        // up again elsewhere.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .concurrency_support(false)
        .wasm_memory64(false)
        // Nobody reads backtraces of third-party plugins; without them an error costs nothing and
        // compiled components are smaller.
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false)
        .native_unwind_info(false)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(WHOLE_STACK);
    match pool {
        Some((ceiling, activations)) => {
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(pooling_config(
                ceiling,
                activations,
            )));
        }
        None => {
            // Without the pool the address space is taken to be small: no reservation of 4 GiB for
            // each memory, bounds checks instead.
            config
                .allocation_strategy(InstanceAllocationStrategy::OnDemand)
                .memory_reservation(0)
                .memory_guard_size(64 << 10)
                .memory_reservation_for_growth(1 << 20);
        }
    }
    config
}

fn pooling_config(ceiling: &Limits, activations: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    // As many as fit into what a memory reserves.
    let memory = usize::try_from(ceiling.memory.min(4 << 30)).unwrap_or(usize::MAX);
    pool.total_component_instances(activations)
        .total_core_instances(activations.saturating_mul(CORE_INSTANCES))
        .total_memories(activations.saturating_mul(MEMORIES))
        .total_tables(activations.saturating_mul(TABLES))
        .total_stacks(activations)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_memories_per_module(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_tables_per_module(TABLES)
        .max_component_instance_size(INSTANCE_SIZE)
        .max_core_instance_size(INSTANCE_SIZE)
        .max_memory_size(memory)
        .table_elements(usize::try_from(ceiling.table_elements).unwrap_or(usize::MAX))
        .max_unused_warm_slots(activations)
        .linear_memory_keep_resident(MEMORY_RESIDENT)
        .table_keep_resident(SMALL_RESIDENT)
        .async_stack_keep_resident(SMALL_RESIDENT)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// Makes the engine. Creating the pool reserves the address space of all its slots at once, so it
/// is itself the probe whether there is enough; if not, memory is had on demand. Answers with
/// whether there is a pool.
///
/// # Errors
/// When not even an engine without a pool can be made.
pub(crate) fn engine(
    ceiling: &Limits,
    activations: u32,
    allocation: Allocation,
) -> wasmtime::Result<(Engine, bool)> {
    if allocation == Allocation::Auto {
        match Engine::new(&engine_config(Some((ceiling, activations)))) {
            Ok(engine) => return Ok((engine, true)),
            Err(error) => tracing::warn!(
                activations,
                %error,
                "no address space for the pool of sandboxes: activations will be slower; allow \
                 more virtual memory (ulimit -v), or set fewer activations"
            ),
        }
    }
    Ok((Engine::new(&engine_config(None))?, false))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use wasmtime::component::Component;

    use super::*;

    #[test]
    fn a_component_compiled_by_one_engine_loads_in_another() {
        let ceiling = Limits::ceiling();
        let wasm = wat::parse_str("(component (core module (memory 1)))").unwrap();
        let (first, pooled) = engine(&ceiling, 4, Allocation::Auto).unwrap();
        let (second, also) = engine(&ceiling, 8, Allocation::Auto).unwrap();
        assert_eq!(
            pooled, also,
            "both have a pool, or neither has the address space"
        );
        let compiled = first.precompile_component(&wasm).unwrap();
        // SAFETY: the bytes were made by an engine a line above.
        unsafe { Component::deserialize(&second, &compiled) }.unwrap();
    }
}
