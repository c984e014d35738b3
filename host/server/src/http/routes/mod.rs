//! The routes, one file for each thing of the API. Each gives its part of router and document.

mod assignments;
mod blacklist;
mod calendars;
mod channels;
mod contact_fields;
mod contacts;
mod conversations;
mod events;
mod files;
mod hosts;
mod imports;
mod inbound;
mod keys;
mod lists;
mod messages;
mod opt_outs;
mod organisation_workflows;
mod organisations;
mod plugins;
mod public;
mod runs;
mod schedules;
mod secrets;
mod segments;
mod shortcuts;
mod snippets;
mod stream;
mod subscriptions;
mod tables;
mod templates;
mod users;
mod workflows;
mod workspaces;

pub(crate) use public::Check;

use super::app::App;
use utoipa_axum::router::OpenApiRouter;

/// All routes, added to a document.
pub(super) fn all(document: utoipa::openapi::OpenApi) -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(document)
        .merge(events::router())
        .merge(workflows::router())
        .merge(schedules::router())
        .merge(shortcuts::router())
        .merge(runs::router())
        .merge(plugins::router())
        .merge(channels::router())
        .merge(secrets::router())
        .merge(contacts::router())
        .merge(contact_fields::router())
        .merge(assignments::router())
        .merge(conversations::router())
        .merge(users::router())
        .merge(lists::router())
        .merge(tables::router())
        .merge(blacklist::router())
        .merge(segments::router())
        .merge(imports::router())
        .merge(messages::router())
        .merge(templates::router())
        .merge(snippets::router())
        .merge(files::router())
        .merge(opt_outs::router())
        .merge(subscriptions::router())
        .merge(inbound::router())
        .merge(keys::router())
        .merge(organisations::router())
        .merge(organisation_workflows::router())
        .merge(workspaces::router())
        .merge(calendars::router())
        .merge(hosts::router())
        .merge(public::router())
}
