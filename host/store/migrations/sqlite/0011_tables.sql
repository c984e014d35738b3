-- Tables that workflows add rows to.
CREATE TABLE data_table (
    workspace TEXT NOT NULL,
    name TEXT NOT NULL,
    id TEXT NOT NULL,
    title TEXT NOT NULL,
    columns TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (workspace, name)
) STRICT;

CREATE TABLE data_row (
    bucket INTEGER NOT NULL,
    id TEXT NOT NULL,
    workspace TEXT NOT NULL,
    in_table TEXT NOT NULL,
    contact TEXT,
    cells TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (bucket, id)
) STRICT;

CREATE INDEX data_row_list ON data_row (workspace, in_table, id);
CREATE INDEX data_row_contact ON data_row (contact) WHERE contact IS NOT NULL;
