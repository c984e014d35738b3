-- Workflows of an organisation, and which workflows of a workspace are copies of one.
ALTER TABLE workflow ADD COLUMN organisation text COLLATE "C";
CREATE TABLE organisation_workflow (
    organisation text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    workspaces json,
    priority bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (organisation, name)
);
