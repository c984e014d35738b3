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
