//! Mail to the outside over SMTP, under the plugin's grant.

use super::sys;
pub use crate::bindings::connector::jackfield::plugin::email::{
    Accepted, Attachment, Credentials, Mail, Rejection, Server, Tls,
};
use crate::failure::CallError;

/// Hands a mail to a server. Succeeds when at least one recipient was accepted. Errors: as of HTTP,
/// and `smtp` with the detail `{"code", "enhanced", "stage", "text", "rejected"}`.
pub fn send(server: &Server, mail: &Mail) -> Result<Accepted, CallError> {
    sys::email::send(server, mail)
}

/// Connects, logs in and leaves, without a mail. Answers with the server's greeting.
pub fn check(server: &Server) -> Result<String, CallError> {
    sys::email::check(server)
}
