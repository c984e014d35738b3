-- Web servers that are told of events, how they do, and what is on its way to them.
CREATE TABLE subscription (
    workspace TEXT NOT NULL,
    id TEXT NOT NULL,
    url TEXT NOT NULL,
    title TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    wanted TEXT,
    previous_until INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, id)
) STRICT;

CREATE TABLE subscription_health (
    workspace TEXT NOT NULL,
    subscription TEXT NOT NULL,
    failing_since INTEGER NOT NULL,
    disabled_at INTEGER,
    reason TEXT,
    PRIMARY KEY (workspace, subscription)
) STRICT;

CREATE TABLE delivery (
    bucket INTEGER NOT NULL,
    id TEXT NOT NULL,
    workspace TEXT NOT NULL,
    subscription TEXT NOT NULL,
    event TEXT NOT NULL,
    name TEXT NOT NULL,
    contact TEXT,
    state TEXT NOT NULL,
    due INTEGER NOT NULL,
    data TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    done_at INTEGER,
    PRIMARY KEY (bucket, id)
) STRICT;
CREATE INDEX delivery_open ON delivery (subscription, id) WHERE done_at IS NULL;
CREATE INDEX delivery_list ON delivery (subscription, id);
CREATE INDEX delivery_state ON delivery (subscription, state, id);
CREATE INDEX delivery_contact ON delivery (bucket, contact) WHERE contact IS NOT NULL;
