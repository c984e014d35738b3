//! The handle of messaging: cheap to clone, with one part for each thing that callers act on.

use crate::assignment::{self, Assignments};
use crate::blacklist::Blacklists;
use crate::calendars::Calendars;
use crate::channels::Channels;
use crate::contacts::{Contacts, merge, resolve};
use crate::context::Context;
use crate::conversations::Conversations;
use crate::decisions::Decisions;
use crate::error::Result;
use crate::files::Files;
use crate::host::Host;
use crate::imports::Imports;
use crate::inbound::Inbound;
use crate::lists::Lists;
use crate::messages::Messages;
use crate::opt_out::OptOuts;
use crate::options::Options;
use crate::organisations::Organisations;
use crate::outbox::Outbox;
use crate::secret_key::SecretKey;
use crate::secrets::Secrets;
use crate::segments::Segments;
use crate::shortcuts::Shortcuts;
use crate::snippets::Snippets;
use crate::subscriptions::{Dispatch, Subscriptions};
use crate::tables::Tables;
use crate::tasks::Tasks;
use crate::teams::Teams;
use crate::templates::Templates;
use crate::unsubscribe::Unsubscribe;
use crate::users::Users;
use crate::workspaces::Workspaces;
use jackfield_engine::Worker;
use std::sync::Arc;

/// Messaging. Implements the engine's `Domain`.
#[derive(Clone)]
pub struct Messaging {
    pub(crate) context: Arc<Context>,
    pub(crate) outbox: Outbox,
    pub(crate) dispatch: Dispatch,
}

impl Messaging {
    /// On a host, with the operator's options and key. Nothing leaves before `start`, but for what
    /// is put into the outbox meanwhile.
    #[must_use]
    pub fn new(host: Arc<dyn Host>, options: Options, key: SecretKey) -> Messaging {
        let context = Arc::new(Context::new(host, options, key));
        let outbox = Outbox::new(Arc::clone(&context));
        let dispatch = Dispatch::new(Arc::clone(&context), outbox.clone());
        Messaging {
            context,
            outbox,
            dispatch,
        }
    }

