//! The installed plugins: what they are, what they ask for, and what they were granted.
//!
//! A plugin is its digest. Installing compiles it and keeps its bytes; granting says what it may
//! do; of the granted ones of a name and major version one is current: what a newly published
//! workflow or a channel gets. Versions, runs and channels name digests, so they stay with theirs
//! until somebody moves them; without its grant a digest is not called.
//!
//! granted = asked ∩ approved ∩ ceiling, computed here once for each (digest, approval). One thing
//! an operator may approve that was not asked for: a secret, because a general step such as
//! `http-request` cannot know the names of a workspace's secrets.

mod changes;
mod descriptor;
mod needs;
mod publishers;

pub use changes::{Offer, Role};
pub use needs::Need;
pub use publishers::{Publisher, Publishers, SignatureError};

use crate::copies::Copies;
use crate::document::StepDescriptor;
use crate::permissions::{Permissions, caller, permissions_of};
use jackfield_egress::Caller;
use jackfield_sandbox::{
    DescribeError, Granted, InspectError, Inspection, InstallError, Interface, Limits, Plugin,
    Sandbox,
};
use jackfield_store::records::Plugin as Record;
use jackfield_store::{CommitError, Query, ReadError, SharedStore, StoreExt};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// An installed plugin, ready to be looked at.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PluginView {
    /// `sha256:...`
    pub digest: String,
    /// Its name.
    pub name: String,
    /// Its semantic version.
    pub version: String,
    /// `step` or `connector`.
    pub kind: String,
    /// What `describe` said.
    pub descriptor: Value,
    /// What it asks for.
    pub asked: Permissions,
    /// What the operator approved; none until then.
    pub approved: Option<Permissions>,
    /// What it gets: asked, as far as it was approved, under the host's ceiling. With every limit.
    pub granted: Option<Value>,
    /// Bytes.
    pub size: i64,
    /// When it was installed.
    pub installed_at: i64,
    /// Where it came from.
    pub source: Option<String>,
    /// The publisher who signed it.
    pub signed_by: Option<String>,
    /// Newly published workflows and new channels get it.
    pub current: bool,
    /// The digest that it was installed to update.
    pub update_of: Option<String>,
    /// An update that is not granted yet: what it asks for beyond the one before, in words.
    pub more: Vec<String>,
}

/// Why something could not be done with a plugin.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// The component is not one that can be installed.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// The component cannot be compiled, or does not fit.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// It does not say what it is.
    #[error(transparent)]
    Describe(#[from] DescribeError),
    /// What its `describe` says is wrong.
    #[error("the descriptor of the plugin is wrong: {0}")]
    Descriptor(String),
    /// There is none.
    #[error("no plugin `{0}` is installed; `jackfield plugin list` shows what is")]
    NotFound(String),
    /// The approval names what the plugin does not ask for, or a rule that cannot be read.
    #[error("{0}")]
    Approval(String),
    /// Runs, workflows or channels need it.
    #[error(
        "the plugin `{plugin}` is needed by {}; stop these first, or remove it with force: then \
         runs that come to it need attention",
        listed(needs)
    )]
    Needed {
        /// The plugin.
        plugin: String,
        /// By what.
        needs: Vec<Need>,
    },
    /// The signature does not let it in.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Another plugin has the name.
    #[error(
        "a plugin `{name}` is installed already ({version}, {digest}); if this is meant to take its \
         place: `jackfield plugin update {name} FILE`"
    )]
    NameTaken {
        /// The name.
        name: String,
        /// The version of that one.
        version: String,
        /// The digest of that one.
        digest: String,
    },
    /// An update of one plugin is another plugin.
    #[error("this is the plugin `{found}`, not a newer `{wanted}`")]
    OtherName {
        /// What was to be updated.
        wanted: String,
        /// What it calls itself.
        found: String,
    },
    /// An update is of the other kind.
    #[error("`{name}` is a {was}, and this is a {is}: an update stays what it was")]
    OtherKind {
        /// The name.
        name: String,
        /// The kind of the one before.
        was: String,
        /// The kind of this.
        is: String,
    },
    /// An update is signed by somebody else.
    #[error(
        "`{name}` was signed by `{was}`, and this is {}; if that is right, say so: `--new-publisher`",
        match is { Some(other) => format!("signed by `{other}`"), None => "not signed by anybody trusted".to_owned() }
    )]
    OtherPublisher {
        /// The name.
        name: String,
        /// Who signed the one before.
        was: String,
        /// Who signed this.
        is: Option<String>,
    },
    /// No other was current before.
    #[error("there is no granted `{0}` of the same major version to go back to")]
    NothingBefore(String),
    /// It was removed.
    #[error("the plugin `{name}` ({digest}) was removed: install and grant it again")]
    Removed {
        /// Its name.
        name: String,
        /// Its digest.
        digest: String,
    },
    /// It was not granted yet.
    #[error(
        "plugin {name} ({digest}) was not granted yet: `jackfield plugin grant {name}` shows what it asks for"
    )]
    NotGranted {
        /// Its name.
        name: String,
        /// Its digest.
        digest: String,
    },
    /// The database.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The database.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// A plugin that can be called.
