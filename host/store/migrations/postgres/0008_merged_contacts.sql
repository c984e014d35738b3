-- What became of contacts that another has absorbed: their ids lead to it.
CREATE TABLE merged_contact (
    bucket bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    absorbed_by text COLLATE "C" NOT NULL,
    data json,
    at bigint NOT NULL,
    PRIMARY KEY (bucket, id)
);

-- The addresses of a contact lie in many buckets.
CREATE INDEX identity_contact ON identity (contact);
