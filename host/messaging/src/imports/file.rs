//! Reading a CSV file: its encoding, its delimiter, its header and its rows. Nothing here knows what a
//! contact is.
//!
//! What must hold: a file is read whole or refused whole with the line that is wrong; a row that has
//! too few or too many cells is the row's own error, told when it is its turn.

use crate::error::{Error, Problem, Result};

/// The largest file, in bytes.
pub const LARGEST: usize = 20 * 1024 * 1024 - 1;
/// The most rows, the header not counted.
pub(crate) const MOST_ROWS: usize = 200_000;
/// The most columns.
const MOST_COLUMNS: usize = 500;
/// The longest row, in bytes.
const LONGEST_ROW: usize = 256 * 1024;
/// What stands between cells.
const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];

/// A row: the line that it begins on, and its cells.
pub(crate) type Row = (u64, Vec<String>);

/// A file that was read.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) delimiter: char,
    pub(crate) headers: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

/// Reads a file; the delimiter is found where none is given.
///
/// # Errors
/// `invalid`: what is wrong, on which line, and what would be right.
pub(crate) fn read(bytes: &[u8], delimiter: Option<&str>) -> Result<File> {
    if bytes.len() > LARGEST {
        return Err(wrong("the file must have less than 20 MiB: split it"));
    }
    let text = decode(bytes)?;
    let delimiter = match delimiter {
        None => detect(text),
        Some(given) => named(given)?,
    };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter as u8)
        .flexible(true)
        .has_headers(false)
        .from_reader(text.as_bytes());
    let mut headers: Option<Vec<String>> = None;
    let mut rows: Vec<Row> = Vec::new();
    let mut record = csv::StringRecord::new();
    let mut lines = Lines::new(text);
    loop {
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return Err(wrong(format!("the file is no CSV: {error}"))),
        }
        let start = record.position().map_or(0, csv::Position::byte);
        let line = lines.of(usize::try_from(start).unwrap_or(usize::MAX));
        if record.as_slice().len() > LONGEST_ROW {
            return Err(wrong(format!(
                "the row on line {line} has more than {LONGEST_ROW} bytes: is a quotation mark \
                 missing?"
            )));
        }
        if headers.is_none() {
            headers = Some(header(&record)?);
            continue;
        }
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if rows.len() == MOST_ROWS {
            return Err(wrong(format!(
                "the file has more than {MOST_ROWS} rows: split it"
            )));
        }
        rows.push((line, record.iter().map(str::to_owned).collect()));
    }
    let Some(headers) = headers else {
        return Err(wrong(
            "the file is empty: its first line names the columns, such as `firstname,phone`",
        ));
    };
    if rows.is_empty() {
        return Err(wrong("the file has a header and no row"));
    }
    Ok(File {
        delimiter,
        headers,
        rows,
    })
}

/// Counts lines upwards. The reader's own count is one too low where lines end with CR LF.
struct Lines<'a> {
    bytes: &'a [u8],
    counted: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Lines<'a> {
        Lines {
            bytes: text.as_bytes(),
            counted: 0,
            line: 1,
        }
    }

    /// The line of the row that is found at or behind this byte.
    fn of(&mut self, start: usize) -> u64 {
        let rest = self.bytes.get(start..).unwrap_or_default();
        let blank = rest.iter().take_while(|one| matches!(one, b'\r' | b'\n'));
        let start = self.bytes.len().min(start + blank.count());
        while self.counted < start {
            let next = self.bytes.get(self.counted + 1);
            match self.bytes.get(self.counted) {
                Some(b'\n') => self.line += 1,
                Some(b'\r') if next != Some(&b'\n') => self.line += 1,
                _ => {}
            }
            self.counted += 1;
        }
        self.line
    }
}

fn wrong(said: impl Into<String>) -> Error {
    Error::problems("invalid-file", vec![Problem::new("", said)])
}

fn decode(bytes: &[u8]) -> Result<&str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(wrong(
            "the file is UTF-16: save it as \"CSV UTF-8\", with or without a byte order mark",
        ));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let good = &bytes[..error.valid_up_to()];
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        wrong(format!(
            "line {line} is not UTF-8: save the file as \"CSV UTF-8\" (Latin-1 and Windows-1252 are \
             not taken)"
        ))
    })?;
    if text.contains('\0') {
        return Err(wrong(
            "the file has the character NUL in it: it is no text. Save it as \"CSV UTF-8\"",
        ));
    }
    Ok(text)
}

fn named(given: &str) -> Result<char> {
    let found = DELIMITERS.into_iter().find(|one| given == one.to_string());
    let found = found.or_else(|| (given == "tab").then_some('\t'));
    found.ok_or_else(|| {
        let said = "the delimiter is `,`, `;`, `|` or `tab`";
        Error::problems("invalid-file", vec![Problem::new("delimiter", said)])
    })
}

