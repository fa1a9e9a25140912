-- What the router keeps: declarations, their versions, cases, decisions, and reports that wait for their item.
CREATE SCHEMA router;

CREATE TABLE router.declaration (
    id text COLLATE "C" PRIMARY KEY,
    environment text COLLATE "C" NOT NULL,
    identifier text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    state text COLLATE "C" NOT NULL,
    destination text COLLATE "C" NOT NULL,
    revision bigint NOT NULL
) WITH (fillfactor = 90);
CREATE INDEX declaration_item ON router.declaration (identifier, environment);

CREATE TABLE router.version (
    declaration_id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    state text COLLATE "C" NOT NULL,
    head bytea NOT NULL,
    data_key text COLLATE "C" NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (declaration_id, version)
) WITH (toast_tuple_target = 8160);
ALTER TABLE router.version ALTER COLUMN head SET STORAGE EXTERNAL, ALTER COLUMN sealed SET STORAGE EXTERNAL;

CREATE TABLE router."case" (
    id text COLLATE "C" PRIMARY KEY,
    declaration_id text COLLATE "C" NOT NULL,
    environment text COLLATE "C" NOT NULL,
    authority text COLLATE "C" NOT NULL,
    procedure integer NOT NULL,
    way text COLLATE "C" NOT NULL,
    deadline_hours bigint NOT NULL,
    version bigint NOT NULL,
    round bigint NOT NULL,
    state text COLLATE "C" NOT NULL,
    waits_for text COLLATE "C" NOT NULL,
    away smallint NOT NULL,
    attempts bigint NOT NULL,
    next_at bigint NOT NULL,
    deadline_at bigint NOT NULL,
    assessment bytea,
    revision bigint NOT NULL
) WITH (fillfactor = 90);
ALTER TABLE router."case" ALTER COLUMN assessment SET STORAGE EXTERNAL;
CREATE INDEX case_declaration ON router."case" (declaration_id);
CREATE INDEX case_parked ON router."case" (waits_for, next_at) WHERE state = 'PARKED';
CREATE INDEX case_pending ON router."case" (deadline_at) WHERE state = 'PENDING';

CREATE TABLE router.decision (
    environment text COLLATE "C" NOT NULL,
    authority text COLLATE "C" NOT NULL,
    decision_id text COLLATE "C" NOT NULL,
    case_id text COLLATE "C" NOT NULL,
    judged_version bigint NOT NULL,
    stage integer NOT NULL,
    code integer NOT NULL,
    at bigint NOT NULL,
    body bytea NOT NULL,
    -- Order of arrival.
    place bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (decision_id, authority, environment)
) WITH (toast_tuple_target = 8160);
ALTER TABLE router.decision ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX decision_case ON router.decision (case_id);

CREATE TABLE router.report (
    environment text COLLATE "C" NOT NULL,
    authority text COLLATE "C" NOT NULL,
    decision_id text COLLATE "C" NOT NULL,
    place text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    received_at bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (decision_id, authority, environment)
);
CREATE INDEX report_place ON router.report (place);
CREATE INDEX report_received ON router.report (received_at);
