-- The tables are those of records.rs, column by column; a test holds that. A JSON null is NULL.
-- STRICT: a column holds its type or the row is refused. Rows keep their rowid: tables WITHOUT
-- ROWID took half as many rows a second, because every leaf that is touched holds whole rows.

CREATE TABLE workspace (
    id TEXT NOT NULL,
    organisation TEXT NOT NULL,
    title TEXT NOT NULL,
    settings TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (id)
) STRICT;

CREATE TABLE api_key (
    id TEXT NOT NULL,
    workspace TEXT NOT NULL,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    scopes TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    PRIMARY KEY (id)
) STRICT;

CREATE TABLE workflow (
    workspace TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    source TEXT NOT NULL,
    version INTEGER,
    priority INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, name)
) STRICT;

CREATE TABLE workflow_version (
    workspace TEXT NOT NULL,
    workflow TEXT NOT NULL,
    version INTEGER NOT NULL,
    source TEXT NOT NULL,
    document TEXT,
    pins TEXT,
    published_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, workflow, version)
) STRICT;

CREATE TABLE plugin (
    digest TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    kind TEXT NOT NULL,
    descriptor TEXT,
    asked TEXT,
    approved TEXT,
    size INTEGER NOT NULL,
    installed_at INTEGER NOT NULL,
    removed_at INTEGER,
    PRIMARY KEY (digest)
) STRICT;

CREATE TABLE channel (
    workspace TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    connector TEXT NOT NULL,
    digest TEXT NOT NULL,
    settings TEXT,
    state TEXT NOT NULL,
    reason TEXT,
    uncertain TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, id)
) STRICT;

CREATE TABLE secret (
    workspace TEXT NOT NULL,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    sealed TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, owner, name)
) STRICT;

CREATE TABLE template (
    workspace TEXT NOT NULL,
    name TEXT NOT NULL,
    subject TEXT,
    html TEXT NOT NULL,
    text TEXT,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, name)
) STRICT;

CREATE TABLE contact_field (
    workspace TEXT NOT NULL,
    name TEXT NOT NULL,
    title TEXT NOT NULL,
    kind TEXT NOT NULL,
    options TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, name)
) STRICT;

CREATE TABLE event (
    bucket INTEGER NOT NULL,
    id TEXT NOT NULL,
    workspace TEXT NOT NULL,
    name TEXT NOT NULL,
    contact TEXT,
    subject TEXT,
    data TEXT,
    source TEXT NOT NULL,
    state TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (id, bucket)
) STRICT;

CREATE TABLE run (
    bucket INTEGER NOT NULL,
    id TEXT NOT NULL,
    workspace TEXT NOT NULL,
    workflow TEXT NOT NULL,
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    contact TEXT,
    event TEXT,
    step TEXT,
    reason TEXT,
    data TEXT,
    seq INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ended_at INTEGER,
    PRIMARY KEY (id, bucket)
) STRICT;

CREATE TABLE journal (
    bucket INTEGER NOT NULL,
    run TEXT NOT NULL,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    step TEXT,
    data TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (run, seq, bucket)
) STRICT;

CREATE TABLE wait (
    bucket INTEGER NOT NULL,
    run TEXT NOT NULL,
    seq INTEGER NOT NULL,
    topic TEXT NOT NULL,
    claim INTEGER NOT NULL,
    condition TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (bucket, run, seq)
) STRICT;

CREATE TABLE timer (
    bucket INTEGER NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    due INTEGER NOT NULL,
    PRIMARY KEY (bucket, id)
) STRICT;

CREATE TABLE contact (
    bucket INTEGER NOT NULL,
    id TEXT NOT NULL,
    workspace TEXT NOT NULL,
    name TEXT,
    phone TEXT,
    email TEXT,
    data TEXT,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (bucket, id)
) STRICT;

CREATE TABLE identity (
    bucket INTEGER NOT NULL,
    workspace TEXT NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    contact TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (bucket, workspace, kind, value)
) STRICT;

CREATE TABLE message (
    bucket INTEGER NOT NULL,
    id TEXT NOT NULL,
    workspace TEXT NOT NULL,
    channel TEXT NOT NULL,
    direction TEXT NOT NULL,
    contact TEXT,
    run TEXT,
    address TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    provider_id TEXT,
    data TEXT,
    attempts INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (bucket, id)
) STRICT;

