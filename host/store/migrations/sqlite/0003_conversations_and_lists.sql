-- Conversations with contacts, comments in them, and lists of contacts.
CREATE TABLE conversation (
    bucket INTEGER NOT NULL,
    id TEXT NOT NULL,
    workspace TEXT NOT NULL,
    contact TEXT NOT NULL,
    state TEXT NOT NULL,
    data TEXT,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER,
    PRIMARY KEY (bucket, id)
) STRICT;

CREATE TABLE comment (
    bucket INTEGER NOT NULL,
    id TEXT NOT NULL,
    workspace TEXT NOT NULL,
    contact TEXT NOT NULL,
    conversation TEXT,
    author TEXT NOT NULL,
    text TEXT NOT NULL,
    data TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (bucket, id)
) STRICT;

CREATE TABLE list (
    workspace TEXT NOT NULL,
    name TEXT NOT NULL,
    id TEXT NOT NULL,
    title TEXT NOT NULL,
    description TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, name)
) STRICT;

CREATE TABLE list_member (
    bucket INTEGER NOT NULL,
    workspace TEXT NOT NULL,
    list TEXT NOT NULL,
    contact TEXT NOT NULL,
    source TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (bucket, workspace, list, contact)
) STRICT;

CREATE INDEX conversation_list ON conversation (workspace, id);
CREATE INDEX conversation_state ON conversation (workspace, state, id);
CREATE INDEX conversation_contact ON conversation (bucket, contact, id);
CREATE INDEX comment_contact ON comment (bucket, contact, id);
CREATE INDEX list_member_list ON list_member (workspace, list, contact);
CREATE INDEX list_member_contact ON list_member (bucket, contact);
