-- Triggers that start workflows by themselves: schedules, and how far each has come.
CREATE TABLE schedule (
    workspace text COLLATE "C" NOT NULL,
    workflow text COLLATE "C" NOT NULL,
    place bigint NOT NULL,
    cron text COLLATE "C" NOT NULL,
    time_zone text COLLATE "C",
    list text COLLATE "C",
    since bigint NOT NULL,
    PRIMARY KEY (workspace, workflow, place)
);

CREATE TABLE firing (
    bucket bigint NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    workflow text COLLATE "C" NOT NULL,
    place bigint NOT NULL,
    due bigint NOT NULL,
    missed bigint NOT NULL,
    open boolean NOT NULL,
    reached text COLLATE "C",
    contacts bigint NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (bucket, workspace, workflow, place)
);
