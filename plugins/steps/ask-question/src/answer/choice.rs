//! Multiple choice: a button's payload, the label (case and accents make no difference), or the
//! number of the option.

use jackfield_plugin::prelude::*;

use super::{Answer, fold};
use crate::question::payload;
use crate::reply::Reply;
use crate::settings::ChoiceOption;

pub(super) fn read(options: &[ChoiceOption], reply: &Reply) -> Result<Answer, String> {
    let index = by_payload(options, reply.payload.as_deref())
        .or_else(|| by_text(options, reply.text.as_deref()?));
    let Some(index) = index else {
        return Err("Please choose one of these:".into());
    };
    let label = json!(options[index].label());
    Ok(Answer {
        value: label.clone(),
        field_value: label,
        index: Some(index + 1),
        id: options[index].id().map(str::to_owned),
    })
}

/// The payload comes first: an option's id may be another one's label.
fn by_payload(options: &[ChoiceOption], pressed: Option<&str>) -> Option<usize> {
    let pressed = pressed?;
    let by_payload = options
        .iter()
        .enumerate()
        .position(|(index, option)| payload(index, option.id()) == pressed);
    // Some channels send a button's title back.
    by_payload.or_else(|| options.iter().position(|option| option.label() == pressed))
}

/// The label comes first: an option may itself be called `2`.
fn by_text(options: &[ChoiceOption], text: &str) -> Option<usize> {
    let folded = fold(text);
    let by_label = options
        .iter()
        .position(|option| fold(option.label()) == folded);
    by_label.or_else(|| {
        let number: usize = folded.parse().ok()?;
        number.checked_sub(1).filter(|index| *index < options.len())
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn index(labels: &[&str], reply: Reply) -> Option<usize> {
        let options: Vec<_> = labels
            .iter()
            .map(|label| ChoiceOption::Label((*label).into()))
            .collect();
        read(&options, &reply).ok().and_then(|answer| answer.index)
    }

    #[test]
    fn a_label_a_number_or_a_payload_chooses() {
        let labels = ["Été", "Hiver"];
        for (text, expected) in [
            ("ete", 1),
            ("HIVER!", 2),
            ("2", 2),
            ("1.", 1),
            (" 2) ", 2),
            ("2️⃣", 2),
        ] {
            assert_eq!(
                index(&labels, Reply::from_text(text.into())),
                Some(expected),
                "{text}"
            );
        }
        for text in ["0", "3", "printemps", "été ou hiver"] {
            assert_eq!(
                index(&labels, Reply::from_text(text.into())),
                None,
                "{text}"
            );
        }
        let pressed = |payload: &str| Reply {
            payload: Some(payload.into()),
            ..Reply::default()
        };
        assert_eq!(index(&labels, pressed("option-2")), Some(2));
        assert_eq!(index(&labels, pressed("Hiver")), Some(2));
        assert_eq!(index(&labels, pressed("option-9")), None);
    }

    #[test]
    fn a_label_that_is_a_number_wins_over_the_position() {
        assert_eq!(index(&["2", "1"], Reply::from_text("2".into())), Some(1));
    }

    #[test]
    fn an_id_wins_over_the_label_of_another_option() {
        let options = [("b", "a"), ("a", "b")].map(|(label, id)| ChoiceOption::Full {
            label: label.into(),
            id: Some(id.into()),
        });
        let reply = Reply {
            payload: Some("b".into()),
            ..Reply::default()
        };
        assert_eq!(read(&options, &reply).unwrap().index, Some(2));
    }

    #[test]
    fn an_options_id_is_its_payload() {
        let options = [ChoiceOption::Full {
            label: "Yes".into(),
            id: Some("y".into()),
        }];
        let reply = Reply {
            payload: Some("y".into()),
            text: Some("Yes".into()),
            location: None,
        };
        let answer = read(&options, &reply).unwrap();
        assert_eq!(
            (answer.value, answer.id.as_deref()),
            (json!("Yes"), Some("y"))
        );
    }
}
