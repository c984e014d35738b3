//! Results: a table for people, `--json` for programs.

use serde_json::{Value, json};

/// One figure beside its ceiling.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// Jackfield's value.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// The bare ceiling's value, in the same run.
    pub ceiling: f64,
}

impl Figure {
    /// A figure.
    #[must_use]
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str, ceiling: f64) -> Figure {
        Figure {
            name: name.into(),
            value,
            unit,
            ceiling,
        }
    }

    fn ratio(&self) -> f64 {
        if self.ceiling > 0.0 {
            self.value / self.ceiling
        } else {
            f64::NAN
        }
    }
}

/// Prints the figures: as JSON when the arguments say `--json`.
pub fn print(figures: &[Figure]) {
    if std::env::args().any(|argument| argument == "--json") {
        let list: Vec<Value> = figures
            .iter()
            .map(|figure| {
                json!({
                    "name": figure.name,
                    "value": figure.value,
                    "unit": figure.unit,
                    "ceiling": figure.ceiling,
                    "ratio": figure.ratio(),
                })
            })
            .collect();
        println!("{}", Value::Array(list));
        return;
    }
    println!(
        "{:<52} {:>12} {:>12}  {:<8} {:>6}",
        "", "Jackfield", "ceiling", "unit", "ratio"
    );
    for figure in figures {
        println!(
            "{:<52} {:>12.1} {:>12.1}  {:<8} {:>6.2}",
            figure.name,
            figure.value,
            figure.ceiling,
            figure.unit,
            figure.ratio()
        );
    }
}

/// The value below which this share of the sorted values lies.
#[must_use]
pub fn percentile(sorted: &[f64], share: f64) -> f64 {
    if sorted.is_empty() {
        return f64::NAN;
    }
    let place = (sorted.len() as f64 * share) as usize;
    sorted[place.min(sorted.len() - 1)]
}
