//! HTTP and mail to the outside, under policy.
//!
//! Everything a plugin says to the world passes here, and four rules are kept on the way:
//!
//! 1. **Deny by default.** A request leaves only if a [`Grant`] names its scheme, host, port and
//!    method ([`HostRule`]). A refusal is a value that carries the exact rule that would allow it.
//! 2. **The address that was checked is the one connected to.** Names are resolved by our own
//!    [`Resolver`] wrapper, which hands the connector judged addresses only; addresses that are not
//!    global are refused unless the operator lists them ([`AddressRule`]). Redirects are followed
//!    here, not by the HTTP library, so every hop is judged like the first request.
//!    So is this server's own address ([`Options::own`]): a request to itself could go round for ever.
//! 3. **Secrets are put in at the last moment, at the granted place, for the granted host**
//!    ([`SecretRule`]), never seen by the plugin, and taken out of everything that comes back
//!    ([`Scrubber`]).
//! 4. **Everything is finite**: bytes, time, redirects, and how much is under way for one plugin
//!    and one host ([`Options`]).
//!
//! On pools: connections are kept for reuse by host name and port, one pool for the whole host, not
//! one for each workspace. A pooled connection was judged when it was opened, under rules that do
//! not change while the host runs; the grant is judged for every request, before the pool is
//! asked; and a connection carries no identity, since credentials travel in each request (there
//! are no client certificates, no cookies, no connection-bound authentication). So a pool for
//! each workspace would cost handshakes and protect nothing.
//!
//! This crate knows no wasm, no database and no HTTP server. There are no proxies from the
//! environment, no cookies, no referer, no decompression (so no bombs) and no retries: what to do
//! again is the engine's decision, by [`Error::transient`] and [`Error::maybe_sent`].

mod address;
mod error;
mod grant;
mod http;
mod mail;
mod meter;
mod options;
mod placeholder;
mod progress;
mod resolve;
mod scrub;
mod secret;
mod secret_rule;
mod slots;
mod target;
mod tls;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

pub use address::{AddressRule, AddressRuleError, not_global};
pub use error::Error;
pub use grant::{Grant, HostRule, HostRuleError, Place};
pub use http::{HttpRequest, HttpResponse};
pub use mail::{Attachment, Mail, MailAccepted, MailServer, MailTls, Rejection, Stage};
pub use options::{HttpLimits, MailLimits, Options};
pub use resolve::{Resolver, SystemResolver};
pub use scrub::{MASK, Scrubber};
pub use secret::{NoSecrets, Secret, Secrets, SecretsError};
pub use secret_rule::{SecretRule, SecretRuleError};
pub use target::{Scheme, Target};

use address::AllowList;
use slots::Slots;
use tls::Trust;

/// On whose behalf something leaves.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The plugin's name: its share of what is under way is counted under it.
    pub plugin: String,
    /// What it has been granted.
    pub grant: Arc<Grant>,
}

impl Caller {
    /// The same on behalf of somebody, such as a workspace: what is under way is then counted by
    /// itself, and a flood on another's behalf does not hold it up.
    #[must_use]
    pub fn on_behalf_of(mut self, owner: &str) -> Caller {
        self.plugin = format!("{} of {owner}", self.plugin);
        self
    }
}

/// The way out. One for each process; cloning is cheap and shares pools and limits.
#[derive(Clone)]
pub struct Egress(Arc<Inner>);

struct Inner {
    options: Options,
    allow: Arc<AllowList>,
    own: Vec<Target>,
    resolver: Arc<dyn Resolver>,
    trust: Trust,
    clients: Clients,
    plugins: Arc<Slots>,
    hosts: Arc<Slots>,
}

/// reqwest's resolver is not told the port, but address rules have ports: so there is one client
/// for each port that some rule names, and one for all others.
struct Clients {
    by_port: HashMap<u16, reqwest::Client>,
    others: reqwest::Client,
}

impl Egress {
    /// Sets up pools, limits and trust. Reads the certificate authorities of the machine.
    ///
    /// # Errors
    /// [`Error::Options`] where a setting cannot work.
    pub fn new(options: Options) -> Result<Egress, Error> {
        Egress::with_resolver(options, Arc::new(SystemResolver))
    }

