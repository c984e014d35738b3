-- Who owns workspaces. Until now an organisation was a word in its workspaces.
CREATE TABLE organisation (
    id text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (id)
);
INSERT INTO organisation (id, title, created_at)
    SELECT organisation, organisation, min(created_at) FROM workspace GROUP BY organisation;
