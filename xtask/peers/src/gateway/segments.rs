//! How many segments a text is billed as: 160 characters of the GSM 7-bit alphabet (3GPP TS 23.038)
//! in one segment and 153 in each of several, or 70 and 67 UTF-16 units where a character is not in
//! that alphabet.

const GSM7: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// Characters of the extension table take two places.
const GSM7_EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// The number of segments; an empty text (a message of media alone) is one.
pub(super) fn count(text: &str) -> usize {
    let width = |character| {
        if GSM7.contains(character) {
            Some(1)
        } else {
            GSM7_EXTENSION.contains(character).then_some(2)
        }
    };
    let (length, one, each) = match text.chars().map(width).sum::<Option<usize>>() {
        Some(length) => (length, 160, 153),
        None => (text.encode_utf16().count(), 70, 67),
    };
    if length <= one {
        1
    } else {
        length.div_ceil(each)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_holds_160_gsm_characters_or_70_others() {
        assert_eq!(count(""), 1);
        assert_eq!(count(&"a".repeat(160)), 1);
        assert_eq!(count(&"a".repeat(161)), 2);
        assert_eq!(count(&"a".repeat(307)), 3);
        assert_eq!(count(&"ж".repeat(70)), 1);
        assert_eq!(count(&"ж".repeat(71)), 2);
    }

    #[test]
    fn an_extension_character_takes_two_places_and_an_emoji_two_units() {
        assert_eq!(count(&"€".repeat(80)), 1);
        assert_eq!(count(&"€".repeat(81)), 2);
        assert_eq!(count(&"😀".repeat(35)), 1);
        assert_eq!(count(&"😀".repeat(36)), 2);
    }
}
