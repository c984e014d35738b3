//! The other side of the demo, started together.

use jackfield_peers::{Crm, Error, Gateway, Mailbox};
use std::fmt;

/// The gateway's account: made up, and of the length that Twilio's have.
pub(crate) const ACCOUNT_SID: &str = "AC0123456789abcdef0123456789abcdef";

/// The account's token. Known to everyone who reads this, and good for loopback alone.
pub(crate) const AUTH_TOKEN: &str = "a token for the demo on loopback";

/// A mailbox, a phone gateway and a CRM. They stop when this is dropped.
#[derive(Debug)]
pub(crate) struct Peers {
    /// Where mail goes.
    pub(crate) mailbox: Mailbox,
    /// Where texts go, and where the caller answers from.
    pub(crate) gateway: Gateway,
    /// Where the HTTP step reports to.
    pub(crate) crm: Crm,
}

impl Peers {
    /// Starts all three on free loopback ports.
    pub(crate) async fn start() -> Result<Self, Error> {
        Ok(Self {
            mailbox: Mailbox::start().await?,
            gateway: Gateway::start(ACCOUNT_SID, AUTH_TOKEN).await?,
            crm: Crm::start().await?,
        })
    }
}

impl fmt::Display for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "mailbox    smtp://127.0.0.1:{} as {}",
            self.mailbox.port, self.mailbox.username
        )?;
        writeln!(f, "gateway    {} account {ACCOUNT_SID}", self.gateway.url)?;
        writeln!(f, "CRM        {}", self.crm.url)
    }
}