    /// The same with names looked up elsewhere.
    ///
    /// # Errors
    /// As of [`Egress::new`].
    pub fn with_resolver(options: Options, resolver: Arc<dyn Resolver>) -> Result<Egress, Error> {
        options.validate()?;
        meter::describe();
        let trust = Trust::load(&options.extra_authorities)?;
        let allow = Arc::new(AllowList::new(options.allow_addresses.clone()));
        let client = |port| http::client(&options, &trust, resolver.clone(), allow.clone(), port);
        let by_port = allow
            .ports()
            .into_iter()
            .map(|port| Ok((port, client(port)?)))
            .collect::<Result<_, Error>>()?;
        let clients = Clients {
            by_port,
            others: client(0)?,
        };
        let own = options.own.iter().map(Target::of);
        let own = own.collect::<Result<_, Error>>()?;
        let plugins = Slots::new(options.per_plugin_concurrency);
        let hosts = Slots::new(options.per_host_concurrency);
        Ok(Egress(Arc::new(Inner {
            options,
            allow,
            own,
            resolver,
            trust,
            clients,
            plugins,
            hosts,
        })))
    }

    /// Does one HTTP request.
    ///
    /// An answer of any status is a response. Placeholders `{{secret:NAME}}` may stand in header
    /// values, in basic-auth, in path and query of the URL and in the body, as far as the grant
    /// allows; what comes back is scrubbed of every secret that was put in.
    ///
    /// Redirects are followed as a browser would (301 and 302 turn POST into GET, 303 turns all
    /// but HEAD into GET, 307 and 308 keep method and body), at most as often as the request says.
    /// With 0 the redirect itself is the answer. Where a redirect leads to another origin,
    /// headers and basic-auth that hold a secret go along only if the secret's rule covers that
    /// host; plain credentials and cookies never do, and neither does an address that holds a
    /// secret.
    ///
    /// # Errors
    /// See [`Error`]; all but `Options` and `Smtp` can come.
    pub async fn http(
        &self,
        caller: &Caller,
        request: HttpRequest,
        secrets: &dyn Secrets,
    ) -> Result<HttpResponse, Error> {
        http::run(&self.0, caller, request, secrets).await
    }

    /// Whether [`Egress::http`] would send this request: the same checks, up to where it would
    /// leave. No name is resolved.
    ///
    /// # Errors
    /// As of [`Egress::http`].
    pub async fn judge_http(
        &self,
        caller: &Caller,
        request: HttpRequest,
        secrets: &dyn Secrets,
    ) -> Result<(), Error> {
        http::judge(&self.0, caller, request, secrets).await
    }

    /// Whether [`Egress::email`] may talk to this server under the grant.
    ///
    /// # Errors
    /// [`Error::Denied`], or what is wrong with the server's name.
    pub fn judge_email(&self, caller: &Caller, server: &MailServer) -> Result<(), Error> {
        caller
            .grant
            .check_smtp(&Target::smtp(&server.host, server.port)?)
    }

    /// Whether the operator has listed the address that this target is: what goes there stays on a
    /// network of the operator's own. Of a name nobody can say so before it is looked up.
    pub fn is_listed(&self, target: &Target) -> bool {
        let address = target.address();
        address.is_some_and(|address| self.0.allow.lists(address, target.port()))
    }

    /// Hands one mail to a server. Placeholders may stand in user name and password.
    ///
    /// Succeeds when the server has taken the message for at least one recipient; the others are
    /// in [`MailAccepted::rejected`].
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Smtp`] where the server refuses all recipients or the message.
    pub async fn email(
        &self,
        caller: &Caller,
        server: MailServer,
        mail: Mail,
        secrets: &dyn Secrets,
    ) -> Result<MailAccepted, Error> {
        mail::run(&self.0, caller, server, Some(mail), secrets).await
    }

    /// Connects to a mail server, logs in and leaves, without a mail. Answers with what the server
    /// said last.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Smtp`] where the server refuses the conversation or the login.
    pub async fn email_check(
        &self,
        caller: &Caller,
        server: MailServer,
        secrets: &dyn Secrets,
    ) -> Result<String, Error> {
        let accepted = mail::run(&self.0, caller, server, None, secrets).await?;
        Ok(accepted.response)
    }
}

impl Inner {
    fn client(&self, port: u16) -> &reqwest::Client {
        self.clients
            .by_port
            .get(&port)
            .unwrap_or(&self.clients.others)
    }
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress")
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}
