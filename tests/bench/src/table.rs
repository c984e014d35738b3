//! Results: a table for people, `--json` for programs.
//!
//! What must hold: the JSON is one list of `{"name", "value", "unit", "ceiling", "ratio"}`, on the
//! last line of the standard output; a figure that has no ceiling says null. Everything else that a
//! benchmark says goes to the standard error.

use serde_json::{Value, json};

/// One figure beside its ceiling.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// Jackfield's value.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// What it is measured against, in the same run, if anything.
    pub ceiling: Option<f64>,
}

impl Figure {
    /// A figure beside its ceiling.
    #[must_use]
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str, ceiling: f64) -> Figure {
        Figure {
            ceiling: Some(ceiling),
            ..Figure::alone(name, value, unit)
        }
    }

    /// A figure that is measured against nothing.
    #[must_use]
    pub fn alone(name: impl Into<String>, value: f64, unit: &'static str) -> Figure {
        Figure {
            name: name.into(),
            value,
            unit,
            ceiling: None,
        }
    }

    /// Value by ceiling, where there is a ceiling that is not nought.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        let ceiling = self.ceiling.filter(|ceiling| *ceiling > 0.0)?;
        Some(self.value / ceiling)
    }
}

/// Prints the figures: as JSON when the arguments say `--json`.
pub fn print(figures: &[Figure]) {
    if std::env::args().any(|argument| argument == "--json") {
        println!("{}", list(figures));
    } else {
        println!("{}", table(figures));
    }
}

/// The figures as JSON.
#[must_use]
pub fn list(figures: &[Figure]) -> Value {
    figures
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
        .collect()
}

fn table(figures: &[Figure]) -> String {
    let widest = figures.iter().map(|figure| figure.name.chars().count());
    let width = widest.max().unwrap_or(0);
    let shown = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
    };
    let mut lines = vec![format!(
        "{:<width$} {:>12} {:>12}  {:<6} {:>6}",
        "", "Jackfield", "ceiling", "unit", "ratio"
    )];
    lines.extend(figures.iter().map(|figure| {
        let digits = if figure.value.abs() < 10.0 { 3 } else { 1 };
        format!(
            "{:<width$} {:>12} {:>12}  {:<6} {:>6}",
            figure.name,
            shown(Some(figure.value), digits),
            shown(figure.ceiling, digits),
            figure.unit,
            shown(figure.ratio(), 2),
        )
    }));
    lines.join("\n")
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

/// The middle one of the values.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    percentile(&values, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_five_fields_each_and_null_where_there_is_no_ceiling() {
        let figures = [
            Figure::new("runs", 30.0, "1/s", 40.0),
            Figure::alone("lost", 0.0, "runs"),
            Figure::new("nothing", 1.0, "ms", 0.0),
        ];
        assert_eq!(
            list(&figures),
            json!([
                {"name": "runs", "value": 30.0, "unit": "1/s", "ceiling": 40.0, "ratio": 0.75},
                {"name": "lost", "value": 0.0, "unit": "runs", "ceiling": null, "ratio": null},
                {"name": "nothing", "value": 1.0, "unit": "ms", "ceiling": 0.0, "ratio": null},
            ])
        );
    }

    #[test]
    fn the_table_shows_what_the_list_holds() {
        let text = table(&[
            Figure::new("runs", 30.0, "1/s", 40.0),
            Figure::alone("a longer name", 0.25, "s"),
        ]);
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(lines[1], ["runs", "30.0", "40.0", "1/s", "0.75"]);
        assert_eq!(lines[2], ["a", "longer", "name", "0.250", "-", "s", "-"]);
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&values, 0.5), 51.0);
        assert_eq!(percentile(&values, 0.99), 100.0);
        assert!(percentile(&[], 0.5).is_nan());
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
    }
}
