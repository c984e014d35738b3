//! The readers of what strangers write, by themselves: for the fuzz targets (`tests/fuzz-targets`).
//!
//! Addresses, the values of contact fields, what connectors say a provider said, and what callers
//! want sent are read deep inside of calls that need a database. Here each of them can be called with
//! any bytes. Nothing else uses this room, and it holds no rule of its own.

use crate::contacts::value::FieldType;
use crate::contacts::{FieldKind, Operation, address};
use crate::inbound::events::InboundEvent;
use crate::outgoing::Outgoing;
use crate::settings::{KeywordSettings, Settings};
use crate::{Problem, keywords, schema};
use serde_json::Value;

/// A telephone number in its normal form; none if the text is none.
#[must_use]
pub fn phone(text: &str, country: Option<&str>) -> Option<String> {
    address::phone(text, country)
}

/// A mail address in its normal form; none if the text is none.
#[must_use]
pub fn email(text: &str) -> Option<String> {
    address::email(text)
}

/// Reads how a caller names a contact.
///
/// # Errors
/// What would be right.
pub fn contact_reference(text: &str, country: Option<&str>) -> Result<(), String> {
    address::ContactRef::parse(text, country).map(drop)
}

/// What a field of this kind holds after the operation; none where it holds nothing then.
///
/// # Errors
/// What would fit.
pub fn field_value(
    kind: FieldKind,
    options: &[String],
    operation: Operation,
    current: Option<&Value>,
    value: &Value,
) -> Result<Option<Value>, String> {
    let field = FieldType {
        kind,
        options: options.to_vec(),
    };
    field.operate(current, operation, value, Some("FR"))
}

/// Reads one event as a connector hands it over.
///
/// # Errors
/// What is wrong with it.
pub fn inbound_event(value: &Value) -> crate::Result<()> {
    InboundEvent::read(value).map(drop)
}

/// Reads a message as a caller or a step wants it sent.
///
/// # Errors
/// What is wrong with it.
pub fn outgoing_message(value: &Value) -> crate::Result<()> {
    Outgoing::read(value, value.to_string().len()).map(drop)
}

/// Whether a text is one of the words that opt out, opt in or ask for help.
#[must_use]
pub fn is_keyword(text: &str) -> bool {
    keywords::recognise(text, &KeywordSettings::default()).is_some()
}

/// Reads a workspace's settings.
///
/// # Errors
/// What is wrong with them.
pub fn workspace_settings(value: &Value) -> Result<Settings, Vec<Problem>> {
    Settings::parse(value)
}

/// What is wrong with a channel's settings under the schema that its connector says.
#[must_use]
pub fn channel_settings(under: &Value, settings: &Value) -> Vec<Problem> {
    schema::problems_under(under, settings)
}
