//! What the audit found: figures, and a line for whatever should not be.

use serde::Serialize;

/// The figures of a run of the harness. All that must be 0 are in [`Figures::faults`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// How long there was load.
    pub seconds: u64,
    /// `sqlite` or `postgres`.
    pub database: String,
    /// How many hosts.
    pub hosts: usize,
    /// How many clients.
    pub clients: usize,
    /// What made the random choices.
    pub seed: u64,
    /// Hosts that were killed (SIGKILL).
    pub kills: usize,
    /// Of these, in the middle of a start.
    pub kills_during_start: usize,
    /// Hosts that were halted (SIGSTOP) and went on.
    pub stops: usize,
    /// How often the database was killed and started again.
    pub database_kills: usize,
    /// How often it was slow, silent or out of reach.
    pub database_away: usize,
    /// Requests that were acknowledged: events, starts, messages.
    pub acknowledged: usize,
    /// Requests that were given up without an answer.
    pub given_up: usize,
    /// Runs.
    pub runs: usize,
    /// Calls and messages that arrived outside.
    pub arrived: usize,
    /// Acknowledged work that is missing or did not come to its end.
    pub lost: usize,
    /// What happened more often than it may.
    pub repeated: usize,
    /// Calls and messages of which nobody knows whether they were done, and which say so.
    pub uncertain: usize,
    /// Calls and messages that arrived, whose result is not known, and which do not say so.
    pub silent: usize,
    /// Timers that fired before they were due.
    pub early: usize,
    /// Events of one contact that were not handled in the order in which they were accepted.
    pub out_of_order: usize,
    /// Hosts that ended by themselves.
    pub crashed: usize,
    /// Requests that were refused, or not answered although they were repeated for minutes.
    pub refused: usize,
}

impl Figures {
    /// What must be 0, by name.
    #[must_use]
    pub fn faults(&self) -> [(&'static str, usize); 7] {
        [
            ("lost", self.lost),
            ("repeated", self.repeated),
            ("silent", self.silent),
            ("early", self.early),
            ("out_of_order", self.out_of_order),
            ("crashed", self.crashed),
            ("refused", self.refused),
        ]
    }

    /// Whether everything that must be 0 is.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.faults().iter().all(|(_, count)| *count == 0)
    }
}

/// Figures, and a line for each finding.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// The figures.
    pub figures: Figures,
    /// What is wrong, for people.
    pub findings: Vec<String>,
}

impl Verdict {
    pub(crate) fn lost(&mut self, what: String) {
        self.figures.lost += 1;
        self.findings.push(format!("lost: {what}"));
    }

    pub(crate) fn repeated(&mut self, what: String) {
        self.figures.repeated += 1;
        self.findings.push(format!("repeated: {what}"));
    }

    pub(crate) fn silent(&mut self, what: String) {
        self.figures.silent += 1;
        self.findings.push(format!("silent: {what}"));
    }

    pub(crate) fn early(&mut self, what: String) {
        self.figures.early += 1;
        self.findings.push(format!("early: {what}"));
    }

    pub(crate) fn out_of_order(&mut self, what: String) {
        self.figures.out_of_order += 1;
        self.findings.push(format!("out of order: {what}"));
    }

    pub(crate) fn refused(&mut self, what: String) {
        self.figures.refused += 1;
        self.findings.push(format!("refused: {what}"));
    }

    pub(crate) fn crashed(&mut self, what: &str) {
        self.figures.crashed += 1;
        self.findings
            .push(format!("a host ended by itself:\n{what}"));
    }

    /// Says that there must be exactly one.
    pub(crate) fn exactly_one(&mut self, count: usize, what: &str) {
        match count {
            1 => {}
            0 => self.lost(what.to_owned()),
            more => (1..more).for_each(|_| self.repeated(format!("{what} ({more} times)"))),
        }
    }
}
