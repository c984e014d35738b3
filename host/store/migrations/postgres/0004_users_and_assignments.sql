-- Users and teams of a workspace, who has which contact, and who waits for somebody.
CREATE TABLE workspace_user (
    workspace text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    email text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL,
    presence text COLLATE "C" NOT NULL,
    data json,
    created_at bigint NOT NULL,
    PRIMARY KEY (workspace, id)
);

CREATE TABLE team (
    workspace text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    members json,
    created_at bigint NOT NULL,
    PRIMARY KEY (workspace, name)
);

CREATE TABLE assignment (
    bucket bigint NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    contact text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    assignee text COLLATE "C",
    place text COLLATE "C",
    rank bigint NOT NULL,
    revision bigint NOT NULL,
    data json,
    at bigint NOT NULL,
    PRIMARY KEY (bucket, workspace, contact)
);

CREATE TABLE turn (
    bucket bigint NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    scope text COLLATE "C" NOT NULL,
    assignee text COLLATE "C" NOT NULL,
    open_contacts bigint NOT NULL,
    completed bigint NOT NULL,
    last_at bigint NOT NULL,
    PRIMARY KEY (bucket, workspace, scope, assignee)
);

CREATE UNIQUE INDEX workspace_user_email ON workspace_user (workspace, email);
CREATE INDEX assignment_state ON assignment (bucket, state, workspace, rank);
CREATE INDEX assignment_queue ON assignment (workspace, rank) WHERE place IS NOT NULL;
