//! The records: what Jackfield keeps, one struct for each table.
//!
//! Two families. Control records (workspaces, workflows, plugins, channels...) are few, change
//! seldom and belong to no bucket. Bucketed records (events, runs, journal, waits, timers,
//! messages, contacts...) carry their bucket first in every key; one commit touches the rows of
//! one bucket only. Times are milliseconds since 1970 (UTC). Ids are made by the host, sort by
//! time, and end in the bucket (`id.rs`).

use crate::table::{Column, Kind, Record, Table};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Declares a struct and its table side by side, so that neither can lack a column of the other.
macro_rules! record {
    (
        $(#[$doc:meta])*
        $name:ident in $table:literal key($($key:literal),+) $($flag:ident)* {
            $( $(#[$field_doc:meta])* $field:ident : $type:ty => $kind:ident $($fixed:ident)?, )+
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub struct $name { $( $(#[$field_doc])* pub $field: $type, )+ }

        impl Record for $name {
            const TABLE: &'static Table = &Table {
                name: $table,
                bucketed: record!(@has bucketed $($flag)*),
                append_only: record!(@has append_only $($flag)*),
                shared: record!(@has shared $($flag)*),
                key: &[$($key),+],
                columns: &[$( Column {
                    name: stringify!($field),
                    kind: Kind::$kind,
                    fixed: record!(@fixed $($fixed)?),
                } ),+],
            };
            record!(@bucket $($flag)*);
        }
    };
    (@fixed fixed) => { true };
    (@fixed) => { false };
    (@has bucketed bucketed $($rest:ident)*) => { true };
    (@has append_only append_only $($rest:ident)*) => { true };
    (@has shared shared $($rest:ident)*) => { true };
    (@has $want:ident $other:ident $($rest:ident)*) => { record!(@has $want $($rest)*) };
    (@has $want:ident) => { false };
    (@bucket bucketed $($rest:ident)*) => {
        fn bucket(&self) -> Option<i32> { Some(self.bucket) }
    };
    (@bucket append_only) => { fn bucket(&self) -> Option<i32> { None } };
    (@bucket) => { fn bucket(&self) -> Option<i32> { None } };
}

// ---- control records -----------------------------------------------------------------------

record! {
    /// One account of an organisation: the unit of isolation.
    Workspace in "workspace" key("id") {
        /// Lower-case words with hyphens.
        id: String => Text,
        /// The organisation that owns it.
        organisation: String => Text,
        /// For people.
        title: String => Text,
        /// Time zone, default country, what unset variables become, frequency caps.
        settings: Value => Json,
        /// When it was made.
        created_at: i64 => Int,
    }
}

record! {
    /// Who owns workspaces.
    Organisation in "organisation" key("id") {
        /// Lower-case words with hyphens.
        id: String => Text,
        /// For people.
        title: String => Text,
        /// When it was made.
        created_at: i64 => Int,
    }
}

record! {
    /// A bearer key of the API. Only its digest is kept.
    ApiKey in "api_key" key("id") {
        /// The public part of the key.
        id: String => Text,
        /// The workspace that it opens; `*` for an operator's key, `@` and its id for one of an
        /// organisation.
        workspace: String => Text,
        /// For people.
        name: String => Text,
        /// SHA-256 of the secret part, hexadecimal.
        hash: String => Text,
        /// List of scopes.
        scopes: Value => Json,
        /// When it was made.
        created_at: i64 => Int,
        /// When it ends, if ever.
        expires_at: Option<i64> => Int,
        /// When it was revoked, if so.
        revoked_at: Option<i64> => Int,
    }
}

record! {
    /// A workflow: a name, its draft and which version is live.
    Workflow in "workflow" key("workspace", "name") {
        /// The workspace.
        workspace: String => Text,
        /// Lower-case words with hyphens.
        name: String => Text,
        /// `draft`, `published` or `stopped`.
        state: String => Text,
        /// The document as its author wrote it, YAML or JSON.
        source: String => Text,
        /// The newest published version, if any.
        version: Option<i64> => Int,
        /// Of several workflows that match an event, lower starts first.
        priority: i64 => Int,
        /// When it was made: the second key of the order above.
        created_at: i64 => Int,
        /// When it was last changed.
        updated_at: i64 => Int,
        /// The organisation whose workflow this is a copy of; none where it is the workspace's own.
        organisation: Option<String> => Text,
    }
}

record! {
    /// A workflow of an organisation. Each of its workspaces that it is for has a copy in `workflow`.
    OrganisationWorkflow in "organisation_workflow" key("organisation", "name") {
        /// The organisation.
        organisation: String => Text,
        /// Lower-case words with hyphens.
        name: String => Text,
        /// `published` or `stopped`.
        state: String => Text,
        /// The document as its author wrote it, YAML or JSON.
        source: String => Text,
        /// Which workspaces it is for: `"all"`, `{"only": [...]}` or `{"except": [...]}`.
        workspaces: Value => Json,
        /// As of `workflow`.
        priority: i64 => Int,
        /// When it was made.
        created_at: i64 => Int,
        /// When it was last changed.
        updated_at: i64 => Int,
    }
}

record! {
    /// A published version: never changes.
    WorkflowVersion in "workflow_version" key("workspace", "workflow", "version") append_only {
        /// The workspace.
        workspace: String => Text,
        /// The workflow's name.
        workflow: String => Text,
        /// From 1.
        version: i64 => Int,
        /// The document as its author wrote it.
        source: String => Text,
        /// The document as it was read.
        document: Value => Json,
        /// `{"send-message@1": "sha256:..."}`: the very plugins that its runs use.
        pins: Value => Json,
        /// When it was published.
        published_at: i64 => Int,
    }
}

record! {
    /// An installed plugin, by digest. Its bytes are a blob by the same digest.
    Plugin in "plugin" key("digest") {
        /// `sha256:` and 64 hexadecimal digits.
        digest: String => Text,
        /// The plugin's name.
        name: String => Text,
        /// Semantic version.
        version: String => Text,
        /// `step` or `connector`.
        kind: String => Text,
        /// What `describe` said.
        descriptor: Value => Json,
        /// What it asks for: imports, hosts, secrets, limits.
        asked: Value => Json,
        /// What the operator approved; null until then.
        approved: Value => Json,
        /// Size of the component in bytes.
        size: i64 => Int,
        /// When it was installed.
        installed_at: i64 => Int,
        /// When it was removed, if so: its runs show what it was.
        removed_at: Option<i64> => Int,
        /// Where its bytes came from, as whoever installed it said: asked there for a newer one.
        source: Option<String> => Text,
        /// The publisher whose key signed its bytes.
        signed_by: Option<String> => Text,
        /// Since when it is what publishing takes for its name and major version: the latest of
        /// those that have one. None: only what is pinned to it uses it.
        current_since: Option<i64> => Int,
        /// The digest in whose place it was installed.
        update_of: Option<String> => Text,
    }
}

record! {
    /// A channel: a connector plus settings. Its secrets are `Secret` records.
    Channel in "channel" key("workspace", "id") {
        /// The workspace.
        workspace: String => Text,
        /// Made by the host.
        id: String => Text,
        /// Unique in its workspace; lower-case words with hyphens.
        name: String => Text,
        /// The connector's name and major version, such as `twilio-sms@1`.
        connector: String => Text,
        /// The connector that it runs on, by digest.
        digest: String => Text,
        /// Settings under the connector's schema.
        settings: Value => Json,
        /// `active`, `paused` (credentials failed) or `disabled`.
        state: String => Text,
        /// Why it is paused.
        reason: Option<String> => Text,
        /// `fail` or `resend`: what becomes of a message of which nobody knows whether it left.
        uncertain: String => Text,
        /// When it was made.
        created_at: i64 => Int,
        /// When it was last changed.
        updated_at: i64 => Int,
    }
}

record! {
    /// A secret, sealed with the operator's key.
    Secret in "secret" key("workspace", "owner", "name") {
        /// The workspace.
        workspace: String => Text,
        /// The channel's id, or empty for the workspace's own secrets.
        owner: String => Text,
        /// Its name.
        name: String => Text,
        /// Base64 of nonce and ciphertext (XChaCha20-Poly1305, bound to workspace, owner and name).
        sealed: String => Text,
        /// When it was last set.
        updated_at: i64 => Int,
    }
}

record! {
    /// An HTML template of the workspace.
    Template in "template" key("workspace", "name") {
        /// The workspace.
        workspace: String => Text,
        /// Lower-case words with hyphens.
        name: String => Text,
        /// For mails; variables allowed.
        subject: Option<String> => Text,
        /// HTML with variables.
        html: String => Text,
        /// Plain text with variables; none is made from the HTML.
        text: Option<String> => Text,
        /// When it was last changed.
        updated_at: i64 => Int,
    }
}

record! {
    /// A text that is put into others.
    Snippet in "snippet" key("workspace", "name") {
        /// The workspace.
        workspace: String => Text,
        /// Lower-case words with hyphens.
        name: String => Text,
        /// What it is about, for people.
        topic: Option<String> => Text,
        /// With variables.
        text: String => Text,
        /// List of addresses on the web.
        attachments: Value => Json,
        /// When it was made.
        created_at: i64 => Int,
        /// When it was last changed.
        updated_at: i64 => Int,
    }
}

record! {
    /// A file of a workspace. Its bytes are chunks.
    File in "workspace_file" key("workspace", "name") {
        /// The workspace.
        workspace: String => Text,
        /// Lower-case words, such as `price-list.pdf`.
        name: String => Text,
        /// Made by the host: another one for other bytes. Its chunks go by it.
        id: String => Text,
        /// What its public address is known by; nobody can guess it.
        token: String => Text,
        /// Its media type.
        content_type: String => Text,
        /// In bytes.
        size: i64 => Int,
        /// SHA-256 of its bytes, hexadecimal.
        digest: String => Text,
        /// When it was made.
        created_at: i64 => Int,
        /// When its bytes were last changed.
        updated_at: i64 => Int,
    }
}

record! {
    /// A piece of a file. The first has no bytes, and says that the file is being written.
    FileChunk in "file_chunk" key("workspace", "file", "seq") {
        /// The workspace.
        workspace: String => Text,
        /// The file's id.
        file: String => Text,
        /// From 0.
        seq: i64 => Int,
        /// Base64.
        bytes: String => Text,
        /// When it was written.
        at: i64 => Int,
    }
}

record! {
    /// A custom field that contacts of a workspace have.
    ContactField in "contact_field" key("workspace", "name") {
        /// The workspace.
        workspace: String => Text,
        /// The slug, as in `contact.city`.
        name: String => Text,
        /// For people, at most 50 characters.
        title: String => Text,
        /// `text`, `list`, `checkbox`, `email`, `number`, `url`, `date`, `time` or `phone`.
        kind: String => Text,
        /// The allowed values of a `list`.
        options: Value => Json,
        /// When it was made.
        created_at: i64 => Int,
    }
}

// ---- bucketed records ----------------------------------------------------------------------

record! {
    /// Something that happened.
    Event in "event" key("bucket", "id") bucketed {
        /// The bucket of its contact, or of its own id.
        bucket: i32 => Int,
        /// Sorts in the order accepted.
        id: String => Text,
        /// The workspace.
        workspace: String => Text,
        /// Such as `call.ended`.
        name: String => Text,
        /// The contact that it is about.
        contact: Option<String> => Text,
        /// What it is about beside a contact: a message's id, a run's id.
        subject: Option<String> => Text,
        /// The event's data.
        data: Value => Json,
        /// Who sent it: `api`, a channel's id, `run`.
        source: String => Text,
        /// `accepted` until triggers and waits have been looked at, then `handled`.
        state: String => Text,
        /// When it was accepted.
        at: i64 => Int,
    }
}

record! {
    /// One execution of one version of a workflow.
    Run in "run" key("bucket", "id") bucketed {
        /// The bucket of its contact, or of its own id.
        bucket: i32 => Int,
        /// Sorts by time.
        id: String => Text,
        /// The workspace.
        workspace: String => Text fixed,
        /// The workflow's name.
        workflow: String => Text fixed,
        /// The version that it is pinned to.
        version: i64 => Int fixed,
        /// `queued`, `running`, `waiting`, `completed`, `failed`, `cancelled`, `needs-attention`.
        state: String => Text,
        /// The contact that it is about.
        contact: Option<String> => Text,
        /// The event that started it.
        event: Option<String> => Text fixed,
        /// The step at which it stands, or ended.
        step: Option<String> => Text,
        /// Why it ended or needs attention: a stable code.
        reason: Option<String> => Text,
        /// Trigger, variables, visits, the state of a wait: the engine's own.
        data: Value => Json,
        /// The next free place in its journal.
        seq: i64 => Int,
        /// When it was accepted.
        created_at: i64 => Int fixed,
        /// When it last moved.
        updated_at: i64 => Int,
        /// When it ended.
        ended_at: Option<i64> => Int,
    }
}

record! {
    /// An entry of a run's journal.
    Journal in "journal" key("bucket", "run", "seq") bucketed append_only {
        /// The run's bucket.
        bucket: i32 => Int,
        /// The run, or the message whose dispatch this is.
        run: String => Text,
        /// From 0, without gaps.
        seq: i64 => Int,
        /// What happened: the engine's closed vocabulary.
        kind: String => Text,
        /// The step, where one is concerned.
        step: Option<String> => Text,
        /// What it says.
        data: Value => Json,
        /// When.
        at: i64 => Int,
    }
}

record! {
    /// A run that waits for an event.
    Wait in "wait" key("bucket", "run", "seq") bucketed {
        /// The run's bucket.
        bucket: i32 => Int,
        /// The run.
        run: String => Text,
        /// The place of the subscription in its wait.
        seq: i64 => Int,
        /// `workspace/event-name/subject`: what an event is matched by.
        topic: String => Text,
        /// Only the newest of the waits that claim an event gets it.
        claim: bool => Bool,
        /// A condition on the event's data, or null.
        condition: Value => Json,
        /// When the run began to wait: the newest claims first.
        at: i64 => Int,
    }
}

record! {
    /// Something that is due at a time.
    Timer in "timer" key("bucket", "id") bucketed {
        /// The bucket of what it wakes.
        bucket: i32 => Int,
        /// The run or the message that it wakes: each has at most one.
        id: String => Text,
        /// `run` or `message`.
        kind: String => Text,
        /// Not before.
        due: i64 => Int,
    }
}

record! {
    /// A contact of a workspace.
    Contact in "contact" key("bucket", "id") bucketed {
        /// That of the address by which the contact was first known; the id carries it.
        bucket: i32 => Int,
        /// Made by the host.
        id: String => Text,
        /// The workspace.
        workspace: String => Text,
        /// First and last name, for lists.
        name: Option<String> => Text,
        /// E.164.
        phone: Option<String> => Text,
        /// Lower-cased domain.
        email: Option<String> => Text,
        /// All fields, tags, the last interactions: as the API shows it.
        data: Value => Json,
        /// Grows with each change.
        revision: i64 => Int,
        /// When it was made.
        created_at: i64 => Int,
        /// When it last changed.
        updated_at: i64 => Int,
    }
}

record! {
    /// Which contact an address belongs to. Its bucket is that of the address, not of the contact.
    Identity in "identity" key("bucket", "workspace", "kind", "value") bucketed {
        /// `bucket_of(workspace, kind:value)`.
        bucket: i32 => Int,
        /// The workspace.
        workspace: String => Text,
        /// `phone`, `email`, or `channel:<id>` for addresses that only mean something there.
        kind: String => Text,
        /// The address in its normal form.
        value: String => Text,
        /// The contact's id.
        contact: String => Text,
        /// When it was learnt.
        created_at: i64 => Int,
    }
}

record! {
    /// A message, in or out. An outgoing one is the outbox's row as well.
    Message in "message" key("bucket", "id") bucketed {
        /// The bucket of its contact, or of the run that sent it.
        bucket: i32 => Int,
        /// Sorts by time.
        id: String => Text,
        /// The workspace.
        workspace: String => Text,
        /// The channel's id.
        channel: String => Text,
        /// `in` or `out`.
        direction: String => Text,
        /// The contact.
        contact: Option<String> => Text,
        /// The run that sent it.
        run: Option<String> => Text,
        /// The other side's address (the first, of a mail to several).
        address: String => Text,
        /// Out: `queued`, `sending`, `accepted`, `sent`, `delivered`, `read`, `failed`,
        /// `suppressed`, `uncertain`, `cancelled`. In: `received`.
        state: String => Text,
        /// Why it failed or was suppressed: a stable code.
        reason: Option<String> => Text,
        /// The provider's id.
        provider_id: Option<String> => Text,
        /// Content, recipients, sender, class, error, history of states.
        data: Value => Json,
        /// How often it was tried.
        attempts: i64 => Int,
        /// When it was accepted.
        created_at: i64 => Int,
        /// When its state last changed.
        updated_at: i64 => Int,
    }
}

record! {
    /// Which message a provider's id means. Its bucket is that of the id.
    ProviderRef in "provider_ref" key("bucket", "channel", "provider_id") bucketed {
        /// `bucket_of(channel, provider_id)`.
        bucket: i32 => Int,
        /// The channel's id.
        channel: String => Text,
        /// The provider's id.
        provider_id: String => Text,
        /// The message's id; none while only updates of it are known.
        message: Option<String> => Text,
        /// Updates that came before the message was known.
        early: Value => Json,
        /// When it was learnt.
        created_at: i64 => Int,
    }
}

record! {
    /// A key that was seen: a provider's message id, so that its repetition is dropped.
    Seen in "seen" key("bucket", "workspace", "scope", "key") bucketed {
        /// The bucket of what it guards.
        bucket: i32 => Int,
        /// The workspace.
        workspace: String => Text,
        /// What kind of key, such as the channel's id.
        scope: String => Text,
        /// The key.
        key: String => Text,
        /// When.
        at: i64 => Int,
    }
}

record! {
    /// The answer that was given to a request with an idempotency key.
    Idempotency in "idempotency" key("bucket", "workspace", "key") bucketed shared {
        /// `bucket_of(workspace, key)`.
        bucket: i32 => Int,
        /// The workspace.
        workspace: String => Text,
        /// The caller's key.
        key: String => Text,
        /// Digest of method, path and body: another request with the same key is refused.
        fingerprint: String => Text,
        /// Status and body; null while the first request is under way.
        answer: Value => Json,
        /// When.
        at: i64 => Int,
    }
}

record! {
    /// Somebody who wants nothing more.
    OptOut in "opt_out" key("bucket", "workspace", "address", "scope") bucketed {
        /// `bucket_of(workspace, address)`.
        bucket: i32 => Int,
        /// The workspace.
        workspace: String => Text,
        /// The address in its normal form.
        address: String => Text,
        /// `account` for all senders, or a channel's id.
        scope: String => Text,
        /// `keyword`, `link`, `provider`, `api` or `workflow`.
        source: String => Text,
        /// The words that said so, the message that held the link, or the run with its step and call.
        text: Option<String> => Text,
        /// When.
        at: i64 => Int,
        /// When it was taken back, if so.
        cleared_at: Option<i64> => Int,
    }
}

record! {
    /// That a contact was once enrolled in a workflow.
    Enrolment in "enrolment" key("bucket", "workspace", "workflow", "contact") bucketed {
        /// The contact's bucket.
        bucket: i32 => Int,
        /// The workspace.
        workspace: String => Text,
        /// The workflow's name.
        workflow: String => Text,
        /// The contact.
        contact: String => Text,
        /// The run.
        run: String => Text,
        /// When it first was.
        at: i64 => Int,
    }
}

record! {
    /// Why something was not done for a contact: a message not sent, a trigger not taken.
    Decision in "decision" key("bucket", "id") bucketed append_only {
        /// The contact's bucket.
        bucket: i32 => Int,
        /// Sorts by time.
        id: String => Text,
        /// The workspace.
        workspace: String => Text,
        /// The contact.
        contact: Option<String> => Text,
        /// `message` or `trigger`.
        kind: String => Text,
        /// The message's or the event's id.
        subject: String => Text,
        /// The workflow, where one was considered.
        workflow: Option<String> => Text,
        /// A stable code, such as `opted-out`, `condition`, `already-enrolled`.
        reason: String => Text,
        /// What was looked at.
        detail: Value => Json,
        /// When.
        at: i64 => Int,
    }
}

record! {
    /// A provider's request that could not be read: kept, bounded, for replay.
    Inbound in "inbound" key("bucket", "id") bucketed shared {
        /// `bucket_of(channel, id)`.
        bucket: i32 => Int,
        /// Sorts by time.
        id: String => Text,
        /// The workspace.
        workspace: String => Text,
        /// The channel's id.
        channel: String => Text,
        /// Method, URL, headers, body (base64).
        request: Value => Json,
        /// Why it could not be read.
        error: Value => Json,
        /// `failed` or `replayed`.
        state: String => Text,
        /// When.
        at: i64 => Int,
    }
}

record! {
    /// Work for the owner of a bucket, put there by another host, and its answer. Doing the work
    /// twice (its first owner died before it answered) must be as good as once.
    Parcel in "parcel" key("bucket", "id") bucketed shared {
        /// The bucket whose owner is asked.
        bucket: i32 => Int,
        /// Sorts by time.
        id: String => Text,
        /// The host that asks and reads the answer.
        sender: String => Text,
        /// What it is about: `domain` or `http`.
        kind: String => Text,
        /// The work.
        body: Value => Json,
        /// Null until it is done.
        answer: Value => Json,
        /// When it was put there.
        at: i64 => Int,
    }
}

record! {
    /// A stretch of talk with a contact, from its opening to its closing. At most one of a contact is
    /// not closed, and that one stands in the contact's own row too.
    Conversation in "conversation" key("bucket", "id") bucketed {
        /// The contact's bucket.
        bucket: i32 => Int,
        /// Sorts by time.
        id: String => Text fixed,
        /// The workspace.
        workspace: String => Text fixed,
        /// The contact.
        contact: String => Text fixed,
        /// `open`, `snoozed` or `closed`.
        state: String => Text,
        /// Who opened and closed it, first message, closing note.
        data: Value => Json,
        /// When it was opened.
        opened_at: i64 => Int fixed,
        /// When it was closed, if so.
        closed_at: Option<i64> => Int,
    }
}

record! {
    /// What people and workflows noted in a conversation; never sent to the contact.
    Comment in "comment" key("bucket", "id") bucketed append_only {
        /// The contact's bucket.
        bucket: i32 => Int,
        /// Sorts by time.
        id: String => Text,
        /// The workspace.
        workspace: String => Text,
        /// The contact.
        contact: String => Text,
        /// The conversation; none where there never was one.
        conversation: Option<String> => Text,
        /// `workflow`, `api` or a user.
        author: String => Text,
        /// For people.
        text: String => Text,
        /// Who is mentioned, and what wrote it.
        data: Value => Json,
        /// When.
        at: i64 => Int,
    }
}

record! {
    /// A list of contacts.
    ContactList in "list" key("workspace", "name") {
        /// The workspace.
        workspace: String => Text,
        /// Lower-case words with hyphens.
        name: String => Text,
        /// What its members name: a list that is made anew under an old name begins empty.
        id: String => Text,
        /// For people.
        title: String => Text,
        /// For people.
        description: Option<String> => Text,
        /// When it was made.
        created_at: i64 => Int,
    }
}

record! {
    /// That a contact is on a list.
    ListMember in "list_member" key("bucket", "workspace", "list", "contact") bucketed {
        /// The contact's bucket.
        bucket: i32 => Int,
        /// The workspace.
        workspace: String => Text fixed,
        /// The list's id.
        list: String => Text fixed,
        /// The contact.
        contact: String => Text fixed,
        /// `workflow` or `api`.
        source: String => Text,
        /// When it was put there.
        at: i64 => Int,
    }
}

record! {
    /// Somebody who talks to contacts.
    User in "workspace_user" key("workspace", "id") {
        /// The workspace.
        workspace: String => Text,
        /// Made by the host.
        id: String => Text,
        /// Mail address, in lower case; unique in the workspace.
        email: String => Text,
        /// For people.
        name: String => Text,
        /// `owner`, `manager` or `agent`.
        role: String => Text,
        /// `online`, `away` or `offline`.
        presence: String => Text,
        /// How many open contacts at most, whether on a call, until when the presence holds.
        data: Value => Json,
        /// When it was made.
        created_at: i64 => Int,
    }
}

record! {
    /// Users that are assigned to as one.
    Team in "team" key("workspace", "name") {
        /// The workspace.
        workspace: String => Text,
        /// Lower-case words with hyphens.
        name: String => Text,
        /// For people.
        title: String => Text,
        /// List of `{"user", "position", "penalty"}`.
        members: Value => Json,
        /// When it was made.
        created_at: i64 => Int,
        /// How many may wait for it; none or 0 for any number.
        max_waiting: Option<i64> => Int,
    }
}

record! {
    /// That an open contact is with a user, or waits for one: a copy of what the contact's row says,
    /// in the one bucket in which a workspace's users are chosen.
    Assignment in "assignment" key("bucket", "workspace", "contact") bucketed {
        /// The bucket of the workspace's assignments.
        bucket: i32 => Int,
        /// The workspace.
        workspace: String => Text fixed,
        /// The contact.
        contact: String => Text fixed,
        /// `assigned`, `queued`, or `offered`: chosen, and not yet written to the contact.
        state: String => Text,
        /// The user.
        assignee: Option<String> => Text,
        /// The place in the queue.
        place: Option<String> => Text,
        /// Lower goes first: by priority, then by time.
        rank: i64 => Int,
        /// The contact's revision that it is a copy of: what is older is not written over it.
        revision: i64 => Int,
        /// What was asked for.
        data: Value => Json,
        /// Since when it waits, is offered or is assigned.
        at: i64 => Int,
        /// With a place, which queue: a team's name, or empty for the workspace's own.
        queue: Option<String> => Text,
    }
}

record! {
    /// What a user has had: of everybody (an empty scope), or of one step that takes turns.
    Turn in "turn" key("bucket", "workspace", "scope", "assignee") bucketed {
        /// The bucket of the workspace's assignments.
        bucket: i32 => Int,
        /// The workspace.
        workspace: String => Text fixed,
        /// Empty, or what takes turns among users: a step, a team.
        scope: String => Text fixed,
        /// The user.
        assignee: String => Text fixed,
        /// Open contacts now; counted in the empty scope.
        open_contacts: i64 => Int,
        /// Contacts that were closed; counted in the empty scope.
        completed: i64 => Int,
        /// When the last contact came, in an order that never repeats.
        last_at: i64 => Int,
    }
}

record! {
    /// How the places of one queue ended in a quarter of an hour.
    QueueSlot in "queue_slot" key("bucket", "workspace", "queue", "at") bucketed {
        /// The bucket of the workspace's assignments.
        bucket: i32 => Int,
        /// The workspace.
        workspace: String => Text fixed,
        /// A team's name, or empty for the workspace's own queue.
        queue: String => Text fixed,
        /// When the quarter began.
        at: i64 => Int fixed,
        /// Somebody came within the service level.
        attended: i64 => Int,
        /// Somebody came later.
        attended_late: i64 => Int,
        /// It ended without anybody, within the service level.
        abandoned: i64 => Int,
        /// It ended without anybody, later.
        abandoned_late: i64 => Int,
        /// How long they waited, together, in milliseconds.
        waited: i64 => Int,
    }
}

record! {
    /// A schedule of a live workflow. Written with the workflow's state, so that there is one exactly
    /// while the workflow is live.
    Schedule in "schedule" key("workspace", "workflow", "place") {
        /// The workspace.
        workspace: String => Text,
        /// The workflow's name.
        workflow: String => Text,
        /// Which of the workflow's triggers, from 0.
        place: i64 => Int,
        /// The times, five fields.
        cron: String => Text,
        /// Where they are read; none for the workspace's time zone.
        time_zone: Option<String> => Text,
        /// The name of the list whose contacts it is for, if any.
        list: Option<String> => Text,
        /// Times before are not its own.
        since: i64 => Int,
    }
}

record! {
    /// How far a schedule has come. In a bucket, so that one host alone lets it fire.
    Firing in "firing" key("bucket", "workspace", "workflow", "place") bucketed {
        /// That of the workflow.
        bucket: i32 => Int,
        /// The workspace.
        workspace: String => Text fixed,
        /// The workflow's name.
        workflow: String => Text fixed,
        /// Which of the workflow's triggers, from 0.
        place: i64 => Int fixed,
        /// The latest time for which it has fired.
        due: i64 => Int,
        /// How many earlier times were left out for it.
        missed: i64 => Int,
        /// Not every contact of the list has its run yet.
        open: bool => Bool,
        /// The last contact that has.
        reached: Option<String> => Text,
        /// How many have.
        contacts: i64 => Int,
        /// When it began to fire.
        at: i64 => Int,
    }
}

record! {
    /// A saved filter of contacts.
    Segment in "segment" key("workspace", "name") {
        /// The workspace.
        workspace: String => Text,
        /// Lower-case words with hyphens.
        name: String => Text,
        /// For people.
        title: String => Text,
        /// For people.
        description: Option<String> => Text,
        /// A condition over `contact.…`.
        filter: Value => Json,
        /// In which its dates are read; none: the workspace's.
        time_zone: Option<String> => Text,
        /// When it was made.
        created_at: i64 => Int,
        /// When it was last changed.
        updated_at: i64 => Int,
    }
}

record! {
    /// An address, or a pattern of addresses, with which nobody talks.
    BlacklistEntry in "blacklist" key("workspace", "address") {
        /// The workspace.
        workspace: String => Text,
        /// In its normal form; with `*` at its end or beginning, a pattern.
        address: String => Text,
        /// `inbound`, `outbound` or `both`.
        direction: String => Text,
        /// For people.
        note: Option<String> => Text,
        /// When it was made.
        created_at: i64 => Int,
    }
}

record! {
    /// Contacts that come out of a file.
    Import in "import" key("bucket", "id") bucketed {
        /// A bucket of the host that got the file.
        bucket: i32 => Int,
        /// Sorts by time.
        id: String => Text,
        /// The workspace.
        workspace: String => Text fixed,
        /// `uploading`, `uploaded`, `reviewing`, `reviewed`, `running`, `cancelling`, `cancelled` or
        /// `completed`.
        state: String => Text,
        /// Grows with each review, and when it is started.
        pass: i64 => Int,
        /// Columns, plan, counts, and how far it is.
        data: Value => Json,
        /// When the file came.
        created_at: i64 => Int,
        /// When it last moved.
        updated_at: i64 => Int,
    }
}

record! {
    /// Rows of a file that are not carried out yet.
    ImportChunk in "import_chunk" key("bucket", "import", "seq") bucketed {
        /// The import's bucket.
        bucket: i32 => Int,
        /// The import.
        import: String => Text,
        /// From 0.
        seq: i64 => Int,
        /// `[[line, [cells]]]`
        rows: Value => Json,
    }
}

record! {
    /// What became of a row of a file.
    ImportRow in "import_row" key("bucket", "import", "pass", "line") bucketed {
        /// The contact's bucket; the import's where no contact was changed.
        bucket: i32 => Int,
        /// The import.
        import: String => Text,
        /// Of which pass.
        pass: i64 => Int,
        /// The line of the file that it begins on.
        line: i64 => Int,
        /// The contact that was made or changed.
        contact: Option<String> => Text,
        /// `added`, `updated`, `skipped` or `failed`.
        outcome: String => Text,
        /// Why not: a stable code.
        code: Option<String> => Text,
        /// Why not, for people.
        message: Option<String> => Text,
    }
}

record! {
    /// The web address of a workflow. It stays from version to version until it is rotated.
    Webhook in "webhook" key("workspace", "workflow") {
        /// The workspace.
        workspace: String => Text,
        /// The workflow's name.
        workflow: String => Text,
        /// What nobody can guess: the last part of the address.
        token: String => Text,
        /// When the workflow got it.
        created_at: i64 => Int,
    }
}

record! {
    /// Business hours by name.
    Calendar in "calendar" key("workspace", "name") {
        /// The workspace.
        workspace: String => Text,
        /// Lower-case words with hyphens.
        name: String => Text,
        /// For people.
        title: String => Text,
        /// Ranges by weekday, holidays, time zone.
        hours: Value => Json,
        /// When it was made.
        created_at: i64 => Int,
        /// When it was last changed.
        updated_at: i64 => Int,
    }
}

record! {
    /// A contact that another has absorbed: its id leads there.
    MergedContact in "merged_contact" key("bucket", "id") bucketed {
        /// The bucket that it had.
        bucket: i32 => Int,
        /// The id that it had.
        id: String => Text,
        /// The workspace.
        workspace: String => Text fixed,
        /// The contact that absorbed it.
        absorbed_by: String => Text,
        /// What it left.
        data: Value => Json,
        /// When.
        at: i64 => Int,
    }
}

record! {
    /// A web server that is told of events.
    Subscription in "subscription" key("workspace", "id") {
        /// The workspace.
        workspace: String => Text,
        /// Sorts by time.
        id: String => Text,
        /// Where its deliveries go.
        url: String => Text,
        /// For people.
        title: String => Text,
        /// Whether it is to be told at present.
        enabled: bool => Bool,
        /// Which events, and of these which.
        wanted: Value => Json,
        /// Until when the signing secret before the last rotation signs as well.
        previous_until: Option<i64> => Int,
        /// When it was made.
        created_at: i64 => Int,
        /// When it was last changed.
        updated_at: i64 => Int,
    }
}

record! {
    /// That a subscription's receiver fails. A row of its own: hosts write it while people change
    /// the subscription. None where the last delivery arrived.
    SubscriptionHealth in "subscription_health" key("workspace", "subscription") {
        /// The workspace.
        workspace: String => Text,
        /// The subscription.
        subscription: String => Text,
        /// When the first delivery failed since one arrived.
        failing_since: i64 => Int,
        /// When it was switched off for that, if so.
        disabled_at: Option<i64> => Int,
        /// Why it was switched off, for people.
        reason: Option<String> => Text,
    }
}

record! {
    /// An event on its way to a subscription.
    Delivery in "delivery" key("bucket", "id") bucketed {
        /// The event's bucket.
        bucket: i32 => Int,
        /// Sorts by time.
        id: String => Text,
        /// The workspace.
        workspace: String => Text fixed,
        /// The subscription.
        subscription: String => Text fixed,
        /// The event's id.
        event: String => Text fixed,
        /// The event's name.
        name: String => Text fixed,
        /// The contact that the event is about.
        contact: Option<String> => Text fixed,
        /// `pending`, `delivered` or `dead`.
        state: String => Text,
        /// When it is tried next, while it is pending.
        due: i64 => Int,
        /// The body, and how the tries went.
        data: Value => Json,
        /// When the event was accepted.
        created_at: i64 => Int,
        /// When it last moved.
        updated_at: i64 => Int,
        /// When it was delivered or given up.
        done_at: Option<i64> => Int,
    }
}

record! {
    /// A table that workflows add rows to.
    DataTable in "data_table" key("workspace", "name") {
        /// The workspace.
        workspace: String => Text,
        /// Lower-case words with hyphens.
        name: String => Text,
        /// What its rows name it by: another table of the same name has another.
        id: String => Text fixed,
        /// For people.
        title: String => Text,
        /// Their names, in order.
        columns: Value => Json,
        /// When it was made.
        created_at: i64 => Int,
    }
}

record! {
    /// A row of a table.
    DataRow in "data_row" key("bucket", "id") bucketed {
        /// That of the run which wrote it, and of its contact.
        bucket: i32 => Int,
        /// Sorts by time.
        id: String => Text,
        /// The workspace.
        workspace: String => Text,
        /// The table's id.
        in_table: String => Text,
        /// The contact that the run was about: the row goes with it.
        contact: Option<String> => Text,
        /// Text by column.
        cells: Value => Json,
        /// When it was written.
        at: i64 => Int,
    }
}

/// Every table, in the order in which the migrations make them.
pub const TABLES: &[&Table] = &[
    Workspace::TABLE,
    ApiKey::TABLE,
    Workflow::TABLE,
    OrganisationWorkflow::TABLE,
    WorkflowVersion::TABLE,
    Plugin::TABLE,
    Channel::TABLE,
    Secret::TABLE,
    Template::TABLE,
    ContactField::TABLE,
    Event::TABLE,
    Run::TABLE,
    Journal::TABLE,
    Wait::TABLE,
    Timer::TABLE,
    Contact::TABLE,
    Identity::TABLE,
    Message::TABLE,
    ProviderRef::TABLE,
    Seen::TABLE,
    Idempotency::TABLE,
    OptOut::TABLE,
    Enrolment::TABLE,
    Decision::TABLE,
    Inbound::TABLE,
    Parcel::TABLE,
    Conversation::TABLE,
    Comment::TABLE,
    ContactList::TABLE,
    ListMember::TABLE,
    User::TABLE,
    Team::TABLE,
    Assignment::TABLE,
    Turn::TABLE,
    QueueSlot::TABLE,
    Schedule::TABLE,
    Firing::TABLE,
    Segment::TABLE,
    Import::TABLE,
    ImportChunk::TABLE,
    ImportRow::TABLE,
    BlacklistEntry::TABLE,
    Webhook::TABLE,
    Calendar::TABLE,
    MergedContact::TABLE,
    Snippet::TABLE,
    File::TABLE,
    FileChunk::TABLE,
    Subscription::TABLE,
    SubscriptionHealth::TABLE,
    Delivery::TABLE,
    Organisation::TABLE,
    DataTable::TABLE,
    DataRow::TABLE,
];
