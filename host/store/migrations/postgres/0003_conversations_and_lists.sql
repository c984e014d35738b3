-- Conversations with contacts, comments in them, and lists of contacts.
CREATE TABLE conversation (
    bucket bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    contact text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    data json,
    opened_at bigint NOT NULL,
    closed_at bigint,
    PRIMARY KEY (bucket, id)
);

CREATE TABLE comment (
    bucket bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    contact text COLLATE "C" NOT NULL,
    conversation text COLLATE "C",
    author text COLLATE "C" NOT NULL,
    text text COLLATE "C" NOT NULL,
    data json,
    at bigint NOT NULL,
    PRIMARY KEY (bucket, id)
);

CREATE TABLE list (
    workspace text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    description text COLLATE "C",
    created_at bigint NOT NULL,
    PRIMARY KEY (workspace, name)
);

CREATE TABLE list_member (
    bucket bigint NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    list text COLLATE "C" NOT NULL,
    contact text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (bucket, workspace, list, contact)
);

CREATE INDEX conversation_list ON conversation (workspace, id);
CREATE INDEX conversation_state ON conversation (workspace, state, id);
CREATE INDEX conversation_contact ON conversation (bucket, contact, id);
CREATE INDEX comment_contact ON comment (bucket, contact, id);
CREATE INDEX list_member_list ON list_member (workspace, list, contact);
CREATE INDEX list_member_contact ON list_member (bucket, contact);
