//! From a name to addresses that may be connected to.
//!
//! There is no gap between check and connect: the connector gets its addresses from here and
//! nowhere else, already judged. A name whose answer changes between two look-ups gains nothing,
//! since there is no second look-up.
//!
//! Where an answer mixes addresses, the refused ones are left out and the rest is used: only
//! judged addresses are ever connected to, so one stray record cannot cut off a service, nor
//! open anything. Where none is left, the error names the first that was refused.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;

use crate::Error;
use crate::address::{AllowList, Refusal};
use crate::target::Target;

/// Where names are looked up. A trait, so that tests can answer what they like.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// All addresses of a name, in the order to try them.
    ///
    /// # Errors
    /// Where the name is unknown or nobody can be asked.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The operating system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// Why a name gave no address to connect to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the name cannot be resolved: {0}")]
    Unknown(#[from] io::Error),
    #[error("the name has no address")]
    Empty,
}

impl Failure {
    pub(crate) fn into_error(self, target: &Target) -> Error {
        match self {
            Failure::Refused(refusal) => refused(refusal, target),
            other => Error::Connect {
                host: target.to_string(),
                text: other.to_string(),
            },
        }
    }
}

/// The error for a refused address, with the rule that would allow it.
pub(crate) fn refused(refusal: Refusal, target: &Target) -> Error {
    Error::AddressRefused {
        host: target.to_string(),
        address: refusal.address,
        reason: refusal.reason,
        allow: SocketAddr::new(refusal.address, target.port()).to_string(),
    }
}

/// Resolves and judges.
pub(crate) async fn checked(
    resolver: &dyn Resolver,
    allow: &AllowList,
    name: &str,
    port: u16,
) -> Result<Vec<SocketAddr>, Failure> {
    let mut refusal = None;
    let mut passed = Vec::new();
    for address in resolver.resolve(name).await? {
        let address = SocketAddr::new(address, port);
        match allow.check(address) {
            Ok(()) => passed.push(address),
            Err(why) => {
                refusal.get_or_insert(why);
            }
        }
    }
    match refusal {
        Some(why) if passed.is_empty() => Err(Failure::Refused(why)),
        None if passed.is_empty() => Err(Failure::Empty),
        _ => Ok(passed),
    }
}

/// What reqwest asks. It tells no port, so there is one of these for each port that has address
/// rules of its own, and one (port 0) for all others.
pub(crate) struct ForReqwest {
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) allow: Arc<AllowList>,
    pub(crate) port: u16,
}

impl reqwest::dns::Resolve for ForReqwest {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let (resolver, allow, port) = (self.resolver.clone(), self.allow.clone(), self.port);
        Box::pin(async move {
            let passed = checked(resolver.as_ref(), &allow, name.as_str(), port).await?;
            // reqwest puts the port of the URL, or of the scheme, where it finds 0.
            let addresses = passed
                .into_iter()
                .map(|address| SocketAddr::new(address.ip(), 0));
            Ok(Box::new(addresses) as reqwest::dns::Addrs)
        })
    }
}
