//! A page of documentation as a reader takes it: its fenced blocks, the commands in them, and what
//! stands below a command as what one sees then.
//!
//! `…` stands for what is different each time: within a line for anything, alone on a line for any
//! lines. Everything else must be printed as it stands there, line by line; how wide the space
//! between two words is does not count, because tables are as wide as what is in them.

/// A fenced block.
#[derive(Debug)]
pub struct Block<'a> {
    /// What stands behind the fence, such as `console`.
    pub language: &'a str,
    /// What is in it, without a line break at the end.
    pub text: &'a str,
}

/// A command of a console block.
#[derive(Debug, Default)]
pub struct Typed {
    /// The command, with the lines that a `\` continues.
    pub command: String,
    /// What the page shows below it.
    pub shown: Vec<String>,
}

/// The fenced blocks of a page, in their order.
#[must_use]
pub fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once("\n```") {
        let (language, after) = after.split_once('\n').expect("a block has lines");
        let (text, after) = after.split_once("\n```").expect("every block ends");
        let language = language.trim();
        blocks.push(Block { language, text });
        rest = after;
    }
    blocks
}

/// The commands of a console block: lines that begin with `$ `, with those that go on after a `\`.
#[must_use]
pub fn typed(block: &str) -> Vec<Typed> {
    let mut all: Vec<Typed> = Vec::new();
    let mut open = false;
    for line in block.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            let command = command.to_owned();
            let shown = Vec::new();
            all.push(Typed { command, shown });
        } else {
            let last = all.last_mut().expect("a block begins with a command");
            if !open {
                last.shown.push(line.to_owned());
                continue;
            }
            last.command.push('\n');
            last.command.push_str(line);
        }
        open = line.ends_with('\\');
    }
    all
}

/// What of `shown` is not in `printed`; none where all of it is.
#[must_use]
pub fn differs(shown: &[String], printed: &str) -> Option<String> {
    let printed: Vec<String> = printed.lines().map(squeezed).collect();
    let shown: Vec<String> = shown.iter().map(|line| squeezed(line)).collect();
    let mut next = 0;
    let mut anywhere = false;
    for line in &shown {
        if line == "…" {
            anywhere = true;
            continue;
        }
        let rest = printed.get(next..).unwrap_or_default();
        let found = rest.iter().position(|one| is_like(line, one));
        match found {
            Some(skipped) if skipped == 0 || anywhere => next += skipped + 1,
            _ => return Some(line.clone()),
        }
        anywhere = false;
    }
    let more = printed.get(next).filter(|_| !anywhere && !shown.is_empty());
    more.map(|line| format!("nothing more; but there is: {line}"))
}

/// One space between words.
fn squeezed(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    words.join(" ")
}

fn is_like(shown: &str, printed: &str) -> bool {
    let mut parts = shown.split('…').map(str::trim);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = printed.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_has_its_lines_and_what_is_shown_below_it() {
        let all = typed("$ one \\\n    two\nseen\n$ three");
        assert_eq!(all[0].command, "one \\\n    two");
        assert_eq!(all[0].shown, ["seen"]);
        assert_eq!(all[1].command, "three");
    }

    #[test]
    fn what_is_shown_must_be_printed_but_for_what_is_left_open() {
        let shown = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let printed = "run_1  done\n  in 7 ms\n\nend";
        for well in [
            "run_… done\nin … ms\n\nend",
            "…\nend",
            "run_… done\n…",
            "run_1 done\n…\nend",
            "",
        ] {
            assert_eq!(differs(&shown(well), printed), None, "{well}");
        }
        for wrong in [
            "run_… done",
            "run_… done\nend",
            "…\nin … s",
            "…\nmore",
            "end\n…",
        ] {
            assert!(differs(&shown(wrong), printed).is_some(), "{wrong}");
        }
    }
}