/// What stands most often in the first line, outside of quotation marks.
fn detect(text: &str) -> char {
    let mut quoted = false;
    let mut counts = [0_usize; DELIMITERS.len()];
    for one in text.chars() {
        match one {
            '"' => quoted = !quoted,
            '\n' | '\r' if !quoted => break,
            _ if !quoted => {
                if let Some(place) = DELIMITERS.iter().position(|known| *known == one) {
                    counts[place] += 1;
                }
            }
            _ => {}
        }
    }
    let most = counts.iter().max().copied().unwrap_or(0);
    let place = counts.iter().position(|count| *count == most).unwrap_or(0);
    DELIMITERS[place]
}

fn header(record: &csv::StringRecord) -> Result<Vec<String>> {
    let headers: Vec<String> = record.iter().map(|cell| cell.trim().to_owned()).collect();
    if headers.len() > MOST_COLUMNS {
        return Err(wrong(format!(
            "the file has more than {MOST_COLUMNS} columns"
        )));
    }
    for (place, name) in headers.iter().enumerate() {
        if name.is_empty() {
            return Err(wrong(format!(
                "column {} has no name: the first line names every column",
                place + 1
            )));
        }
        if headers[..place].contains(name) {
            return Err(wrong(format!("there are two columns `{name}`: rename one")));
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refused(bytes: &[u8], delimiter: Option<&str>) -> String {
        read(bytes, delimiter).unwrap_err().message
    }

    #[test]
    fn the_delimiter_is_found_or_given_and_a_byte_order_mark_is_no_cell() {
        for (text, delimiter) in [
            ("a,b\n1,2\n", ','),
            ("\u{feff}a;b\n1;2\n", ';'),
            ("\"a,x\";b\n1;2\n", ';'),
            ("a\tb\r\n1\t2\r\n", '\t'),
            ("a|b\n1|2", '|'),
            ("a\n1\n", ','),
        ] {
            let file = read(text.as_bytes(), None).unwrap();
            assert_eq!(file.delimiter, delimiter, "{text}");
            assert!(file.headers[0].starts_with('a'));
            assert_eq!(file.rows[0].0, 2);
            assert_eq!(file.rows[0].1[0], "1");
        }
        let file = read(b"a;b\n1;2\n", Some(",")).unwrap();
        assert_eq!(file.headers, ["a;b"]);
        assert_eq!(read(b"a\tb\n1\t2\n", Some("tab")).unwrap().headers.len(), 2);
        assert!(refused(b"a\n1", Some("x")).contains("`tab`"));
    }

    #[test]
    fn quoted_cells_hold_breaks_and_lines_are_those_of_the_file() {
        let file = read(b"a,b\n\"1\nx\",\"say \"\"hi\"\"\"\n\n ,\n2,3,4\n", None).unwrap();
        assert_eq!(file.rows.len(), 2);
        assert_eq!(file.rows[0], (2, vec!["1\nx".into(), "say \"hi\"".into()]));
        assert_eq!(file.rows[1].0, 6);
        assert_eq!(file.rows[1].1.len(), 3);
    }

    #[test]
    fn lines_are_counted_whatever_they_end_with() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["a,b", "1,\"x", "y\"", "", "2,2", "3,3"].join(end);
            let file = read(text.as_bytes(), None).unwrap();
            let lines: Vec<u64> = file.rows.iter().map(|(line, _)| *line).collect();
            assert_eq!(lines, [2, 5, 6], "{end:?}");
        }
    }

    #[test]
    fn what_is_no_utf_8_is_refused_with_its_line() {
        assert!(refused(b"a\nb\nJos\xe9\n", None).contains("line 3 is not UTF-8"));
        assert!(refused(b"\xff\xfea\0", None).contains("UTF-16"));
        assert!(refused(b"a\nb\0\n", None).contains("NUL"));
    }

    #[test]
    fn a_file_without_header_or_rows_is_refused() {
        for (text, said) in [
            ("", "is empty"),
            ("a,b\n", "no row"),
            ("a,b\n,\n\n", "no row"),
            ("a,,c\n1,2,3", "column 2 has no name"),
            ("a,a\n1,2", "two columns `a`"),
        ] {
            assert!(refused(text.as_bytes(), None).contains(said), "{text}");
        }
    }

    #[test]
    fn rows_and_bytes_are_bounded() {
        let rows = |count: usize| format!("a\n{}", "1\n".repeat(count));
        assert_eq!(read(rows(1).as_bytes(), None).unwrap().rows.len(), 1);
        assert_eq!(
            read(rows(MOST_ROWS).as_bytes(), None).unwrap().rows.len(),
            MOST_ROWS
        );
        assert!(refused(rows(MOST_ROWS + 1).as_bytes(), None).contains("200000 rows"));
        let filled = |size: usize| {
            let row = format!("{}\n", "x".repeat(99_999));
            let mut text = format!("a\n{}", row.repeat(size / 100_000));
            text.push_str(&"y".repeat(size - text.len()));
            text
        };
        assert!(read(filled(LARGEST).as_bytes(), None).is_ok());
        assert!(refused(filled(LARGEST + 1).as_bytes(), None).contains("20 MiB"));
        let long = format!("a\n\"{}\"\n", "x".repeat(LONGEST_ROW + 1));
        assert!(refused(long.as_bytes(), None).contains("line 2"));
    }
}
