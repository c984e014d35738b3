-- Web servers that are told of events, how they do, and what is on its way to them.
CREATE TABLE subscription (
    workspace text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    url text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    enabled boolean NOT NULL,
    wanted json,
    previous_until bigint,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (workspace, id)
);

CREATE TABLE subscription_health (
    workspace text COLLATE "C" NOT NULL,
    subscription text COLLATE "C" NOT NULL,
    failing_since bigint NOT NULL,
    disabled_at bigint,
    reason text COLLATE "C",
    PRIMARY KEY (workspace, subscription)
);

CREATE TABLE delivery (
    bucket bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    subscription text COLLATE "C" NOT NULL,
    event text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    contact text COLLATE "C",
    state text COLLATE "C" NOT NULL,
    due bigint NOT NULL,
    data json,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    done_at bigint,
    PRIMARY KEY (bucket, id)
);
CREATE INDEX delivery_open ON delivery (subscription, id) WHERE done_at IS NULL;
CREATE INDEX delivery_list ON delivery (subscription, id);
CREATE INDEX delivery_state ON delivery (subscription, state, id);
CREATE INDEX delivery_contact ON delivery (bucket, contact) WHERE contact IS NOT NULL;
