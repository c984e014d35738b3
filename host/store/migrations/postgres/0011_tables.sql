-- Tables that workflows add rows to.
CREATE TABLE data_table (
    workspace text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    columns json,
    created_at bigint NOT NULL,
    PRIMARY KEY (workspace, name)
);

CREATE TABLE data_row (
    bucket bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    in_table text COLLATE "C" NOT NULL,
    contact text COLLATE "C",
    cells json,
    at bigint NOT NULL,
    PRIMARY KEY (bucket, id)
);

CREATE INDEX data_row_list ON data_row (workspace, in_table, id);
CREATE INDEX data_row_contact ON data_row (contact) WHERE contact IS NOT NULL;
