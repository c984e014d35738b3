//! Cells of CSV files: what a spreadsheet would take for a formula, and several values in one cell.
//!
//! A spreadsheet runs a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return. What
//! leaves gets an apostrophe in front, which spreadsheets hide; what comes in loses it again. Numbers
//! and telephone numbers stay as they are: they are no formulas, and `+33…` is to be read as such.
//!
//! What must hold: `unguard(guard(x)) == x`, and `split(join(x)) == x`.

/// Between the values of a cell.
pub(crate) const SEPARATOR: char = ';';

fn is_formula(text: &str) -> bool {
    let begins = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let number = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = !number.is_empty()
        && number
            .bytes()
            .all(|one| one.is_ascii_digit() || matches!(one, b'.' | b','))
        && number.starts_with(|first: char| first.is_ascii_digit());
    begins && !is_number
}

/// A value as a cell that no spreadsheet takes for a formula.
pub(crate) fn guard(value: &str) -> String {
    let bare = value.trim_start_matches('\'');
    // What begins with apostrophes already gets one more, so that it loses the right one.
    let marked = bare.len() < value.len() && bare.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if marked || is_formula(value) {
        format!("'{value}")
    } else {
        value.to_owned()
    }
}

/// The value of a cell.
pub(crate) fn unguard(cell: &str) -> &str {
    let bare = cell.trim_start_matches('\'');
    if bare.len() < cell.len() && bare.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        &cell[1..]
    } else {
        cell
    }
}

/// Several values as one cell; what would be read otherwise has a backslash in front.
pub(crate) fn join<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    let mut cell = String::new();
    for (place, value) in values.into_iter().enumerate() {
        if place > 0 {
            cell.push(SEPARATOR);
        }
        for one in value.chars() {
            if one == SEPARATOR || one == '\\' {
                cell.push('\\');
            }
            cell.push(one);
        }
    }
    cell
}

/// The values of a cell, without what is blank.
pub(crate) fn split(cell: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut letters = cell.chars();
    while let Some(one) = letters.next() {
        let next = if one == SEPARATOR {
            values.push(String::new());
            continue;
        } else if one == '\\' {
            letters.next().unwrap_or('\\')
        } else {
            one
        };
        if let Some(last) = values.last_mut() {
            last.push(next);
        }
    }
    let trimmed = values.into_iter().map(|value| value.trim().to_owned());
    trimmed.filter(|value| !value.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn formulas_are_guarded_and_numbers_are_not() {
        for (value, cell) in [
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-cmd|' /C calc'!A0", "'-cmd|' /C calc'!A0"),
            ("+33612345678", "+33612345678"),
            ("-12.5", "-12.5"),
            ("-", "'-"),
            ("+1+1", "'+1+1"),
            ("'=1", "''=1"),
            ("'s", "'s"),
            ("\t=1", "'\t=1"),
            ("Ann", "Ann"),
        ] {
            assert_eq!(guard(value), cell);
            assert_eq!(unguard(cell), value);
        }
    }

    #[test]
    fn blank_values_of_a_cell_are_none() {
        assert_eq!(split(" vip ; ;paris;"), ["vip", "paris"]);
        assert_eq!(split(r"a\;b;c\\"), ["a;b", r"c\"]);
        assert!(split("").is_empty());
    }

    proptest! {
        #[test]
        fn a_value_comes_back_as_it_left(value in "['=+@\\-\t\r0-9a-z]{0,6}|.*") {
            let cell = guard(&value);
            prop_assert_eq!(unguard(&cell), value.as_str());
            prop_assert!(!is_formula(&cell));
        }

        #[test]
        fn values_of_a_cell_come_back(values in prop::collection::vec("[a-z;\\\\]{1,5}", 0..5)) {
            let cell = join(values.iter().map(String::as_str));
            prop_assert_eq!(split(&cell), values);
        }

        #[test]
        fn rows_come_back_through_csv(rows in prop::collection::vec(prop::collection::vec("[^\0]{0,8}", 3), 1..8)) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(["a", "b", "c"]).unwrap();
            for row in &rows {
                writer.write_record(row.iter().map(|cell| guard(cell))).unwrap();
            }
            let bytes = writer.into_inner().unwrap();
            let mut reader = csv::ReaderBuilder::new().has_headers(true).from_reader(bytes.as_slice());
            let read: Vec<Vec<String>> = reader
                .records()
                .map(|row| row.unwrap().iter().map(|cell| unguard(cell).to_owned()).collect())
                .collect();
            prop_assert_eq!(read, rows);
        }
    }
}
