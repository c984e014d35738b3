//! A text tree with a column of times: what a run's timeline is drawn with.

use super::text::{self, Paint};
use jiff::tz::TimeZone;

/// One line with what belongs under it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// When, in milliseconds since 1970.
    pub at: Option<i64>,
    /// What.
    pub text: String,
    /// Measurements, set apart at the end of the line.
    pub note: String,
    /// What belongs under it.
    pub below: Vec<Node>,
}

impl Node {
    /// A line with a time.
    #[must_use]
    pub fn at(at: Option<i64>, text: impl Into<String>) -> Node {
        Node {
            at,
            text: text.into(),
            ..Node::default()
        }
    }

    /// A line.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Node {
        Node {
            text: text.into(),
            ..Node::default()
        }
    }

    /// With measurements.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Node {
        self.note = note.into();
        self
    }

    /// With a line under it.
    #[must_use]
    pub fn with(mut self, node: Node) -> Node {
        self.below.push(node);
        self
    }
}

/// The width of the column of times.
const COLUMN: usize = "14:02:11.123".len();

/// Draws nodes one under another; a line with the date stands wherever the day changes.
#[must_use]
pub fn draw(nodes: &[Node], zone: &TimeZone, paint: Paint) -> String {
    let mut drawing = Drawing {
        zone,
        paint,
        day: String::new(),
        out: String::new(),
    };
    for node in nodes {
        drawing.line(node, "", "");
        drawing.children(&node.below, "");
    }
    drawing.out
}

struct Drawing<'a> {
    zone: &'a TimeZone,
    paint: Paint,
    day: String,
    out: String,
}

impl Drawing<'_> {
    fn children(&mut self, nodes: &[Node], prefix: &str) {
        for (place, node) in nodes.iter().enumerate() {
            let last = place + 1 == nodes.len();
            self.line(node, prefix, if last { "└ " } else { "├ " });
            let deeper = format!("{prefix}{}", if last { "  " } else { "│ " });
            self.children(&node.below, &deeper);
        }
    }

    fn line(&mut self, node: &Node, prefix: &str, branch: &str) {
        let time = match node.at {
            Some(at) => {
                let day = text::date(at, self.zone);
                if day != self.day {
                    let shown = self.paint.bold(&day);
                    self.out.push_str(&format!("{:COLUMN$}  {prefix}", shown));
                    trim(&mut self.out);
                    self.day = day;
                }
                text::clock(at, self.zone)
            }
            None => String::new(),
        };
        let time = self.paint.dim(&format!("{time:COLUMN$}"));
        let branches = self.paint.dim(&format!("{prefix}{branch}"));
        self.out
            .push_str(&format!("{time}  {branches}{}", node.text));
        if !node.note.is_empty() {
            let note = self.paint.dim(&format!("({})", node.note));
            self.out.push_str(&format!("  {note}"));
        }
        trim(&mut self.out);
    }
}

/// Ends the line without spaces before its end.
fn trim(out: &mut String) {
    out.truncate(out.trim_end_matches(' ').len());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_times_branches_and_a_date_where_the_day_changes() {
        let nodes = [
            Node::at(Some(0), "first")
                .with(Node::new("a").with(Node::new("deep")))
                .with(Node::at(Some(1_500), "b").note("1 ms")),
            Node::at(Some(86_400_000), "second"),
        ];
        let drawn = draw(&nodes, &TimeZone::UTC, Paint::OFF);
        assert_eq!(
            drawn,
            "\
1970-01-01
00:00:00.000  first
              ├ a
              │ └ deep
00:00:01.500  └ b  (1 ms)
1970-01-02
00:00:00.000  second
"
        );
    }
}
