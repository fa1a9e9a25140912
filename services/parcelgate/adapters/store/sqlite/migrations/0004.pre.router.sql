-- What the router keeps: declarations, their versions, cases, decisions, and reports that wait for their item.
CREATE TABLE router_declaration (
    id TEXT PRIMARY KEY,
    environment TEXT NOT NULL,
    identifier TEXT NOT NULL,
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    destination TEXT NOT NULL,
    revision INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX router_declaration_item ON router_declaration (identifier, environment);

CREATE TABLE router_version (
    declaration_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    head BLOB NOT NULL,
    data_key TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (declaration_id, version)
);

CREATE TABLE router_case (
    id TEXT PRIMARY KEY,
    declaration_id TEXT NOT NULL,
    environment TEXT NOT NULL,
    authority TEXT NOT NULL,
    procedure INTEGER NOT NULL,
    way TEXT NOT NULL,
    deadline_hours INTEGER NOT NULL,
    version INTEGER NOT NULL,
    round INTEGER NOT NULL,
    state TEXT NOT NULL,
    waits_for TEXT NOT NULL,
    away INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    deadline_at INTEGER NOT NULL,
    assessment BLOB,
    revision INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX router_case_declaration ON router_case (declaration_id);
CREATE INDEX router_case_parked ON router_case (waits_for, next_at) WHERE state = 'PARKED';
CREATE INDEX router_case_pending ON router_case (deadline_at) WHERE state = 'PENDING';

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
