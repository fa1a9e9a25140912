-- What the router keeps: declarations with their cases, their versions, decisions, and reports that wait for their item.
-- Cases are lines: authority, procedure, way, hours until the deadline, version, round, state.
CREATE SCHEMA router;

CREATE TABLE router.declaration (
    id text COLLATE "C" PRIMARY KEY,
    environment text COLLATE "C" NOT NULL,
    identifier text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    state text COLLATE "C" NOT NULL,
    destination text COLLATE "C" NOT NULL,
    cases text COLLATE "C" NOT NULL,
    revision bigint NOT NULL
) WITH (fillfactor = 90);
CREATE INDEX declaration_item ON router.declaration (identifier);

CREATE TABLE router.version (
    declaration_id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    state text COLLATE "C" NOT NULL,
    head bytea NOT NULL,
    data_key text COLLATE "C" NOT NULL,
    -- Those that were made in the step that brought the version; DecisionBatch.
    decisions bytea NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (declaration_id, version)
) WITH (toast_tuple_target = 8160);
ALTER TABLE router.version ALTER COLUMN head SET STORAGE EXTERNAL, ALTER COLUMN decisions SET STORAGE EXTERNAL,
    ALTER COLUMN sealed SET STORAGE EXTERNAL;

-- What parked (waits_for) and pending (deadline_at) cases wait for.
CREATE TABLE router.wait (
    case_id text COLLATE "C" PRIMARY KEY,
    declaration_id text COLLATE "C" NOT NULL,
    waits_for text COLLATE "C" NOT NULL,
    away smallint NOT NULL,
    attempts bigint NOT NULL,
    next_at bigint NOT NULL,
    deadline_at bigint NOT NULL,
    assessment bytea
) WITH (fillfactor = 90);
ALTER TABLE router.wait ALTER COLUMN assessment SET STORAGE EXTERNAL;
CREATE INDEX wait_declaration ON router.wait (declaration_id);
CREATE INDEX wait_parked ON router.wait (waits_for, next_at) WHERE waits_for <> '';
CREATE INDEX wait_pending ON router.wait (deadline_at) WHERE deadline_at > 0;

-- Decisions that were made later than in the step that brought the version.
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
