//! Subscriptions as the API has them: made, changed, tried, and what was delivered to them.

use super::dead::{self, by_bucket};
use super::deliver::{grant, send};
use super::dispatch::Dispatch;
use super::follow::body;
use super::record::{DEAD, DELIVERED, Data, PENDING, Try};
use super::sign::{self, PREVIOUS, SECRET};
use super::wanted::Wanted;
use super::{DELIVERY, Subscribed, load};
use crate::context::{Context, Home};
use crate::error::{Error, Problem, Result};
use crate::page::{self, Page};
use crate::secrets::Secrets;
use crate::tasks::Task;
use jackfield_egress::{Caller, HttpRequest, NoSecrets, Target};
use jackfield_store::records::{Delivery, Secret, Subscription, SubscriptionHealth};
use jackfield_store::{Commit, Is, Query, StoreExt, bucket_in};
use serde_json::json;
use std::sync::Arc;

/// How many subscriptions a workspace has at most.
const MOST: usize = 20;
/// The longest address, in bytes.
const LONGEST_URL: usize = 2_000;
/// The longest title, in characters.
const LONGEST_TITLE: usize = 200;
/// For how long the secret before a rotation signs as well, in milliseconds.
const BOTH_SIGN: i64 = 24 * 60 * 60 * 1_000;
/// How many deliveries are sent once more by one request.
const AGAIN: i64 = 1_000;
/// The name of the event that a test sends.
const TEST: &str = "webhook.test";

/// A subscription as it is shown: never its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionView {
    /// Its id.
    pub id: String,
    /// Where deliveries go.
    pub url: String,
    /// For people.
    pub title: String,
    /// The names of events, as they were written.
    pub events: Vec<String>,
    /// Who must have caused them; empty for anybody.
    pub sources: Vec<String>,
    /// Of events about messages: of which types; empty for all.
    pub message_types: Vec<String>,
    /// Of changes of contacts: which fields; empty for all.
    pub fields: Vec<String>,
    /// `active`, `failing`, `paused` or `disabled`.
    pub state: &'static str,
    /// Why it was disabled.
    pub reason: Option<String>,
    /// Since when nothing arrives.
    pub failing_since: Option<i64>,
    /// Until when the secret before the last rotation signs as well.
    pub previous_until: Option<i64>,
    /// When it was made.
    pub created_at: i64,
    /// When it was last changed.
    pub updated_at: i64,
}

impl SubscriptionView {
    fn of(known: Subscribed, now: i64) -> SubscriptionView {
        let state = if known.disabled().is_some() {
            "disabled"
        } else if !known.row.enabled {
            "paused"
        } else if known.health.is_some() {
            "failing"
        } else {
            "active"
        };
        let Subscribed {
            row,
            wanted,
            health,
        } = known;
        SubscriptionView {
            id: row.id,
            url: row.url,
            title: row.title,
            events: wanted.events,
            sources: wanted.sources,
            message_types: wanted.message_types,
            fields: wanted.fields,
            state,
            failing_since: health.as_ref().map(|health| health.failing_since),
            reason: health.and_then(|health| health.reason),
            previous_until: row.previous_until.filter(|end| *end > now),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A subscription that is to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewSubscription {
    /// Where deliveries go.
    pub url: String,
    /// For people.
    pub title: Option<String>,
    /// As of [`SubscriptionView`].
    pub events: Vec<String>,
    /// As of [`SubscriptionView`].
    pub sources: Vec<String>,
    /// As of [`SubscriptionView`].
    pub message_types: Vec<String>,
    /// As of [`SubscriptionView`].
    pub fields: Vec<String>,
}

/// What is to be changed; what is none stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubscriptionPatch {
    /// Where deliveries go.
    pub url: Option<String>,
    /// For people.
    pub title: Option<String>,
    /// As of [`SubscriptionView`].
    pub events: Option<Vec<String>>,
    /// As of [`SubscriptionView`].
    pub sources: Option<Vec<String>>,
    /// As of [`SubscriptionView`].
    pub message_types: Option<Vec<String>>,
    /// As of [`SubscriptionView`].
    pub fields: Option<Vec<String>>,
    /// Whether it is told of events. True takes back that its failures disabled it.
    pub enabled: Option<bool>,
}

/// How a try went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TryView {
    /// When it began.
    pub at: i64,
    /// How long it took, in milliseconds.
    pub took: u64,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// Why it failed: a stable code. None where it arrived.
    pub code: Option<String>,
    /// Why it failed, for people.
    pub error: Option<String>,
    /// How the answer of a failed try begins.
    pub answer: Option<String>,
}

impl From<Try> for TryView {
    fn from(one: Try) -> TryView {
        TryView {
            at: one.at,
            took: one.took,
            status: one.status,
            code: one.code,
            error: one.error,
            answer: one.answer,
        }
    }
}

/// An event on its way to a subscription, or there, or given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryView {
    /// Its id.
    pub id: String,
    /// The event's id, which is the `webhook-id` too.
    pub event: String,
    /// The event's name.
    pub name: String,
    /// The contact that it is about.
    pub contact: Option<String>,
    /// `pending`, `delivered` or `dead`.
    pub state: String,
    /// How many tries there were.
    pub attempts: u32,
    /// When the next one is due.
    pub due: Option<i64>,
    /// The last tries, the newest last.
    pub tries: Vec<TryView>,
    /// What is sent.
    pub body: String,
    /// When the event was accepted.
    pub created_at: i64,
    /// When it last moved.
    pub updated_at: i64,
}