pub struct Loaded {
    /// The row.
    pub record: Record,
    /// What it may do.
    pub permissions: Permissions,
    /// Set for a step.
    pub step: Option<StepDescriptor>,
    /// The compiled component under its grant.
    pub component: Plugin,
    /// For egress; a connector's hosts may hold `{setting:...}`, see `caller`.
    caller: Option<Caller>,
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "Loaded({} {})",
            self.record.name, self.record.digest
        )
    }
}

impl Loaded {
    /// Whether it may call something outside, so that its activations may be committed half-way.
    pub(crate) fn reaches_out(&self) -> bool {
        [Interface::Http, Interface::Email].iter().any(|outside| {
            self.permissions
                .imports
                .iter()
                .any(|name| name == outside.name())
        })
    }

    /// For egress: who calls, and under which grant. A connector's rules take values from the
    /// channel's settings.
    ///
    /// # Errors
    /// When a setting that a rule names is missing, or makes no rule.
    pub fn caller(&self, settings: Option<&Value>) -> Result<Caller, String> {
        match (&self.caller, settings) {
            (Some(caller), _) => Ok(caller.clone()),
            (None, settings) => caller(
                &self.record.name,
                &self.permissions,
                settings.unwrap_or(&Value::Null),
            ),
        }
    }
}

/// The installed plugins.
pub struct Plugins {
    store: SharedStore,
    sandbox: Sandbox,
    publishers: Publishers,
    loaded: Copies<String, Arc<Loaded>>,
    writing: tokio::sync::Mutex<()>,
}

impl Plugins {
    pub(crate) fn new(store: SharedStore, sandbox: Sandbox, publishers: Publishers) -> Plugins {
        Plugins {
            store,
            sandbox,
            publishers,
            loaded: Copies::default(),
            writing: tokio::sync::Mutex::default(),
        }
    }

    /// Says what a component is and asks for, without running or keeping it.
    ///
    /// # Errors
    /// When it is no component that could be installed.
    pub async fn inspect(&self, bytes: Vec<u8>) -> Result<Inspection, PluginError> {
        Ok(self.sandbox.inspect(bytes.into()).await?)
    }

