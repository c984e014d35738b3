//! What the contact wrote, out of the data of an event `message.received`.

use jackfield_plugin::prelude::*;

/// A reply.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    /// The text, if there is one that is not empty.
    pub(crate) text: Option<String>,
    /// Of the button that was pressed.
    pub(crate) payload: Option<String>,
    /// Of a location message.
    pub(crate) location: Option<Place>,
}

/// Where a location message points to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
    pub(crate) label: Option<String>,
}

impl Reply {
    pub(crate) fn from_text(text: String) -> Self {
        Reply {
            text: Some(text).filter(|text| !text.trim().is_empty()),
            ..Reply::default()
        }
    }

    /// Of the event's `message`; content may stand in it flat or under `content`.
    pub(crate) fn from_message(message: &Value) -> Self {
        let content = &message["content"];
        let text = |name: &str| {
            [&message[name], &content[name]]
                .iter()
                .find_map(|value| value.as_str())
        };
        let number = |name: &str| {
            [&message[name], &content[name]]
                .iter()
                .find_map(|value| value.as_f64())
        };
        let location = number("latitude")
            .zip(number("longitude"))
            .map(|(latitude, longitude)| Place {
                latitude,
                longitude,
                label: text("name").or(text("address")).map(str::to_owned),
            });
        Reply {
            payload: text("payload")
                .filter(|payload| !payload.is_empty())
                .map(str::to_owned),
            location,
            ..Reply::from_text(text("text").unwrap_or_default().to_owned())
        }
    }

    /// Whether more may follow: a text may be a fragment, a button or a place is whole.
    pub(crate) fn may_go_on(&self) -> bool {
        self.payload.is_none() && self.location.is_none() && self.text.is_some()
    }
}
