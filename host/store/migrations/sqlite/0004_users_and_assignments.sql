-- Users and teams of a workspace, who has which contact, and who waits for somebody.
CREATE TABLE workspace_user (
    workspace TEXT NOT NULL,
    id TEXT NOT NULL,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    presence TEXT NOT NULL,
    data TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, id)
) STRICT;

CREATE TABLE team (
    workspace TEXT NOT NULL,
    name TEXT NOT NULL,
    title TEXT NOT NULL,
    members TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, name)
) STRICT;

CREATE TABLE assignment (
    bucket INTEGER NOT NULL,
    workspace TEXT NOT NULL,
    contact TEXT NOT NULL,
    state TEXT NOT NULL,
    assignee TEXT,
    place TEXT,
    rank INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    data TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (bucket, workspace, contact)
) STRICT;

CREATE TABLE turn (
    bucket INTEGER NOT NULL,
    workspace TEXT NOT NULL,
    scope TEXT NOT NULL,
    assignee TEXT NOT NULL,
    open_contacts INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (bucket, workspace, scope, assignee)
) STRICT;

CREATE UNIQUE INDEX workspace_user_email ON workspace_user (workspace, email);
CREATE INDEX assignment_state ON assignment (bucket, state, workspace, rank);
CREATE INDEX assignment_queue ON assignment (workspace, rank) WHERE place IS NOT NULL;
