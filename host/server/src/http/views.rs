//! How the API shows what the engine has: the JSON of workflows, runs and plugins.
//!
//! The names here are promises to integrators; the engine may name its own fields as it likes.

use super::problem::ErrorItem;
use jackfield_engine::document::{Problem, Severity};
use jackfield_engine::{AcceptedEvent, PluginView, RunView, TimelineEntry, WorkflowView};
use jackfield_store::records::WorkflowVersion;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// One thing that is wrong with a document.
#[must_use]
pub fn item(problem: &Problem) -> ErrorItem {
    ErrorItem {
        code: Some(problem.code.to_owned()),
        path: problem.path.clone(),
        line: problem.line,
        column: problem.column,
        message: problem.message.clone(),
        suggestion: problem.suggestion.clone(),
        severity: Some(
            match problem.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            }
            .to_owned(),
        ),
    }
}

/// A workflow.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Workflow)]
pub struct WorkflowBody {
    /// Lower-case words with hyphens.
    pub name: String,
    /// `draft`, `published` or `stopped`.
    pub state: String,
    /// The newest published version, if any.
    pub version: Option<i64>,
    /// Of several workflows that match an event, lower starts first.
    pub priority: i64,
    /// The draft as its author wrote it, YAML or JSON.
    pub source: String,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970.
    pub updated_at: i64,
    /// The organisation that it belongs to, and is changed at; none where it is the workspace's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
}

impl From<WorkflowView> for WorkflowBody {
    fn from(view: WorkflowView) -> Self {
        WorkflowBody {
            name: view.name,
            state: view.state,
            version: view.version,
            priority: view.priority,
            source: view.source,
            created_at: view.created_at,
            updated_at: view.updated_at,
            organisation: view.organisation,
        }
    }
}

/// A published version of a workflow.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = WorkflowVersion)]
pub struct VersionBody {
    /// The workflow's name.
    pub workflow: String,
    /// From 1.
    pub version: i64,
    /// The document as its author wrote it.
    pub source: String,
    /// The very plugins that its runs use: digests by `name@major`.
    #[schema(value_type = Object)]
    pub pins: Value,
    /// Milliseconds since 1970.
    pub published_at: i64,
}

impl From<WorkflowVersion> for VersionBody {
    fn from(row: WorkflowVersion) -> Self {
        VersionBody {
            workflow: row.workflow,
            version: row.version,
            source: row.source,
            pins: row.pins,
            published_at: row.published_at,
        }
    }
}

/// A run.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Run)]
pub struct RunBody {
    /// Its id.
    pub id: String,
    /// The workflow's name.
    pub workflow: String,
    /// The version that it is pinned to.
    pub version: i64,
    /// `queued`, `running`, `waiting`, `completed`, `failed`, `cancelled` or `needs-attention`.
    pub state: String,
    /// The step at which it stands, or ended.
    pub step: Option<String>,
    /// Why it ended or needs attention: a stable code.
    pub reason: Option<String>,
    /// The contact's id.
    pub contact: Option<String>,
    /// The id of the event that started it.
    pub event: Option<String>,
    /// What it waits for.
    pub waiting: Option<WaitingBody>,
    /// The data of the event that started it.
    #[schema(value_type = Object)]
    pub trigger: Value,
    /// What its steps have set.
    #[schema(value_type = Object)]
    pub variables: Value,
    /// The outputs of its steps, by step.
    #[schema(value_type = Object)]
    pub outputs: Value,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970.
    pub updated_at: i64,
    /// Milliseconds since 1970.
    pub ended_at: Option<i64>,
}

/// What a run waits for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Waiting)]
pub struct WaitingBody {
    /// `events`, or `retry` of a failed try.
    #[serde(rename = "for")]
    pub what: String,
    /// Until then at the latest; milliseconds since 1970.
    pub until: i64,
}

impl From<RunView> for RunBody {
    fn from(view: RunView) -> Self {
        RunBody {
            id: view.id,
            workflow: view.workflow,
            version: view.version,
            state: view.state,
            step: view.step,
            reason: view.reason,
            contact: view.contact,
            event: view.event,
            waiting: view.waiting.map(|waiting| WaitingBody {
                what: waiting.what,
                until: waiting.until,
            }),
            trigger: view.trigger,
            variables: view.variables,
            outputs: view.outputs,
            created_at: view.created_at,
            updated_at: view.updated_at,
            ended_at: view.ended_at,
        }
    }
}