    /// All installed plugins, by name, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(&self) -> Result<Vec<PluginView>, PluginError> {
        let mut records = self.installed().await?;
        records.sort_by(|a, b| {
            a.name
                .cmp(&b.name)
                .then_with(|| version_key(&b.version).cmp(&version_key(&a.version)))
        });
        let mut views = Vec::with_capacity(records.len());
        for record in &records {
            views.push(view(record.clone(), &records, self.sandbox.ceiling())?);
        }
        Ok(views)
    }

    /// One plugin: a name (its newest version), `name@major`, or a digest.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, plugin: &str) -> Result<PluginView, PluginError> {
        let record = self.find(plugin).await?;
        self.view(record).await
    }

    async fn view(&self, record: Record) -> Result<PluginView, PluginError> {
        let named = self.named(&record.name).await?;
        view(record, &named, self.sandbox.ceiling())
    }

    /// The current plugin of this name and major version.
    ///
    /// # Errors
    /// `NotFound`, `NotGranted`.
    pub async fn resolve(&self, name: &str, major: u64) -> Result<Arc<Loaded>, PluginError> {
        let mut records = self.named(name).await?;
        records.retain(|record| version_key(&record.version).0 == major);
        if let Some(current) = current_of(records.iter(), name, None) {
            return self.load(&current.digest).await;
        }
        let newest = newest(records.iter())
            .ok_or_else(|| PluginError::NotFound(format!("{name}@{major}")))?;
        Err(PluginError::NotGranted {
            name: name.to_owned(),
            digest: newest.digest.clone(),
        })
    }

    /// The plugin of this digest, compiled and under its grant.
    ///
    /// # Errors
    /// `NotFound`, `NotGranted`, or what the sandbox says.
    pub async fn load(&self, digest: &str) -> Result<Arc<Loaded>, PluginError> {
        if let Some(loaded) = self.loaded.get(digest) {
            return Ok(loaded);
        }
        let ticket = self.loaded.ticket();
        let record = self
            .record(digest)
            .await?
            .ok_or_else(|| PluginError::NotFound(digest.to_owned()))?;
        if record.removed_at.is_some() {
            return Err(PluginError::Removed {
                name: record.name,
                digest: record.digest,
            });
        }
        if record.approved.is_null() {
            return Err(PluginError::NotGranted {
                name: record.name,
                digest: record.digest,
            });
        }
        let permissions: Permissions = permissions_of(&record.approved)?;
        let asked: Permissions = permissions_of(&record.asked)?;
        let granted = Granted {
            interfaces: permissions.interfaces(),
            limits: Limits::granted(&asked.limits, &permissions.limits, self.sandbox.ceiling()),
        };
        let component = self
            .sandbox
            .load(digest, &granted, || async {
                let bytes = self.store.blob(digest).await?;
                bytes.ok_or_else(|| "its bytes are not in the database".into())
            })
            .await?;
        let step = if record.kind == "step" {
            Some(step_descriptor(&record)?)
        } else {
            None
        };
        let fixed = !permissions
            .hosts
            .iter()
            .any(|host| host.contains("{setting:"));
        let caller = if fixed {
            Some(caller(&record.name, &permissions, &Value::Null).map_err(PluginError::Approval)?)
        } else {
            None
        };
        let loaded = Arc::new(Loaded {
            record,
            permissions,
            step,
            component,
            caller,
        });
        self.loaded.put(digest.to_owned(), loaded.clone(), ticket);
        Ok(loaded)
    }

    /// What workflows can name: of each name and major version the current step, or the newest where
    /// none is granted yet.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn steps(&self) -> Result<Vec<StepDescriptor>, PluginError> {
        let mut records = self.installed().await?;
        records.retain(|record| record.kind == "step");
        let mut found = Vec::new();
        for record in &records {
            let same = || records.iter().filter(|other| same_line(other, record));
            let meant = current_of(same(), &record.name, None).or_else(|| newest(same()));
            if meant.is_some_and(|meant| meant.digest == record.digest) {
                found.push(step_descriptor(record)?);
            }
        }
        Ok(found)
    }

    /// Another host may have changed any of it.
    pub(crate) fn forget_all(&self) {
        self.loaded.forget_all();
    }

    fn forget(&self, digest: &str) {
        self.loaded.forget(digest);
    }

    async fn installed(&self) -> Result<Vec<Record>, ReadError> {
        self.store
            .find(Query::<Record>::all().equal("removed_at", Value::Null))
            .await
    }

    /// The installed ones of a name.
    async fn named(&self, name: &str) -> Result<Vec<Record>, ReadError> {
        let mut records = self.installed().await?;
        records.retain(|record| record.name == name);
        Ok(records)
    }

    async fn record(&self, digest: &str) -> Result<Option<Record>, ReadError> {
        self.store
            .first(Query::<Record>::all().equal("digest", digest))
            .await
    }

    async fn find(&self, plugin: &str) -> Result<Record, PluginError> {
        let missing = || PluginError::NotFound(plugin.to_owned());
        if plugin.starts_with("sha256:") {
            let record = self.record(plugin).await?;
            return record
                .filter(|record| record.removed_at.is_none())
                .ok_or_else(missing);
        }
        // `wait@` names a version that is none, not the newest.
        let (name, version) = match plugin.split_once('@') {
            Some((name, version)) => (name, Some(version)),
            None => (plugin, None),
        };
        let mut records = self.named(name).await?;
        records.retain(|record| {
            version.is_none_or(|version| {
                record.version == version || version_key(&record.version).0.to_string() == version
            })
        });
        newest(records.iter()).cloned().ok_or_else(missing)
    }
}