    /// Takes up what the buckets of this host hold, and begins to send it.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn start(&self) -> Result<()> {
        self.take_up(&self.context.store().owned()).await
    }

    /// Takes up what these buckets hold, and begins to send it.
    ///
    /// # Errors
    /// `unavailable`.
    pub(crate) async fn take_up(&self, buckets: &[i32]) -> Result<()> {
        self.outbox.recover(buckets).await?;
        self.dispatch.recover(buckets).await?;
        self.imports().recover(buckets).await?;
        // Not awaited: an address may be at home with a host that waits for this one.
        for (workspace, contact) in resolve::marked(&self.context, buckets).await? {
            let context = Arc::clone(&self.context);
            self.outbox.beside(async move {
                if let Err(error) = resolve::settle(&context, &workspace, &contact).await {
                    tracing::warn!(contact, %error, "the contact's addresses are put right later");
                }
            });
        }
        for (workspace, contact) in merge::marked(&self.context, buckets).await? {
            let context = Arc::clone(&self.context);
            self.outbox.beside(async move {
                if let Err(error) = merge::drive(&context, &workspace, &contact).await {
                    tracing::warn!(contact, %error, "the contact is merged when that is asked again");
                }
            });
        }
        for (workspace, contact) in assignment::marked(&self.context, buckets).await? {
            self.tell_assignment(workspace, contact);
        }
        let (context, buckets) = (Arc::clone(&self.context), buckets.to_vec());
        self.outbox.beside(async move {
            if let Err(error) = assignment::recover(&context, &buckets).await {
                tracing::warn!(%error, "queues of contacts are served when something changes");
            }
        });
        Ok(())
    }

    /// Does what other hosts ask of this one.
    #[must_use]
    pub fn tasks(&self) -> Arc<dyn Worker> {
        Arc::new(Tasks {
            context: Arc::clone(&self.context),
            inbound: self.inbound(),
            dispatch: self.dispatch.clone(),
        })
    }

    /// Another host has changed workspaces, channels, fields or secrets.
    pub fn forget(&self) {
        self.context.forget();
    }

    /// Stops taking messages out of the outbox, and waits for what is under way.
    pub async fn stop(&self) {
        self.outbox.stop().await;
    }

    /// How many messages are with a provider now.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.outbox.under_way()
    }

    /// Contacts and their fields.
    #[must_use]
    pub fn contacts(&self) -> Contacts {
        Contacts::new(Arc::clone(&self.context))
    }

    /// Conversations and comments.
    #[must_use]
    pub fn conversations(&self) -> Conversations {
        Conversations::new(Arc::clone(&self.context))
    }

    /// Who has which contact, and the queue of those that wait.
    #[must_use]
    pub fn assignments(&self) -> Assignments {
        Assignments::new(Arc::clone(&self.context))
    }

    /// Users.
    #[must_use]
    pub fn users(&self) -> Users {
        Users::new(Arc::clone(&self.context))
    }

    /// Teams.
    #[must_use]
    pub fn teams(&self) -> Teams {
        Teams::new(Arc::clone(&self.context))
    }

    /// Tables that workflows add rows to.
    #[must_use]
    pub fn tables(&self) -> Tables {
        Tables::new(Arc::clone(&self.context))
    }

    /// Lists of contacts.
    #[must_use]
    pub fn lists(&self) -> Lists {
        Lists::new(Arc::clone(&self.context))
    }

    /// Saved filters of contacts.
    #[must_use]
    pub fn segments(&self) -> Segments {
        Segments::new(Arc::clone(&self.context))
    }

    /// Contacts out of files.
    #[must_use]
    pub fn imports(&self) -> Imports {
        Imports::new(Arc::clone(&self.context), self.outbox.clone())
    }

    /// Business hours by name.
    #[must_use]
    pub fn calendars(&self) -> Calendars {
        Calendars::new(Arc::clone(&self.context))
    }

    /// What people fill in to start workflows.
    #[must_use]
    pub fn shortcuts(&self) -> Shortcuts {
        Shortcuts::new(Arc::clone(&self.context))
    }

    /// Web servers that are told of events.
    #[must_use]
    pub fn subscriptions(&self) -> Subscriptions {
        Subscriptions::new(
            Arc::clone(&self.context),
            self.secrets(),
            self.dispatch.clone(),
        )
    }

    /// Addresses from which nothing is taken, and to which nothing is sent.
    #[must_use]
    pub fn blacklists(&self) -> Blacklists {
        Blacklists::new(Arc::clone(&self.context))
    }

    /// Channels.
    #[must_use]
    pub fn channels(&self) -> Channels {
        Channels::new(
            Arc::clone(&self.context),
            self.secrets(),
            self.outbox.clone(),
        )
    }

    /// Messages.
    #[must_use]
    pub fn messages(&self) -> Messages {
        Messages::new(Arc::clone(&self.context), self.outbox.clone())
    }

    /// Providers' requests.
    #[must_use]
    pub fn inbound(&self) -> Inbound {
        Inbound::new(Arc::clone(&self.context), self.outbox.clone())
    }

    /// Secrets.
    #[must_use]
    pub fn secrets(&self) -> Secrets {
        Secrets::new(Arc::clone(&self.context))
    }

    /// HTML templates.
    #[must_use]
    pub fn templates(&self) -> Templates {
        Templates::new(Arc::clone(&self.context))
    }

    /// Files.
    #[must_use]
    pub fn files(&self) -> Files {
        Files::new(Arc::clone(&self.context))
    }

    /// Texts that are put into others.
    #[must_use]
    pub fn snippets(&self) -> Snippets {
        Snippets::new(Arc::clone(&self.context))
    }

    /// Who owns workspaces.
    #[must_use]
    pub fn organisations(&self) -> Organisations {
        Organisations::new(Arc::clone(&self.context))
    }

    /// Workspaces and their settings.
    #[must_use]
    pub fn workspaces(&self) -> Workspaces {
        Workspaces::new(Arc::clone(&self.context))
    }

    /// Why something was not done.
    #[must_use]
    pub fn decisions(&self) -> Decisions {
        Decisions::new(Arc::clone(&self.context))
    }

    /// Who wants nothing more.
    #[must_use]
    pub fn opt_outs(&self) -> OptOuts {
        OptOuts::new(Arc::clone(&self.context))
    }

    /// The pages behind unsubscribe links.
    #[must_use]
    pub fn unsubscribe(&self) -> Unsubscribe {
        Unsubscribe::new(Arc::clone(&self.context))
    }
}