/// An entry of a run's timeline.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TimelineEntry)]
pub struct EntryBody {
    /// Its place, from 0.
    pub seq: i64,
    /// Milliseconds since 1970.
    pub at: i64,
    /// What happened: `run-started`, `step-finished`, `step-failed`, `step-skipped`, `waiting`,
    /// `woken`, `call`, `call-started`, `call-finished`, `recovered`, `log`, `run-finished`,
    /// `needs-attention`, `retried`; later versions may add more.
    pub kind: String,
    /// The step, where one is concerned.
    pub step: Option<String>,
    /// What it says, by kind.
    #[schema(value_type = Object)]
    pub data: Value,
}

impl From<TimelineEntry> for EntryBody {
    fn from(entry: TimelineEntry) -> Self {
        EntryBody {
            seq: entry.seq,
            at: entry.at,
            kind: entry.kind,
            step: entry.step,
            data: entry.data,
        }
    }
}

/// What became of an event.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = AcceptedEvent)]
pub struct AcceptedBody {
    /// The event's id.
    pub id: String,
    /// The contact that it is about, by id.
    pub contact: Option<String>,
    /// The runs that it started.
    pub runs: Vec<String>,
    /// The runs whose wait it ended.
    pub woken: Vec<String>,
    /// The workflows that name this event and were not started.
    pub skipped: Vec<SkippedBody>,
}

/// A workflow that was considered and not started.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SkippedWorkflow)]
pub struct SkippedBody {
    /// Its name.
    pub workflow: String,
    /// `account-scope`, `condition`, `once-per-contact`, `already-enrolled`, `no-contact`, `blocked`
    /// or `loop-guard`.
    pub reason: String,
    /// What was looked at, where something was.
    #[schema(value_type = Option<Object>)]
    pub detail: Value,
}

impl AcceptedBody {
    /// What became of an event about this contact.
    #[must_use]
    pub fn of(event: AcceptedEvent, contact: Option<String>) -> AcceptedBody {
        AcceptedBody {
            id: event.id,
            contact,
            runs: event.runs,
            woken: event.woken,
            skipped: event
                .skipped
                .into_iter()
                .map(|one| SkippedBody {
                    workflow: one.workflow,
                    reason: one.reason,
                    detail: one.detail,
                })
                .collect(),
        }
    }
}

/// An installed plugin.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Plugin)]
pub struct PluginBody {
    /// `sha256:` and 64 hexadecimal digits: its identity.
    pub digest: String,
    /// Its name.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// `step` or `connector`.
    pub kind: String,
    /// What `describe` said.
    #[schema(value_type = Object)]
    pub descriptor: Value,
    /// What it asks for: `imports`, `hosts`, `secrets`, `limits`.
    #[schema(value_type = Object)]
    pub asked: Value,
    /// What the operator approved; null until then, and it is not used.
    #[schema(value_type = Option<Object>)]
    pub approved: Value,
    /// What it gets: what was asked, as far as it was approved, under the host's ceiling. With every
    /// limit; null until it is approved.
    #[schema(value_type = Option<Object>)]
    pub granted: Option<Value>,
    /// Size of the component in bytes.
    pub size: i64,
    /// Milliseconds since 1970.
    pub installed_at: i64,
    /// Where it came from, as whoever installed it said.
    pub source: Option<String>,
    /// The publisher whose key signed it.
    pub signed_by: Option<String>,
    /// Whether newly published workflows and new channels get it, of those of its name and major
    /// version.
    pub current: bool,
    /// The digest in whose place it was installed, if it is an update.
    pub update_of: Option<String>,
    /// Of an update that is not approved yet: what it asks for beyond the one before, in words.
    pub more: Vec<String>,
}

impl From<PluginView> for PluginBody {
    fn from(view: PluginView) -> Self {
        PluginBody {
            asked: serde_json::to_value(&view.asked).unwrap_or_default(),
            approved: serde_json::to_value(&view.approved).unwrap_or_default(),
            digest: view.digest,
            name: view.name,
            version: view.version,
            kind: view.kind,
            descriptor: view.descriptor,
            granted: view.granted,
            size: view.size,
            installed_at: view.installed_at,
            source: view.source,
            signed_by: view.signed_by,
            current: view.current,
            update_of: view.update_of,
            more: view.more,
        }
    }
}