impl From<Delivery> for DeliveryView {
    fn from(row: Delivery) -> DeliveryView {
        let data = Data::read(&row);
        DeliveryView {
            due: (row.state == PENDING).then_some(row.due),
            id: row.id,
            event: row.event,
            name: row.name,
            contact: row.contact,
            state: row.state,
            attempts: data.attempts,
            tries: data.tries.into_iter().map(TryView::from).collect(),
            body: data.body,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Which deliveries are listed, the newest first.
#[derive(Debug, Clone, Default)]
pub struct ListDeliveries {
    /// Only those in this state.
    pub state: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
    /// `next` of the page before.
    pub after: Option<String>,
}

/// The subscriptions of all workspaces.
#[derive(Clone)]
pub struct Subscriptions {
    context: Arc<Context>,
    secrets: Secrets,
    dispatch: Dispatch,
}

impl Subscriptions {
    pub(crate) fn new(
        context: Arc<Context>,
        secrets: Secrets,
        dispatch: Dispatch,
    ) -> Subscriptions {
        Subscriptions {
            context,
            secrets,
            dispatch,
        }
    }

    /// Makes a subscription. Answers with its secret, which nobody sees again.
    ///
    /// # Errors
    /// `invalid`; `conflict` where the workspace has as many as it may.
    pub async fn create(
        &self,
        workspace: &str,
        new: NewSubscription,
    ) -> Result<(SubscriptionView, String)> {
        let wanted = Wanted {
            events: new.events,
            sources: new.sources,
            message_types: new.message_types,
            fields: new.fields,
        };
        let title = new.title.unwrap_or_default();
        self.check(workspace, &new.url, &title, &wanted).await?;
        if load(&self.context, workspace).await?.len() >= MOST {
            return Err(Error::conflict(
                "too-many-subscriptions",
                format!("a workspace has at most {MOST} subscriptions: delete one first"),
            ));
        }
        let now = self.context.now();
        let row = Subscription {
            workspace: workspace.to_owned(),
            id: self.context.new_id("sub", 0),
            url: new.url,
            title,
            enabled: true,
            wanted: serde_json::to_value(&wanted).unwrap_or_default(),
            previous_until: None,
            created_at: now,
            updated_at: now,
        };
        let secret = sign::mint();
        let mut commit = Commit::control();
        commit.insert(&row);
        commit.put(&self.sealed(&row, SECRET, &secret, now));
        self.commit(commit).await?;
        let known = Subscribed {
            row,
            wanted,
            health: None,
        };
        Ok((SubscriptionView::of(known, now), secret))
    }

    /// The subscriptions of a workspace, the oldest first.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn all(&self, workspace: &str) -> Result<Vec<SubscriptionView>> {
        let now = self.context.now();
        let all = load(&self.context, workspace).await?;
        Ok(all
            .into_iter()
            .map(|known| SubscriptionView::of(known, now))
            .collect())
    }

    /// A subscription.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn get(&self, workspace: &str, id: &str) -> Result<SubscriptionView> {
        let known = self.find(workspace, id).await?;
        Ok(SubscriptionView::of(known, self.context.now()))
    }

    /// Changes a subscription. What waits for it goes to its new address.
    ///
    /// # Errors
    /// `not-found`, `invalid`.
    pub async fn update(
        &self,
        workspace: &str,
        id: &str,
        patch: SubscriptionPatch,
    ) -> Result<SubscriptionView> {
        let mut known = self.find(workspace, id).await?;
        let (row, wanted) = (&mut known.row, &mut known.wanted);
        row.url = patch.url.unwrap_or_else(|| row.url.clone());
        row.title = patch.title.unwrap_or_else(|| row.title.clone());
        row.enabled = patch.enabled.unwrap_or(row.enabled);
        for (held, given) in [
            (&mut wanted.events, patch.events),
            (&mut wanted.sources, patch.sources),
            (&mut wanted.message_types, patch.message_types),
            (&mut wanted.fields, patch.fields),
        ] {
            *held = given.unwrap_or_else(|| std::mem::take(held));
        }
        self.check(workspace, &known.row.url, &known.row.title, &known.wanted)
            .await?;
        let now = self.context.now();
        known.row.wanted = serde_json::to_value(&known.wanted).unwrap_or_default();
        known.row.updated_at = now;
        let mut commit = Commit::control();
        if patch.enabled == Some(true) && known.health.take().is_some() {
            commit.delete::<SubscriptionHealth>([workspace.into(), id.into()]);
        }
        commit.put(&known.row);
        self.commit(commit).await?;
        Ok(SubscriptionView::of(known, now))
    }

    /// Deletes a subscription. What waits for it is not delivered.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn delete(&self, workspace: &str, id: &str) -> Result<()> {
        self.find(workspace, id).await?;
        let mut commit = Commit::control();
        commit.delete::<Subscription>([workspace.into(), id.into()]);
        commit.delete::<SubscriptionHealth>([workspace.into(), id.into()]);
        commit.delete::<Secret>([workspace.into(), id.into()]);
        self.commit(commit).await
    }

