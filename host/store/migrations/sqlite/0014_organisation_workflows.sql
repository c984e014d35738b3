-- Workflows of an organisation, and which workflows of a workspace are copies of one.
ALTER TABLE workflow ADD COLUMN organisation TEXT;
CREATE TABLE organisation_workflow (
    organisation TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    source TEXT NOT NULL,
    workspaces TEXT,
    priority INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (organisation, name)
) STRICT;
