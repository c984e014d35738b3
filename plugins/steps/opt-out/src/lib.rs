//! The step `opt-out`: whoever the run is about wants nothing more, or wants it again.
//!
//! It makes the record that the word STOP makes, of the address on which the contact wrote last. Of a
//! list, it takes the contact off. Done already is no failure.

use jackfield_plugin::contacts::{self, OptedOut};
use jackfield_plugin::{lists, prelude::*};

/// The step; see the module.
#[derive(Debug)]
pub struct OptOut;

/// How far it reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Nobody of the workspace sends to the address any more.
    #[default]
    Account,
    /// Nothing is sent to the address over this channel.
    Sender,
    /// The contact is taken off a list.
    List,
}

/// What the workflow's author sets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(extend("allOf" = [{
    "if": {"properties": {"scope": {"const": "list"}}, "required": ["scope"]},
    "then": {"required": ["list"], "properties": {"channel": false}},
    "else": {"properties": {"list": false}},
}]))]
pub struct Settings {
    /// How far it reaches: `account`, all senders of the workspace; `sender`, the channel; `list`, a
    /// list alone.
    #[serde(default)]
    scope: Scope,
    /// The list, with `scope: list`.
    #[schemars(length(min = 1, max = 64), extend("x-jackfield-ref" = "list"))]
    list: Option<String>,
    /// The channel on which the contact has the address; where left out, that of its last message.
    #[schemars(length(min = 1, max = 64), extend("x-jackfield-ref" = "channel"))]
    channel: Option<String>,
    /// The contact wants messages again: opt-outs are taken back, or it is put on the list.
    #[serde(default)]
    opt_in: bool,
}

/// What later steps can read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// Whether it was not so before.
    changed: bool,
    /// The address of which it was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

impl Step for OptOut {
    type Settings = Settings;
    type State = ();

    fn describe() -> StepDescriptor {
        StepDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "Opt out",
            "Records that the contact wants nothing more, or wants it again.",
        )
        .category(Category::Contacts)
        .icon("🔕")
        .output::<Output>()
        .failures(&[
            (
                "not-found",
                "The run has no contact, or there is no such channel or list",
            ),
            (
                "no-channel",
                "The contact has not written on any channel yet",
            ),
            ("no-address", "The contact has no address on the channel"),
        ])
    }

    fn start(_run: &Invocation, settings: Settings) -> Result<Outcome, Failure> {
        let channel = settings.channel.as_deref();
        let reach = match (settings.scope, &settings.list) {
            (Scope::List, Some(list)) => {
                let changed = if settings.opt_in {
                    lists::add(list)?
                } else {
                    lists::remove(list)?
                };
                return Ok(done(changed, None));
            }
            (Scope::List, None) => {
                return Err(Failure::invalid_config("no-list", "name the list"));
            }
            (Scope::Account, _) => contacts::Scope::Account,
            (Scope::Sender, _) => contacts::Scope::Sender,
        };
        let OptedOut {
            address, changed, ..
        } = if settings.opt_in {
            contacts::opt_in(reach, channel)?
        } else {
            contacts::opt_out(reach, channel)?
        };
        Ok(done(changed, Some(address)))
    }
}

fn done(changed: bool, address: Option<String>) -> Outcome {
    Outcome::done().output(Output { changed, address }).into()
}

jackfield_plugin::export_step!(OptOut);
