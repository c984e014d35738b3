-- Web addresses of workflows: found by what nobody can guess.
CREATE TABLE webhook (
    workspace text COLLATE "C" NOT NULL,
    workflow text COLLATE "C" NOT NULL,
    token text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (workspace, workflow)
);
CREATE INDEX webhook_token ON webhook (token);

-- Business hours by name.
CREATE TABLE calendar (
    workspace text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    hours json,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (workspace, name)
);
