//! Installs, updates, grants, revokes, goes back and removes.
//!
//! What must hold: nothing is kept before everything about it was judged, and a plugin's row is
//! written in one commit, so a host that dies meanwhile leaves either all of it or bytes that nobody
//! names. A name belongs to the plugin that had it first: other bytes take it only as an update
//! that somebody asked for, and by the same publisher. An approval passes on to an update only
//! where the update asks for nothing more.

use super::{
    Need, PluginError, PluginView, Plugins, current_of, descriptor, same_line, step_descriptor,
    version_key,
};
use crate::permissions::{Permissions, asked, permissions_of};
use jackfield_egress::HostRule;
use jackfield_sandbox::Inspection;
use jackfield_store::Commit;
use jackfield_store::records::Plugin as Record;
use serde_json::Value;

/// A component that is offered for installing.
#[derive(Debug, Clone, Default)]
pub struct Offer {
    /// The component.
    pub bytes: Vec<u8>,
    /// Where it came from, for people and for `update`.
    pub source: Option<String>,
    /// The text of a minisign signature of it.
    pub signature: Option<String>,
}

/// What a component is installed as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// A plugin of a name that no other has.
    New,
    /// Newer bytes of an installed plugin, which take over from it.
    Update {
        /// The plugin's name.
        of: String,
        /// It may be signed by somebody else than before, or by nobody.
        new_publisher: bool,
    },
    /// One of a folder that the operator trusts as a whole.
    Folder,
}

impl Plugins {
    /// Installs a component: judges and compiles it, asks it what it is, and keeps it. Installing
    /// the same twice changes nothing.
    ///
    /// An update gets the approval of the plugin that it updates if it asks for nothing more, and is
    /// current from then on. What uses the old one is not moved by this: see
    /// [`crate::Workflows::move_to`].
    ///
    /// # Errors
    /// When it is no component that can be installed, its descriptor or its signature is wrong, or
    /// the name is not its to take.
    pub async fn install(
        &self,
        offer: Offer,
        role: &Role,
        now: i64,
    ) -> Result<PluginView, PluginError> {
        let signature = offer.signature.as_deref();
        let signed_by = self.publishers.judge(&offer.bytes, signature)?;
        let inspection = self.sandbox.install(offer.bytes.clone().into()).await?;
        let _writing = self.writing.lock().await;
        let known = self.record(&inspection.digest).await?;
        let is_new = known.is_none();
        let kept = self
            .keep_offer(offer, role, signed_by, &inspection, known, now)
            .await;
        if kept.is_err() && is_new {
            // What was compiled of it is of no use to anybody.
            self.sandbox.unload(&inspection.digest);
        }
        kept
    }

    /// The part of [`Plugins::install`] that follows when the component is compiled.
    async fn keep_offer(
        &self,
        offer: Offer,
        role: &Role,
        signed_by: Option<String>,
        inspection: &Inspection,
        known: Option<Record>,
        now: i64,
    ) -> Result<PluginView, PluginError> {
        let Offer { bytes, source, .. } = offer;
        let described = match &known {
            Some(known) => known.descriptor.clone(),
            None => {
                let described = self.sandbox.describe(&inspection.digest).await?;
                descriptor::read(inspection.kind, &described.json)?
            }
        };
        let asked = asked(inspection, &described)?;
        let text = |name: &str| {
            described
                .get(name)
                .and_then(Value::as_str)
                .map(str::to_owned)
                .ok_or_else(|| PluginError::Descriptor(format!("it has no `{name}`")))
        };
        let mut record = Record {
            digest: inspection.digest.clone(),
            name: text("name")?,
            version: text("version")?,
            kind: inspection.kind.name().to_owned(),
            asked: serde_json::to_value(&asked).unwrap_or_default(),
            approved: Value::Null,
            size: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
            installed_at: now,
            removed_at: None,
            descriptor: described,
            source,
            signed_by,
            current_since: None,
            update_of: None,
        };
        if record.kind == "step" {
            step_descriptor(&record)?;
        }
        let others: Vec<Record> = self
            .named(&record.name)
            .await?
            .into_iter()
            .filter(|other| other.digest != record.digest)
            .collect();
        let installed = known.filter(|known| known.removed_at.is_none());
        if let Some(installed) = &installed {
            // Removed and installed anew it has to be granted anew; installed still, it keeps what
            // it has.
            record = Record {
                source: record.source.or_else(|| installed.source.clone()),
                signed_by: record.signed_by.or_else(|| installed.signed_by.clone()),
                ..installed.clone()
            };
        }
        match role {
            Role::New => refuse_taken(&record, &others, installed.is_some())?,
            Role::Folder => {}
            Role::Update { of, new_publisher } => {
                if record.name != *of {
                    return Err(PluginError::OtherName {
                        wanted: of.clone(),
                        found: record.name,
                    });
                }
                let line = || others.iter().chain(&installed);
                let current = current_of(line(), &record.name, Some(&record.version));
                if current.is_some_and(|current| current.digest == record.digest) {
                    return self.view(record).await;
                }
                let old = current
                    .or_else(|| current_of(others.iter(), &record.name, None))
                    .or_else(|| others.iter().max_by_key(|other| other.installed_at));
                match old {
                    Some(old) => {
                        let kept = installed.is_some();
                        self.take_over(&mut record, old, kept, *new_publisher, now)?;
                    }
                    None if installed.is_some() => {}
                    None => return Err(PluginError::NotFound(of.clone())),
                }
            }
        }
        if installed.is_none() {
            self.store.put_blob(&record.digest, bytes).await?;
        }
        if installed.as_ref() != Some(&record) {
            self.keep(&record).await?;
        }
        self.view(record).await
    }

