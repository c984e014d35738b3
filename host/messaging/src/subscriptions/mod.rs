//! Subscriptions: web servers that are told of events, as Standard Webhooks has it.
//!
//! `wanted` says which events a subscription means; `follow` puts a delivery for each into the very
//! commit that accepts the event; `dispatch` has a queue for every subscription, and `deliver` is
//! one try: signed (`sign`), sent by egress, and what came of it committed. `manage` is what the
//! API does with them, `dead` what becomes of those that were given up.
//!
//! What must hold:
//! - an event that was acknowledged is delivered at least once, whatever dies when, or stands among
//!   the dead with the reason;
//! - every try of a delivery sends the same id and the same bytes;
//! - a receiver that is slow or gone holds up nothing but its own deliveries;
//! - a workspace without subscriptions pays one look into memory for an event.

mod dead;
mod deliver;
mod dispatch;
mod follow;
mod manage;
mod record;
mod sign;
mod wanted;

pub(crate) use dead::{prune, redeliver};
pub(crate) use dispatch::{Dispatch, Followed};
pub(crate) use follow::follow;
pub use manage::{
    DeliveryView, ListDeliveries, NewSubscription, SubscriptionPatch, SubscriptionView,
    Subscriptions, TryView,
};

use crate::context::Context;
use crate::error::Result;
use jackfield_store::records::{Subscription, SubscriptionHealth};
use jackfield_store::{Query, StoreExt};
use wanted::Wanted;

/// The kind of a delivery's id.
pub(crate) const DELIVERY: &str = "whd";

/// A subscription with what is known of its receiver.
#[derive(Debug, Clone)]
pub(crate) struct Subscribed {
    pub(crate) row: Subscription,
    pub(crate) wanted: Wanted,
    pub(crate) health: Option<SubscriptionHealth>,
}

impl Subscribed {
    /// Whether it is told of events: neither a person nor its failures switched it off.
    pub(crate) fn is_active(&self) -> bool {
        self.row.enabled && self.disabled().is_none()
    }

    /// That its failures switched it off.
    pub(crate) fn disabled(&self) -> Option<&SubscriptionHealth> {
        self.health
            .as_ref()
            .filter(|health| health.disabled_at.is_some())
    }
}

/// The subscriptions of a workspace as the database has them now, the oldest first.
pub(crate) async fn load(context: &Context, workspace: &str) -> Result<Vec<Subscribed>> {
    let store = context.store();
    let query = Query::<Subscription>::all()
        .equal("workspace", workspace)
        .ascending("id");
    let rows = store.find(query).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let query = Query::<SubscriptionHealth>::all().equal("workspace", workspace);
    let mut ill = store.find(query).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let place = ill.iter().position(|health| health.subscription == row.id);
            Subscribed {
                wanted: Wanted::read(&row.wanted),
                health: place.map(|place| ill.swap_remove(place)),
                row,
            }
        })
        .collect())
}
