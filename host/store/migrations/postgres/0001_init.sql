-- The tables are those of records.rs, column by column; a test holds that. A JSON null is NULL.
--
-- Text is COLLATE "C" wherever it stands in a record, so that it compares and sorts by its bytes, as
-- on SQLite, whatever the language of the server. JSON documents are `json`, not `jsonb`: `jsonb`
-- gives keys back in another order (the steps of a workflow follow one another in the order of its
-- document) and numbers in another form (1e16 as 10000000000000000); the store never looks into
-- them, and `json` keeps them letter by letter and is quicker to write.
--
-- `bucket` stands first in every key of a bucketed table, there are no triggers and no unique keys
-- without it, so that the tables can be distributed by bucket (Citus).
--
-- A fillfactor below 100 leaves room for the next version of a row beside it: an update that touches
-- no index then writes none (HOT).

CREATE TABLE workspace (
    id text COLLATE "C" NOT NULL,
    organisation text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    settings json,
    created_at bigint NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE api_key (
    id text COLLATE "C" NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    hash text COLLATE "C" NOT NULL,
    scopes json,
    created_at bigint NOT NULL,
    expires_at bigint,
    revoked_at bigint,
    PRIMARY KEY (id)
);

CREATE TABLE workflow (
    workspace text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    version bigint,
    priority bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (workspace, name)
);

CREATE TABLE workflow_version (
    workspace text COLLATE "C" NOT NULL,
    workflow text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    source text COLLATE "C" NOT NULL,
    document json,
    pins json,
    published_at bigint NOT NULL,
    PRIMARY KEY (workspace, workflow, version)
);

CREATE TABLE plugin (
    digest text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    descriptor json,
    asked json,
    approved json,
    size bigint NOT NULL,
    installed_at bigint NOT NULL,
    removed_at bigint,
    PRIMARY KEY (digest)
);

CREATE TABLE channel (
    workspace text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    connector text COLLATE "C" NOT NULL,
    digest text COLLATE "C" NOT NULL,
    settings json,
    state text COLLATE "C" NOT NULL,
    reason text COLLATE "C",
    uncertain text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (workspace, id)
);

CREATE TABLE secret (
    workspace text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    sealed text COLLATE "C" NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (workspace, owner, name)
);

CREATE TABLE template (
    workspace text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    subject text COLLATE "C",
    html text COLLATE "C" NOT NULL,
    text text COLLATE "C",
    updated_at bigint NOT NULL,
    PRIMARY KEY (workspace, name)
);

CREATE TABLE contact_field (
    workspace text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    options json,
    created_at bigint NOT NULL,
    PRIMARY KEY (workspace, name)
);

CREATE TABLE event (
    bucket bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    contact text COLLATE "C",
    subject text COLLATE "C",
    data json,
    source text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (id, bucket)
);

CREATE TABLE run (
    bucket bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    workflow text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    state text COLLATE "C" NOT NULL,
    contact text COLLATE "C",
    event text COLLATE "C",
    step text COLLATE "C",
    reason text COLLATE "C",
    data json,
    seq bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    ended_at bigint,
    PRIMARY KEY (id, bucket)
) WITH (fillfactor = 80);

CREATE TABLE journal (
    bucket bigint NOT NULL,
    run text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    step text COLLATE "C",
    data json,
    at bigint NOT NULL,
    PRIMARY KEY (run, seq, bucket)
);

CREATE TABLE wait (
    bucket bigint NOT NULL,
    run text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    topic text COLLATE "C" NOT NULL,
    claim boolean NOT NULL,
    condition json,
    at bigint NOT NULL,
    PRIMARY KEY (bucket, run, seq)
);

CREATE TABLE timer (
    bucket bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    due bigint NOT NULL,
    PRIMARY KEY (bucket, id)
);

CREATE TABLE contact (
    bucket bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    name text COLLATE "C",
    phone text COLLATE "C",
    email text COLLATE "C",
    data json,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (bucket, id)
) WITH (fillfactor = 80);

CREATE TABLE identity (
    bucket bigint NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    contact text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (bucket, workspace, kind, value)
);

CREATE TABLE message (
    bucket bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    channel text COLLATE "C" NOT NULL,
    direction text COLLATE "C" NOT NULL,
    contact text COLLATE "C",
    run text COLLATE "C",
    address text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    reason text COLLATE "C",
    provider_id text COLLATE "C",
    data json,
    attempts bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (bucket, id)
) WITH (fillfactor = 80);

CREATE TABLE provider_ref (
    bucket bigint NOT NULL,
    channel text COLLATE "C" NOT NULL,
    provider_id text COLLATE "C" NOT NULL,
    message text COLLATE "C",
    early json,
    created_at bigint NOT NULL,
    PRIMARY KEY (bucket, channel, provider_id)
);

CREATE TABLE seen (
    bucket bigint NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    scope text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (bucket, workspace, scope, key)
);

CREATE TABLE idempotency (
    bucket bigint NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    fingerprint text COLLATE "C" NOT NULL,
    answer json,
    at bigint NOT NULL,
    PRIMARY KEY (bucket, workspace, key)
);

CREATE TABLE opt_out (
    bucket bigint NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    address text COLLATE "C" NOT NULL,
    scope text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    text text COLLATE "C",
    at bigint NOT NULL,
    cleared_at bigint,
    PRIMARY KEY (bucket, workspace, address, scope)
);

CREATE TABLE enrolment (
    bucket bigint NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    workflow text COLLATE "C" NOT NULL,
    contact text COLLATE "C" NOT NULL,
    run text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (bucket, workspace, workflow, contact)
);

CREATE TABLE decision (
    bucket bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    contact text COLLATE "C",
    kind text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    workflow text COLLATE "C",
    reason text COLLATE "C" NOT NULL,
    detail json,
    at bigint NOT NULL,
    PRIMARY KEY (id, bucket)
);

CREATE TABLE inbound (
    bucket bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    channel text COLLATE "C" NOT NULL,
    request json,
    error json,
    state text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (bucket, id)
);

CREATE TABLE parcel (
    bucket bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    sender text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    body json,
    answer json,
    at bigint NOT NULL,
    PRIMARY KEY (bucket, id)
);

-- Every index of a row that changes often costs each change: no more than are asked by.
-- Ids sort by time, so the tables that grow with every run have theirs first in the key: what is new
-- lies together, whatever its bucket. The runs that are not over are few beside those that are.
CREATE INDEX run_open ON run (bucket, state, id) WHERE ended_at IS NULL;
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
    digest text COLLATE "C" NOT NULL PRIMARY KEY,
    bytes bytea NOT NULL
);

-- Facts of the database itself: `buckets`, how many there are, is never changed; `revision` grows
-- with every change of a control record.
CREATE TABLE meta (
    key text COLLATE "C" NOT NULL PRIMARY KEY,
    value text COLLATE "C" NOT NULL
);

-- Who works on it. The lease says who lives, the epoch who may write.
CREATE TABLE host (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    epoch bigint NOT NULL,
    lease_until bigint NOT NULL
);

CREATE TABLE buckets (
    bucket bigint NOT NULL PRIMARY KEY,
    owner text COLLATE "C",
    epoch bigint NOT NULL
);