CREATE TABLE provider_ref (
    bucket INTEGER NOT NULL,
    channel TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    message TEXT,
    early TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (bucket, channel, provider_id)
) STRICT;

CREATE TABLE seen (
    bucket INTEGER NOT NULL,
    workspace TEXT NOT NULL,
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (bucket, workspace, scope, key)
) STRICT;

CREATE TABLE idempotency (
    bucket INTEGER NOT NULL,
    workspace TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    answer TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (bucket, workspace, key)
) STRICT;

CREATE TABLE opt_out (
    bucket INTEGER NOT NULL,
    workspace TEXT NOT NULL,
    address TEXT NOT NULL,
    scope TEXT NOT NULL,
    source TEXT NOT NULL,
    text TEXT,
    at INTEGER NOT NULL,
    cleared_at INTEGER,
    PRIMARY KEY (bucket, workspace, address, scope)
) STRICT;

CREATE TABLE enrolment (
    bucket INTEGER NOT NULL,
    workspace TEXT NOT NULL,
    workflow TEXT NOT NULL,
    contact TEXT NOT NULL,
    run TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (bucket, workspace, workflow, contact)
) STRICT;

CREATE TABLE decision (
    bucket INTEGER NOT NULL,
    id TEXT NOT NULL,
    workspace TEXT NOT NULL,
    contact TEXT,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    workflow TEXT,
    reason TEXT NOT NULL,
    detail TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (id, bucket)
) STRICT;

CREATE TABLE inbound (
    bucket INTEGER NOT NULL,
    id TEXT NOT NULL,
    workspace TEXT NOT NULL,
    channel TEXT NOT NULL,
    request TEXT,
    error TEXT,
    state TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (bucket, id)
) STRICT;

CREATE TABLE parcel (
    bucket INTEGER NOT NULL,
    id TEXT NOT NULL,
    sender TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT,
    answer TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (bucket, id)
) STRICT;

-- Every index of a row that changes often costs each change: no more than are asked by.
-- Ids sort by time, so the tables that grow with every run have theirs first in the key: what is new
-- lies together, whatever its bucket. The runs that are not over are few beside those that are; one
-- process owns every bucket, so they are by state first: those at work lie together too, not each
-- among the waiting ones of its bucket.
CREATE INDEX run_open ON run (state, bucket, id) WHERE ended_at IS NULL;
CREATE INDEX run_ended ON run (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX run_workflow ON run (workspace, workflow, id);
CREATE INDEX wait_topic ON wait (bucket, topic);
-- A bucket's next timers, and all buckets' (a host that owns them all asks once).
CREATE INDEX timer_due ON timer (bucket, due);
CREATE INDEX timer_due_of_all ON timer (due);
CREATE INDEX event_contact ON event (contact) WHERE contact IS NOT NULL;
CREATE INDEX message_state ON message (bucket, state);
CREATE INDEX message_list ON message (workspace, created_at);
CREATE INDEX message_contact ON message (bucket, contact, created_at) WHERE contact IS NOT NULL;
-- `run show` lists the messages of a run.
CREATE INDEX message_run ON message (run) WHERE run IS NOT NULL;
CREATE INDEX contact_list ON contact (workspace, created_at);
CREATE INDEX decision_contact ON decision (bucket, contact);
CREATE INDEX inbound_list ON inbound (workspace, state, at);
-- Pruning.
CREATE INDEX seen_at ON seen (at);
CREATE INDEX idempotency_at ON idempotency (at);

-- Bytes by their digest: plugins.
CREATE TABLE blob (
    digest TEXT NOT NULL PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;

-- Facts of the database itself: `buckets`, how many there are, is never changed.
CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- Who works on it. The lease says who lives, the epoch who may write.
CREATE TABLE host (
    id TEXT NOT NULL PRIMARY KEY,
    epoch INTEGER NOT NULL,
    lease_until INTEGER NOT NULL
) STRICT;

CREATE TABLE buckets (
    bucket INTEGER NOT NULL PRIMARY KEY,
    owner TEXT,
    epoch INTEGER NOT NULL
) STRICT;
