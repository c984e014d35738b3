-- Triggers that start workflows by themselves: schedules, and how far each has come.
CREATE TABLE schedule (
    workspace TEXT NOT NULL,
    workflow TEXT NOT NULL,
    place INTEGER NOT NULL,
    cron TEXT NOT NULL,
    time_zone TEXT,
    list TEXT,
    since INTEGER NOT NULL,
    PRIMARY KEY (workspace, workflow, place)
) STRICT;

CREATE TABLE firing (
    bucket INTEGER NOT NULL,
    workspace TEXT NOT NULL,
    workflow TEXT NOT NULL,
    place INTEGER NOT NULL,
    due INTEGER NOT NULL,
    missed INTEGER NOT NULL,
    open INTEGER NOT NULL,
    reached TEXT,
    contacts INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (bucket, workspace, workflow, place)
) STRICT;
