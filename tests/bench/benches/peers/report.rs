//! What was measured of each engine, as a table for people and as figures for programs.

use jackfield_bench::load::{Measured, Series};
use jackfield_bench::table::{Figure, median};

/// The rounds of one engine.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) name: String,
    pub(crate) keeps: &'static str,
    pub(crate) load: Series,
    /// Milliseconds of the processor for each workflow, with those of its database server.
    pub(crate) work: Vec<f64>,
    /// Seconds from the start to the first answered workflow.
    pub(crate) starts: Vec<f64>,
    /// MiB after the start.
    pub(crate) at_rest: Vec<f64>,
    /// MiB under load, at its highest.
    pub(crate) at_load: Vec<f64>,
    /// MiB of its database server under load; empty without one.
    pub(crate) database: Vec<f64>,
}

impl Report {
    fn measured(&self) -> Measured {
        self.load.median()
    }

    fn database(&self) -> Option<f64> {
        (!self.database.is_empty()).then(|| median(self.database.clone()))
    }
}

/// The figures of all engines beside those of the first, the ceiling.
pub(crate) fn figures(reports: &[Report]) -> Vec<Figure> {
    let Some((ceiling, engines)) = reports.split_first() else {
        return Vec::new();
    };
    let all = engines.iter().flat_map(|report| {
        let name = &report.name;
        let other = |what: &str, of: fn(&Report) -> &Vec<f64>, unit| {
            let beside = median(of(ceiling).clone());
            Figure::new(
                format!("{name}, {what}"),
                median(of(report).clone()),
                unit,
                beside,
            )
        };
        let workflows = format!("{name}, workflows");
        let mut figures = report.load.beside(&ceiling.load, &workflows);
        figures.push(other("processor each", |report| &report.work, "ms"));
        figures.push(other("memory at rest", |report| &report.at_rest, "MiB"));
        figures.push(other("memory under load", |report| &report.at_load, "MiB"));
        figures.extend(report.database().map(|memory| {
            Figure::alone(
                format!("{name}, memory of its database under load"),
                memory,
                "MiB",
            )
        }));
        figures.push(other("start to first answer", |report| &report.starts, "s"));
        figures
    });
    all.collect()
}

/// The table side by side, in Markdown; the first report is the ceiling, the second Jackfield.
pub(crate) fn table(reports: &[Report]) -> String {
    let rate = |place: usize| {
        reports
            .get(place)
            .map_or(f64::NAN, |report| report.measured().rate)
    };
    let (ceiling, jackfield) = (rate(0), rate(1));
    let mut rows = vec![
        [
            "",
            "workflows/s",
            "p50 ms",
            "p99 ms",
            "CPU ms each",
            "of the ceiling",
            "Jackfield is",
            "MiB at rest",
            "MiB under load",
            "start s",
            "on disk when answered",
        ]
        .map(str::to_owned),
    ];
    rows.extend(reports.iter().map(|report| {
        let Measured { rate, p50, p99 } = report.measured();
        let database = report.database();
        let database = database.map_or(String::new(), |memory| format!(" + {memory:.0}"));
        [
            report.name.clone(),
            shown(rate, 0, ""),
            shown(p50, 1, ""),
            shown(p99, 1, ""),
            shown(median(report.work.clone()), 2, ""),
            shown(rate / ceiling * 100.0, 1, " %"),
            shown(jackfield / rate, 2, " times"),
            format!("{:.0}", median(report.at_rest.clone())),
            format!("{:.0}{database}", median(report.at_load.clone())),
            format!("{:.2}", median(report.starts.clone())),
            report.keeps.to_owned(),
        ]
    }));
    aligned(&rows)
}

/// A number with its unit; a dash where a span was too short for a single answer.
fn shown(value: f64, digits: usize, unit: &str) -> String {
    if value.is_finite() {
        format!("{value:.digits$}{unit}")
    } else {
        "-".to_owned()
    }
}

/// A Markdown table whose columns are in line.
fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let widths: [usize; N] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0).max(3)
    });
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells = row.iter().zip(widths);
            let cells = cells.map(|(cell, width)| format!(" {cell:<width$} |"));
            format!("|{}", cells.collect::<String>())
        })
        .collect();
    let rule = widths.map(|width| format!("-{}-|", "-".repeat(width)));
    lines.insert(1, format!("|{}", rule.concat()));
    lines.join("\n")
}
