//! One to five: the number, `4/5`, or as many stars.

use super::fold;

const STARS: [char; 4] = ['⭐', '🌟', '★', '✨'];

pub(super) fn read(text: &str) -> Result<u8, String> {
    let shown: Vec<char> = text
        .chars()
        .filter(|character| !character.is_whitespace() && !matches!(character, '\u{fe0f}' | '☆'))
        .collect();
    let stars = !shown.is_empty() && shown.iter().all(|character| STARS.contains(character));
    let rating = if stars {
        u8::try_from(shown.len()).ok()
    } else {
        number(text)
    };
    rating
        .filter(|rating| (1..=5).contains(rating))
        .ok_or_else(|| "Please answer with a number from 1 to 5.".into())
}

fn number(text: &str) -> Option<u8> {
    let folded = fold(text.trim_end_matches(STARS));
    folded
        .strip_suffix("/5")
        .unwrap_or(&folded)
        .trim()
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn numbers_and_stars_are_ratings() {
        let ratings = [
            ("1", 1),
            (" 5 ", 5),
            ("4/5", 4),
            ("⭐⭐⭐", 3),
            ("⭐️ ⭐️", 2),
            ("★★★★☆", 4),
            ("3️⃣", 3),
            ("5!", 5),
            ("4⭐", 4),
        ];
        for (text, expected) in ratings {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_rating_is_refused() {
        for text in [
            "",
            "0",
            "6",
            "good",
            "⭐⭐⭐⭐⭐⭐",
            "☆☆",
            "4.5",
            "3/10",
            "⭐ or ⭐⭐",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
