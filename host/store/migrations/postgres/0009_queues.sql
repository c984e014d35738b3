-- How many may wait for a team, which queue a contact waits in, and how its places end.
ALTER TABLE team ADD COLUMN max_waiting bigint;
ALTER TABLE assignment ADD COLUMN queue text COLLATE "C";

CREATE TABLE queue_slot (
    bucket bigint NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    queue text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    attended bigint NOT NULL,
    attended_late bigint NOT NULL,
    abandoned bigint NOT NULL,
    abandoned_late bigint NOT NULL,
    waited bigint NOT NULL,
    PRIMARY KEY (bucket, workspace, queue, at)
);

CREATE INDEX assignment_waiting ON assignment (bucket, workspace, queue) WHERE place IS NOT NULL;