    /// Puts newer bytes in the place of `old`, as far as that is allowed without asking. Bytes that
    /// are kept already have what they were approved, also if that is nothing: somebody may have
    /// taken it back.
    fn take_over(
        &self,
        record: &mut Record,
        old: &Record,
        kept: bool,
        new_publisher: bool,
        now: i64,
    ) -> Result<(), PluginError> {
        if record.kind != old.kind {
            return Err(PluginError::OtherKind {
                name: record.name.clone(),
                was: old.kind.clone(),
                is: record.kind.clone(),
            });
        }
        if !new_publisher
            && let Some(was) = &old.signed_by
            && record.signed_by.as_ref() != Some(was)
        {
            return Err(PluginError::OtherPublisher {
                name: record.name.clone(),
                was: was.clone(),
                is: record.signed_by.clone(),
            });
        }
        record.update_of = Some(old.digest.clone());
        if !kept && record.approved.is_null() && !old.approved.is_null() {
            let asked = permissions_of(&record.asked)?;
            let before = permissions_of(&old.asked)?;
            if asked.beyond(&before).is_empty() {
                let approved = permissions_of(&old.approved)?;
                let approved = approved.carried(&before, &asked);
                record.approved = serde_json::to_value(&approved).unwrap_or_default();
            }
        }
        if !record.approved.is_null() {
            record.current_since = Some(later(now, [old].into_iter()));
        }
        Ok(())
    }

    /// Approves what a plugin may do; none approves all that it asks for. One that was not approved
    /// before becomes current, unless it is older than the current one and no update of it.
    ///
    /// # Errors
    /// When the approval holds what cannot be read, or what was not asked for.
    pub async fn grant(
        &self,
        plugin: &str,
        approval: Option<Permissions>,
        now: i64,
    ) -> Result<PluginView, PluginError> {
        let _writing = self.writing.lock().await;
        let record = self.find(plugin).await?;
        let asked: Permissions = permissions_of(&record.asked)?;
        let approved = match approval {
            None => asked,
            Some(approved) => {
                if let Some(more) = approved.imports.difference(&asked.imports).next() {
                    return Err(PluginError::Approval(format!(
                        "`{}` does not ask for the import `{more}`",
                        record.name
                    )));
                }
                approved
            }
        };
        for host in &approved.hosts {
            if !host.contains("{setting:") {
                host.parse::<HostRule>()
                    .map_err(|error| PluginError::Approval(error.to_string()))?;
            }
        }
        let named = self.named(&record.name).await?;
        let current = current_of(named.iter(), &record.name, Some(&record.version));
        let takes_over = record.approved.is_null()
            && (record.update_of.is_some()
                || current.is_none_or(|current| {
                    version_key(&record.version) >= version_key(&current.version)
                }));
        let current_since = if takes_over {
            Some(later(now, named.iter()))
        } else {
            record.current_since
        };
        let record = Record {
            approved: serde_json::to_value(&approved).unwrap_or_default(),
            current_since,
            ..record
        };
        self.keep(&record).await?;
        self.view(record).await
    }

