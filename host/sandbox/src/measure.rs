//! What the sandbox tells about itself: the names of its metrics, in one place.
//!
//! Handles are made once, at [`crate::Sandbox::new`], because looking a metric up by name costs
//! as much as a host call. So the recorder must be installed before.

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};

use crate::ended::Ended;
use crate::state::Usage;

/// The handles.
pub(crate) struct Measure {
    in_use: Gauge,
    wait: Histogram,
    seconds: Histogram,
    fuel: Counter,
    answered: Counter,
    dropped: Counter,
}

const ENDED: &str = "jackfield_sandbox_activations_total";

impl Measure {
    pub(crate) fn new(places: u32, pooled: bool) -> Measure {
        describe_gauge!(
            "jackfield_sandbox_places",
            "How many activations there may be at once"
        );
        describe_gauge!(
            "jackfield_sandbox_pooled",
            "1 where sandboxes come from a pool"
        );
        describe_gauge!("jackfield_sandbox_in_use", "Activations under way");
        describe_histogram!(
            "jackfield_sandbox_wait_seconds",
            Unit::Seconds,
            "Waiting for a place, where there was none at once"
        );
        describe_histogram!(
            "jackfield_sandbox_activation_seconds",
            Unit::Seconds,
            "Length of activations, host calls included"
        );
        describe_counter!("jackfield_sandbox_fuel_total", "Fuel used");
        describe_counter!(
            "jackfield_sandbox_log_dropped_total",
            "Log lines dropped because a limit on the log was reached"
        );
        describe_counter!(
            ENDED,
            "Activations by how they ended; `answered` is the plugin's own answer"
        );
        gauge!("jackfield_sandbox_places").set(places);
        gauge!("jackfield_sandbox_pooled").set(if pooled { 1.0 } else { 0.0 });
        Measure {
            in_use: gauge!("jackfield_sandbox_in_use"),
            wait: histogram!("jackfield_sandbox_wait_seconds"),
            seconds: histogram!("jackfield_sandbox_activation_seconds"),
            fuel: counter!("jackfield_sandbox_fuel_total"),
            answered: counter!(ENDED, "end" => "answered"),
            dropped: counter!("jackfield_sandbox_log_dropped_total"),
        }
    }

    pub(crate) fn waited(&self, seconds: f64) {
        self.wait.record(seconds);
    }

    /// Counts an activation as under way until the guard is dropped.
    pub(crate) fn begin(&self) -> InUse<'_> {
        self.in_use.increment(1.0);
        InUse(&self.in_use)
    }

    pub(crate) fn ended(&self, usage: &Usage, ended: Option<&Ended>) {
        self.seconds.record(usage.duration.as_secs_f64());
        self.fuel.increment(usage.fuel);
        if usage.log_dropped > 0 {
            self.dropped.increment(usage.log_dropped);
        }
        match ended {
            None => self.answered.increment(1),
            Some(ended) => counter!(ENDED, "end" => ended.label()).increment(1),
        }
    }
}

/// An activation under way; also when its future is dropped half-way.
pub(crate) struct InUse<'a>(&'a Gauge);

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
