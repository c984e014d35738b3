-- What became of contacts that another has absorbed: their ids lead to it.
CREATE TABLE merged_contact (
    bucket INTEGER NOT NULL,
    id TEXT NOT NULL,
    workspace TEXT NOT NULL,
    absorbed_by TEXT NOT NULL,
    data TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (bucket, id)
) STRICT;

-- The addresses of a contact lie in many buckets.
CREATE INDEX identity_contact ON identity (contact);
