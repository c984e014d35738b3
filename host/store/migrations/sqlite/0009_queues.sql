-- How many may wait for a team, which queue a contact waits in, and how its places end.
ALTER TABLE team ADD COLUMN max_waiting INTEGER;
ALTER TABLE assignment ADD COLUMN queue TEXT;

CREATE TABLE queue_slot (
    bucket INTEGER NOT NULL,
    workspace TEXT NOT NULL,
    queue TEXT NOT NULL,
    at INTEGER NOT NULL,
    attended INTEGER NOT NULL,
    attended_late INTEGER NOT NULL,
    abandoned INTEGER NOT NULL,
    abandoned_late INTEGER NOT NULL,
    waited INTEGER NOT NULL,
    PRIMARY KEY (bucket, workspace, queue, at)
) STRICT;

CREATE INDEX assignment_waiting ON assignment (bucket, workspace, queue) WHERE place IS NOT NULL;
