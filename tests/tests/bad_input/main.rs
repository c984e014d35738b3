//! Bad input, on every route of the API and every way in: it is refused in one form that says what
//! would be right, nothing of it is done, and the host goes on.
//!
//! The routes are those of the served OpenAPI document, so that a new route is tested without
//! anybody thinking of it. `bodies` are bytes that are no good body, `documents` workflow documents,
//! plugins and names, `keys` who may not ask, `strangers` ids of other workspaces, `webhooks` what
//! is no provider, and `wire` what is no HTTP. `openapi_fuzz` makes up more of the same.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bodies;
mod documents;
mod keys;
mod parameters;
mod state;
mod strangers;
mod webhooks;
mod wire;
