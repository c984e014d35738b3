-- Who owns workspaces. Until now an organisation was a word in its workspaces.
CREATE TABLE organisation (
    id TEXT NOT NULL,
    title TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (id)
) STRICT;
INSERT INTO organisation (id, title, created_at)
    SELECT organisation, organisation, min(created_at) FROM workspace GROUP BY organisation;