    /// Takes back what was approved: nothing is called any more, also not by what is under way. Runs
    /// that come to a step of it wait for somebody.
    ///
    /// # Errors
    /// `NotFound`, `NotGranted`.
    pub async fn revoke(&self, plugin: &str) -> Result<(PluginView, Vec<Need>), PluginError> {
        let _writing = self.writing.lock().await;
        let record = self.granted(plugin).await?;
        let record = Record {
            approved: Value::Null,
            current_since: None,
            ..record
        };
        self.keep(&record).await?;
        let needs = self.needed_by(&record.digest).await?;
        Ok((self.view(record).await?, needs))
    }

    /// Goes back from the current plugin of a name to the one that was current before: that one.
    /// What uses the newer one is not moved by this: see [`crate::Workflows::move_to`].
    ///
    /// # Errors
    /// `NotFound`, `NothingBefore`.
    pub async fn rollback(&self, plugin: &str, now: i64) -> Result<PluginView, PluginError> {
        let _writing = self.writing.lock().await;
        let newest = self.granted(plugin).await?;
        let mut granted: Vec<Record> = self
            .named(&newest.name)
            .await?
            .into_iter()
            .filter(|other| same_line(other, &newest) && other.current_since.is_some())
            .collect();
        granted.sort_by_key(|record| record.current_since);
        let (Some(current), Some(before)) = (granted.pop(), granted.pop()) else {
            return Err(PluginError::NothingBefore(newest.name));
        };
        let current = Record {
            current_since: None,
            ..current
        };
        let before = Record {
            current_since: Some(later(now, granted.iter())),
            ..before
        };
        let mut commit = Commit::control();
        commit.put(&current).put(&before);
        self.store.commit(commit).await?;
        self.view(before).await
    }

    /// Removes a plugin: its digest.
    ///
    /// # Errors
    /// `Needed` by unfinished runs, live workflows or channels, unless `force`.
    pub async fn remove(
        &self,
        plugin: &str,
        force: bool,
        now: i64,
    ) -> Result<(String, Vec<Need>), PluginError> {
        let _writing = self.writing.lock().await;
        let record = self.find(plugin).await?;
        let needs = self.needed_by(&record.digest).await?;
        if !force && !needs.is_empty() {
            return Err(PluginError::Needed {
                plugin: record.name,
                needs,
            });
        }
        let digest = record.digest.clone();
        self.keep(&Record {
            removed_at: Some(now),
            approved: Value::Null,
            current_since: None,
            ..record
        })
        .await?;
        Ok((digest, needs))
    }

    async fn keep(&self, record: &Record) -> Result<(), PluginError> {
        let mut commit = Commit::control();
        commit.put(record);
        self.store.commit(commit).await?;
        self.forget(&record.digest);
        Ok(())
    }

    /// The granted plugin that is meant: this digest, or the current one of a name.
    async fn granted(&self, plugin: &str) -> Result<Record, PluginError> {
        let record = self.find(plugin).await?;
        let named = self.named(&record.name).await?;
        let found = if plugin.starts_with("sha256:") {
            Some(&record).filter(|record| !record.approved.is_null())
        } else {
            let version = plugin.split_once('@').map(|(_, version)| version);
            current_of(named.iter(), &record.name, version)
        };
        found.cloned().ok_or(PluginError::NotGranted {
            name: record.name,
            digest: record.digest,
        })
    }
}

/// A moment after those at which these became current, so that their order is clear.
fn later<'a>(now: i64, others: impl Iterator<Item = &'a Record>) -> i64 {
    let newest = others.filter_map(|other| other.current_since).max();
    newest.map_or(now, |newest| now.max(newest.saturating_add(1)))
}

fn refuse_taken(record: &Record, others: &[Record], installed: bool) -> Result<(), PluginError> {
    match others.iter().max_by_key(|other| other.installed_at) {
        Some(other) if !installed => Err(PluginError::NameTaken {
            name: record.name.clone(),
            version: other.version.clone(),
            digest: other.digest.clone(),
        }),
        _ => Ok(()),
    }
}
