-- Segments, and the order in which contacts are gone through.
CREATE TABLE segment (
    workspace TEXT NOT NULL,
    name TEXT NOT NULL,
    title TEXT NOT NULL,
    description TEXT,
    filter TEXT,
    time_zone TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, name)
) STRICT;

-- Pages are by id, which sorts by time. In the place of those that no query asked by: as many as before.
DROP INDEX contact_list;
CREATE INDEX contact_page ON contact (workspace, id);
DROP INDEX list_member_contact;
CREATE INDEX list_member_of ON list_member (workspace, contact);

-- Files of contacts: what is left of them to do, and what became of their rows.
CREATE TABLE import (
    bucket INTEGER NOT NULL,
    id TEXT NOT NULL,
    workspace TEXT NOT NULL,
    state TEXT NOT NULL,
    pass INTEGER NOT NULL,
    data TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (bucket, id)
) STRICT;

CREATE TABLE import_chunk (
    bucket INTEGER NOT NULL,
    import TEXT NOT NULL,
    seq INTEGER NOT NULL,
    rows TEXT,
    PRIMARY KEY (bucket, import, seq)
) STRICT;

CREATE TABLE import_row (
    bucket INTEGER NOT NULL,
    import TEXT NOT NULL,
    pass INTEGER NOT NULL,
    line INTEGER NOT NULL,
    contact TEXT,
    outcome TEXT NOT NULL,
    code TEXT,
    message TEXT,
    PRIMARY KEY (import, pass, line, bucket)
) STRICT;

CREATE INDEX import_list ON import (workspace, id);
CREATE INDEX import_row_contact ON import_row (contact) WHERE contact IS NOT NULL;

-- Addresses with which nobody talks.
CREATE TABLE blacklist (
    workspace TEXT NOT NULL,
    address TEXT NOT NULL,
    direction TEXT NOT NULL,
    note TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, address)
) STRICT;
