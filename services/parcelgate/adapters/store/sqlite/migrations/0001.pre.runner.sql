-- What the runner keeps for every service: inbox, outbox, retries, dead letters, delivery logs, data keys.
CREATE TABLE inbox (
    consumer TEXT NOT NULL,
    message_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (consumer, message_id)
) WITHOUT ROWID;

CREATE TABLE outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE,
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    body BLOB NOT NULL
);

CREATE TABLE retry (
    consumer TEXT NOT NULL,
    message_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    body BLOB NOT NULL,
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (consumer, message_id)
) WITHOUT ROWID;
CREATE INDEX retry_due ON retry (consumer, next_at);

CREATE TABLE dead_letter (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    consumer TEXT NOT NULL,
    message_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    body BLOB NOT NULL,
    faults BLOB NOT NULL,
    at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    UNIQUE (consumer, message_id)
);

CREATE TABLE delivery_count (
    partner TEXT NOT NULL,
    environment TEXT NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (partner, environment)
) WITHOUT ROWID;

CREATE TABLE delivery_log (
    partner TEXT NOT NULL,
    environment TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    response_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    body BLOB NOT NULL,
    head BLOB NOT NULL,
    data_key TEXT NOT NULL,
    -- Of the declaration that it answers; 0 if it answers none.
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (partner, environment, sequence)
) WITHOUT ROWID;
-- An id begins with that of its declaration, so what was said of one declaration lies together.
CREATE UNIQUE INDEX delivery_once ON delivery_log (partner, environment, response_id);

CREATE TABLE data_key (
    id TEXT PRIMARY KEY,
    wrapped BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE bus_message (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL,
    message_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (queue, message_id)
);
