//! A place: a location message, or `latitude, longitude` as a text.

use jackfield_plugin::prelude::*;

use super::Answer;
use crate::reply::{Place, Reply};

pub(super) fn read(reply: &Reply) -> Result<Answer, String> {
    let place = reply
        .location
        .clone()
        .or_else(|| from_text(reply.text.as_deref()?))
        .filter(|place| place.latitude.abs() <= 90.0 && place.longitude.abs() <= 180.0);
    let Some(Place {
        latitude,
        longitude,
        label,
    }) = place
    else {
        return Err("Please share your location, or answer with latitude and longitude, such as 48.8566, 2.3522.".into());
    };
    Ok(Answer {
        value: json!({"latitude": latitude, "longitude": longitude, "label": label}),
        field_value: json!(format!("{latitude},{longitude}")),
        index: None,
        id: None,
    })
}

/// `48.8566, 2.3522`; with decimal commas the parts are divided by a semicolon or a space.
fn from_text(text: &str) -> Option<Place> {
    let text = text.trim().trim_start_matches("geo:");
    let parts: Vec<&str> = match text.split_once(';') {
        Some((latitude, longitude)) => vec![latitude, longitude],
        None if text.matches(',').count() == 1 => text.split(',').collect(),
        None => text.split(", ").flat_map(str::split_whitespace).collect(),
    };
    let [latitude, longitude] = parts.as_slice() else {
        return None;
    };
    let number = |part: &str| {
        let part = part.trim().replace(',', ".");
        let plain = part
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+'));
        part.parse::<f64>().ok().filter(|_| plain)
    };
    Some(Place {
        latitude: number(latitude)?,
        longitude: number(longitude)?,
        label: None,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_read_from_a_text() {
        for text in [
            "48.5, 2.25",
            "48.5,2.25",
            "48,5 ; 2,25",
            "48.5 2.25",
            "48,5, 2,25",
            "geo:48.5,2.25",
        ] {
            let answer = read(&Reply::from_text(text.into())).unwrap();
            assert_eq!(answer.field_value, json!("48.5,2.25"), "{text}");
        }
        for text in ["", "Paris", "91, 0", "0, 181", "48.5", "1,2,3", "NaN, 1"] {
            assert!(read(&Reply::from_text(text.into())).is_err(), "{text}");
        }
    }

    #[test]
    fn a_location_message_is_a_place_with_its_label() {
        let message = json!({"content": {"type": "location", "latitude": 48.5, "longitude": 2.25, "name": "Home"}});
        let answer = read(&Reply::from_message(&message)).unwrap();
        assert_eq!(
            answer.value,
            json!({"latitude": 48.5, "longitude": 2.25, "label": "Home"})
        );
    }
}
