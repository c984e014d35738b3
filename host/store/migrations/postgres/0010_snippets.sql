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
