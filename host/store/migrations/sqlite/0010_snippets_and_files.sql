-- Texts that are put into others.
CREATE TABLE snippet (
    workspace TEXT NOT NULL,
    name TEXT NOT NULL,
    topic TEXT,
    text TEXT NOT NULL,
    attachments TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, name)
) STRICT;

-- Files of a workspace, and their bytes.
CREATE TABLE workspace_file (
    workspace TEXT NOT NULL,
    name TEXT NOT NULL,
    id TEXT NOT NULL,
    token TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    digest TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, name)
) STRICT;

CREATE TABLE file_chunk (
    workspace TEXT NOT NULL,
    file TEXT NOT NULL,
    seq INTEGER NOT NULL,
    bytes TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (workspace, file, seq)
) STRICT;

CREATE INDEX workspace_file_token ON workspace_file (token);