/// The states of runs that are not over.
pub(crate) const UNFINISHED: &[&str] = &["queued", "running", "waiting", "needs-attention"];

fn listed(needs: &[Need]) -> String {
    let needs: Vec<String> = needs.iter().map(ToString::to_string).collect();
    needs.join("; ")
}

/// The current one of these: granted, of this name, and of the major version of `version`.
pub fn current_of<'a>(
    records: impl Iterator<Item = &'a Record>,
    name: &str,
    version: Option<&str>,
) -> Option<&'a Record> {
    let major = version.map(|version| version_key(version).0);
    records
        .filter(|record| record.name == name && record.removed_at.is_none())
        .filter(|record| major.is_none_or(|major| version_key(&record.version).0 == major))
        .filter(|record| record.current_since.is_some())
        // Without a version: of the newest major version.
        .max_by_key(|record| (version_key(&record.version).0, record.current_since))
}

fn newest<'a>(records: impl Iterator<Item = &'a Record>) -> Option<&'a Record> {
    records.max_by_key(|record| (version_key(&record.version), record.installed_at))
}

/// Whether two are of the same name and major version: one can take the place of the other.
fn same_line(a: &Record, b: &Record) -> bool {
    a.name == b.name && version_key(&a.version).0 == version_key(&b.version).0
}

fn view(record: Record, named: &[Record], ceiling: &Limits) -> Result<PluginView, PluginError> {
    let asked = permissions_of(&record.asked)?;
    let updated = named
        .iter()
        .find(|other| Some(&other.digest) == record.update_of.as_ref());
    let more = match updated {
        Some(updated) if record.approved.is_null() => {
            asked.beyond(&permissions_of(&updated.asked)?)
        }
        _ => Vec::new(),
    };
    let current = current_of(named.iter(), &record.name, Some(&record.version));
    let approved = if record.approved.is_null() {
        None
    } else {
        Some(permissions_of(&record.approved)?)
    };
    let granted = approved.as_ref().map(|approved: &Permissions| {
        json!({
            "imports": approved.imports,
            "hosts": approved.hosts,
            "secrets": approved.secrets,
            "limits": Limits::granted(&asked.limits, &approved.limits, ceiling),
        })
    });
    Ok(PluginView {
        granted,
        current: current.is_some_and(|current| current.digest == record.digest),
        more,
        asked,
        approved,
        digest: record.digest,
        name: record.name,
        version: record.version,
        kind: record.kind,
        descriptor: record.descriptor,
        size: record.size,
        installed_at: record.installed_at,
        source: record.source,
        signed_by: record.signed_by,
        update_of: record.update_of,
    })
}

fn step_descriptor(record: &Record) -> Result<StepDescriptor, PluginError> {
    StepDescriptor::from_value(&record.descriptor).map_err(|problems| {
        PluginError::Descriptor(
            problems
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; "),
        )
    })
}

/// `(major, minor, patch)`.
pub(crate) fn version_key(version: &str) -> (u64, u64, u64) {
    let mut parts = version
        .split(['.', '-', '+'])
        .map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}