    /// Gives a subscription another secret. For a day what is sent is signed with both.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn rotate(&self, workspace: &str, id: &str) -> Result<(SubscriptionView, String)> {
        let mut known = self.find(workspace, id).await?;
        let now = self.context.now();
        let old = self.secrets.of(workspace, id).resolve(SECRET).await;
        let old = old.map_err(|error| Error::unavailable(error.to_string()))?;
        let secret = sign::mint();
        let mut commit = Commit::control();
        known.row.previous_until = old.as_ref().map(|_| now.saturating_add(BOTH_SIGN));
        known.row.updated_at = now;
        commit.put(&known.row);
        commit.put(&self.sealed(&known.row, SECRET, &secret, now));
        if let Some(old) = old {
            commit.put(&self.sealed(&known.row, PREVIOUS, old.expose(), now));
        }
        self.commit(commit).await?;
        Ok((SubscriptionView::of(known, now), secret))
    }

    /// Sends a test event now, whatever the subscription's state, and says what came of it.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn test(&self, workspace: &str, id: &str) -> Result<TryView> {
        let known = self.find(workspace, id).await?;
        let context = &self.context;
        let event = context.new_id("evt", context.host.any_bucket());
        let data = json!({
            "id": event,
            "workspace": workspace,
            "source": "api",
            "contact": null,
            "event": {"subscription": id},
        });
        let body = body(TEST, context.now(), &data);
        Ok(send(context, &known, &event, &body).await?.into())
    }

    /// The deliveries of a subscription, the newest first.
    ///
    /// # Errors
    /// `not-found`; `invalid` for a state that there is not.
    pub async fn deliveries(
        &self,
        workspace: &str,
        id: &str,
        list: &ListDeliveries,
    ) -> Result<Page<DeliveryView>> {
        self.find(workspace, id).await?;
        let mut query = Query::<Delivery>::all()
            .equal("subscription", id)
            .equal("workspace", workspace);
        if let Some(state) = list.state.as_deref() {
            if ![PENDING, DELIVERED, DEAD].contains(&state) {
                let said = format!("`{state}` is none of {PENDING}, {DELIVERED}, {DEAD}");
                let problem = Problem::new("state", said);
                return Err(Error::problems("invalid-state", vec![problem]));
            }
            query = query.equal("state", state);
        }
        if let Some(after) = list.after.as_deref() {
            query = query.filter("id", Is::Less, after);
        }
        let limit = page::limit(list.limit);
        let rows = self
            .context
            .store()
            .find(query.descending("id").limit(limit as i64 + 1))
            .await?;
        Ok(Page::cut(rows, limit, |row| row.id.clone()).map(DeliveryView::from))
    }

    /// A delivery.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn delivery(
        &self,
        workspace: &str,
        id: &str,
        delivery: &str,
    ) -> Result<DeliveryView> {
        self.find(workspace, id).await?;
        let row = match bucket_in(DELIVERY, delivery) {
            Some(bucket) => {
                self.context
                    .row::<Delivery>(bucket, &[("id", delivery)])
                    .await?
            }
            None => None,
        };
        let row = row.filter(|row| row.workspace == workspace && row.subscription == id);
        row.map(DeliveryView::from)
            .ok_or_else(|| no_delivery(delivery))
    }

    /// Has a delivery tried once more, now.
    ///
    /// # Errors
    /// `not-found`; `conflict` where the subscription is not told of events.
    pub async fn redeliver(
        &self,
        workspace: &str,
        id: &str,
        delivery: &str,
    ) -> Result<DeliveryView> {
        self.active(workspace, id).await?;
        let ids = [delivery.to_owned()];
        let found = dead::redeliver(&self.context, &self.dispatch, workspace, id, &ids).await?;
        if found == 0 {
            return Err(no_delivery(delivery));
        }
        self.delivery(workspace, id, delivery).await
    }

    /// Has what was given up tried once more, the oldest first, some of it. Answers with how many,
    /// and whether there are more.
    ///
    /// # Errors
    /// `not-found`; `conflict` where the subscription is not told of events.
    pub async fn redeliver_dead(&self, workspace: &str, id: &str) -> Result<(usize, bool)> {
        self.active(workspace, id).await?;
        let query = Query::<Delivery>::all()
            .equal("subscription", id)
            .equal("state", DEAD)
            .equal("workspace", workspace)
            .ascending("id")
            .limit(AGAIN);
        let rows = self.context.store().find(query).await?;
        let more = i64::try_from(rows.len()).unwrap_or(AGAIN) >= AGAIN;
        let mut count = 0;
        for (bucket, deliveries) in by_bucket(rows) {
            let task = || Task::Redeliver {
                workspace: workspace.to_owned(),
                subscription: id.to_owned(),
                deliveries: deliveries.clone(),
            };
            count += match self.context.lock_or_ask(bucket, task).await? {
                Home::Here(guard) => {
                    drop(guard);
                    dead::redeliver(&self.context, &self.dispatch, workspace, id, &deliveries)
                        .await?
                }
                Home::There(answer) => {
                    usize::try_from(answer.as_u64().unwrap_or_default()).unwrap_or_default()
                }
            };
        }
        Ok((count, more))
    }

    async fn find(&self, workspace: &str, id: &str) -> Result<Subscribed> {
        let all = load(&self.context, workspace).await?;
        all.into_iter()
            .find(|known| known.row.id == id)
            .ok_or_else(|| {
                Error::not_found(
                    "no-subscription",
                    format!("there is no subscription `{id}`"),
                )
            })
    }

    async fn active(&self, workspace: &str, id: &str) -> Result<()> {
        if self.find(workspace, id).await?.is_active() {
            return Ok(());
        }
        Err(Error::conflict(
            "not-active",
            "the subscription is not told of events at present: enable it first",
        ))
    }

    /// Refuses what cannot be subscribed.
    async fn check(&self, workspace: &str, url: &str, title: &str, wanted: &Wanted) -> Result<()> {
        let mut problems = wanted.problems();
        if title.chars().count() > LONGEST_TITLE {
            let said = format!("at most {LONGEST_TITLE} characters");
            problems.push(Problem::new("title", said));
        }
        if let Some(said) = self.wrong_url(workspace, url).await {
            problems.push(Problem::new("url", said));
        }
        if problems.is_empty() {
            return Ok(());
        }
        Err(Error::problems("invalid-subscription", problems))
    }

    /// What is wrong with an address: its form, or that egress would not go there.
    async fn wrong_url(&self, workspace: &str, url: &str) -> Option<String> {
        let wanted = "an address such as `https://example.com/events`";
        if url.len() > LONGEST_URL {
            return Some(format!("at most {LONGEST_URL} bytes"));
        }
        let Ok(parsed) = url::Url::parse(url) else {
            return Some(wanted.to_owned());
        };
        if url.contains("{{") || parsed.fragment().is_some() {
            return Some(format!("{wanted}, without `{{{{` and `#`"));
        }
        let target = match Target::of(&parsed) {
            Ok(target) => target,
            Err(error) => return Some(error.to_string()),
        };
        let egress = self.context.host.egress()?;
        if parsed.scheme() != "https" && !egress.is_listed(&target) {
            return Some(format!(
                "{wanted}; `http://` is for addresses that the operator allows (--allow-address)"
            ));
        }
        let grant = match grant(url) {
            Ok(grant) => grant,
            Err(said) => return Some(said),
        };
        let caller = Caller {
            plugin: workspace.to_owned(),
            grant: Arc::new(grant),
        };
        let request = HttpRequest {
            method: "POST".to_owned(),
            url: url.to_owned(),
            ..HttpRequest::default()
        };
        let judged = egress.judge_http(&caller, request, &NoSecrets).await;
        judged.err().map(|error| error.to_string())
    }

    fn sealed(&self, row: &Subscription, name: &str, value: &str, now: i64) -> Secret {
        let place = [row.workspace.as_str(), row.id.as_str(), name];
        Secret {
            workspace: row.workspace.clone(),
            owner: row.id.clone(),
            name: name.to_owned(),
            sealed: self.context.key.seal(&place, value),
            updated_at: now,
        }
    }

    async fn commit(&self, commit: Commit) -> Result<()> {
        self.context.store().commit(commit).await?;
        self.context.forget_subscriptions();
        self.context.secrets.forget();
        Ok(())
    }
}

fn no_delivery(id: &str) -> Error {
    Error::not_found("no-delivery", format!("there is no delivery `{id}`"))
}
