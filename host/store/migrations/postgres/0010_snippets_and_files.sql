-- Texts that are put into others.
CREATE TABLE snippet (
    workspace text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    topic text COLLATE "C",
    text text COLLATE "C" NOT NULL,
    attachments json,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (workspace, name)
);

-- Files of a workspace, and their bytes.
CREATE TABLE workspace_file (
    workspace text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    token text COLLATE "C" NOT NULL,
    content_type text COLLATE "C" NOT NULL,
    size bigint NOT NULL,
    digest text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (workspace, name)
);

CREATE TABLE file_chunk (
    workspace text COLLATE "C" NOT NULL,
    file text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    bytes text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (workspace, file, seq)
);

CREATE INDEX workspace_file_token ON workspace_file (token);
