-- What the router keeps: declarations with their cases, their versions, decisions, and reports that wait for their item.
-- Cases are lines: authority, procedure, way, hours until the deadline, version, round, state.
CREATE TABLE router_declaration (
    id TEXT PRIMARY KEY,
    environment TEXT NOT NULL,
    identifier TEXT NOT NULL,
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    destination TEXT NOT NULL,
    cases TEXT NOT NULL,
    revision INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX router_declaration_item ON router_declaration (identifier, environment);

CREATE TABLE router_version (
    declaration_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    head BLOB NOT NULL,
    data_key TEXT NOT NULL,
    -- Those that were made in the step that brought the version; DecisionBatch.
    decisions BLOB NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (declaration_id, version)
);

-- What parked (waits_for) and pending (deadline_at) cases wait for.
CREATE TABLE router_wait (
    case_id TEXT PRIMARY KEY,
    declaration_id TEXT NOT NULL,
    waits_for TEXT NOT NULL,
    away INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    deadline_at INTEGER NOT NULL,
    assessment BLOB
) WITHOUT ROWID;
CREATE INDEX router_wait_declaration ON router_wait (declaration_id);
CREATE INDEX router_wait_parked ON router_wait (waits_for, next_at) WHERE waits_for <> '';
CREATE INDEX router_wait_pending ON router_wait (deadline_at) WHERE deadline_at > 0;

-- Decisions that were made later than in the step that brought the version.
CREATE TABLE router_decision (
    environment TEXT NOT NULL,
    authority TEXT NOT NULL,
    decision_id TEXT NOT NULL,
    case_id TEXT NOT NULL,
    judged_version INTEGER NOT NULL,
    stage INTEGER NOT NULL,
    code INTEGER NOT NULL,
    at INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (environment, authority, decision_id)
);
CREATE INDEX router_decision_case ON router_decision (case_id);

CREATE TABLE router_report (
    environment TEXT NOT NULL,
    authority TEXT NOT NULL,
    decision_id TEXT NOT NULL,
    place TEXT NOT NULL,
    state TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (environment, authority, decision_id)
);
CREATE INDEX router_report_place ON router_report (place);
CREATE INDEX router_report_received ON router_report (received_at);
