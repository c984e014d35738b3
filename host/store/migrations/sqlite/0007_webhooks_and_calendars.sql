-- Web addresses of workflows: found by what nobody can guess.
CREATE TABLE webhook (
    workspace TEXT NOT NULL,
    workflow TEXT NOT NULL,
    token TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, workflow)
) STRICT;
CREATE INDEX webhook_token ON webhook (token);

-- Business hours by name.
CREATE TABLE calendar (
    workspace TEXT NOT NULL,
    name TEXT NOT NULL,
    title TEXT NOT NULL,
    hours TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, name)
) STRICT;
