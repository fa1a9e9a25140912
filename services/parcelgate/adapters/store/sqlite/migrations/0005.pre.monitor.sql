-- What the monitor keeps: facts as they came, the newest state of items and interchanges, faults, and counts.
CREATE TABLE monitor_batch (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    body BLOB NOT NULL
);

-- Whoever changes items and counts exchanges the token, so that two of them cannot compute from the same state.
CREATE TABLE monitor_turn (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    token TEXT NOT NULL
);
INSERT INTO monitor_turn VALUES (1, '');

-- Marks begin with the version (6 digits) and, for decisions, the time (16 digits), so that the greatest is the newest.
-- Stage marks tell how far each case of the newest version, and the version itself (no name), has come, as name:mark.
-- Batches are ids of monitor_batch with a blank between them.
CREATE TABLE monitor_item (
    id TEXT NOT NULL UNIQUE,
    environment TEXT NOT NULL,
    partner TEXT NOT NULL,
    item TEXT NOT NULL,
    item_key TEXT NOT NULL,
    version INTEGER NOT NULL,
    stage INTEGER NOT NULL,
    security_mark TEXT NOT NULL,
    fiscal_mark TEXT NOT NULL,
    destination_mark TEXT NOT NULL,
    receipt_mark TEXT NOT NULL,
    first_seen_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    stage_marks TEXT NOT NULL,
    batches TEXT NOT NULL
);
CREATE INDEX monitor_item_key ON monitor_item (item_key);

CREATE TABLE monitor_interchange (
    receipt TEXT NOT NULL UNIQUE,
    environment TEXT NOT NULL,
    partner TEXT NOT NULL,
    reference TEXT NOT NULL,
    format TEXT NOT NULL,
    file_name TEXT NOT NULL,
    state INTEGER NOT NULL,
    first_seen_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    batches TEXT NOT NULL
);
CREATE INDEX monitor_interchange_reference ON monitor_interchange (reference);
CREATE INDEX monitor_interchange_file_name ON monitor_interchange (file_name);
CREATE INDEX monitor_interchange_newest ON monitor_interchange (environment, first_seen_at);
CREATE INDEX monitor_interchange_newest_own ON monitor_interchange (environment, partner, first_seen_at);

-- What an interchange brought: outcome is accepted, unchanged or rejected. A row is of one item, or of many that were
-- seen together: ids with a blank between them, and the first of them. Amount is 0 if another row may hold the item too.
CREATE TABLE monitor_membership (
    receipt TEXT NOT NULL,
    first_subject TEXT NOT NULL,
    outcome TEXT NOT NULL,
    subjects TEXT NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (receipt, first_subject, outcome)
);

CREATE TABLE monitor_fault (
    fact TEXT NOT NULL,
    number INTEGER NOT NULL,
    environment TEXT NOT NULL,
    partner TEXT NOT NULL,
    receipt TEXT NOT NULL,
    subject TEXT NOT NULL,
    code TEXT NOT NULL,
    severity INTEGER NOT NULL,
    at INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (fact, number)
) WITHOUT ROWID;
CREATE INDEX monitor_fault_receipt ON monitor_fault (receipt);
CREATE INDEX monitor_fault_code ON monitor_fault (environment, code, at);

-- Counts by dimension: stage (name empty), security and fiscal (name: destination), fault (name: severity).
CREATE TABLE monitor_count (
    environment TEXT NOT NULL,
    partner TEXT NOT NULL,
    dimension TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (environment, partner, dimension, name, value)
) WITHOUT ROWID;
