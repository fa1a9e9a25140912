-- What the monitor keeps: facts as they came, the newest state of items and interchanges, faults, and counts.
CREATE SCHEMA monitor;

CREATE TABLE monitor.batch (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    body bytea NOT NULL
);
ALTER TABLE monitor.batch ALTER COLUMN body SET STORAGE EXTERNAL;

-- Whoever changes items and counts exchanges the token, so that two of them cannot compute from the same state. Its
-- row is locked until the commit, so that positions of batches are given in the order of the commits.
CREATE TABLE monitor.turn (
    id integer PRIMARY KEY CHECK (id = 1),
    token text COLLATE "C" NOT NULL
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
INSERT INTO monitor.turn VALUES (1, '');

-- Marks begin with the version (6 digits) and, for decisions, the time (16 digits), so that the greatest is the newest.
-- Stage marks tell how far each case of the newest version, and the version itself (no name), has come, as name:mark.
-- Batches are ids of monitor.batch with a blank between them.
-- An item is moved a few times within seconds: half of each page is kept for that, so that no index changes.
CREATE TABLE monitor.item (
    id text COLLATE "C" PRIMARY KEY,
    environment text COLLATE "C" NOT NULL,
    partner text COLLATE "C" NOT NULL,
    item text COLLATE "C" NOT NULL,
    item_key text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    stage integer NOT NULL,
    security_mark text COLLATE "C" NOT NULL,
    fiscal_mark text COLLATE "C" NOT NULL,
    destination_mark text COLLATE "C" NOT NULL,
    receipt_mark text COLLATE "C" NOT NULL,
    first_seen_at bigint NOT NULL,
    last_seen_at bigint NOT NULL,
    stage_marks text COLLATE "C" NOT NULL,
    batches text COLLATE "C" NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX item_key ON monitor.item (item_key);

CREATE TABLE monitor.interchange (
    receipt text COLLATE "C" PRIMARY KEY,
    environment text COLLATE "C" NOT NULL,
    partner text COLLATE "C" NOT NULL,
    reference text COLLATE "C" NOT NULL,
    format text COLLATE "C" NOT NULL,
    file_name text COLLATE "C" NOT NULL,
    state integer NOT NULL,
    first_seen_at bigint NOT NULL,
    last_seen_at bigint NOT NULL,
    batches text COLLATE "C" NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX interchange_reference ON monitor.interchange (reference);
CREATE INDEX interchange_file_name ON monitor.interchange (file_name);
CREATE INDEX interchange_newest ON monitor.interchange (environment, first_seen_at DESC, receipt);
CREATE INDEX interchange_newest_own ON monitor.interchange (environment, partner, first_seen_at DESC, receipt);

-- What an interchange brought: outcome is accepted, unchanged or rejected. A row is of one item, or of many that were
-- seen together: ids with a blank between them, and the first of them. Amount is 0 if another row may hold the item too.
CREATE TABLE monitor.membership (
    receipt text COLLATE "C" NOT NULL,
    first_subject text COLLATE "C" NOT NULL,
    outcome text COLLATE "C" NOT NULL,
    subjects text COLLATE "C" NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (receipt, first_subject, outcome)
);
ALTER TABLE monitor.membership ALTER COLUMN subjects SET STORAGE EXTERNAL;

CREATE TABLE monitor.fault (
    fact text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    environment text COLLATE "C" NOT NULL,
    partner text COLLATE "C" NOT NULL,
    receipt text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    code text COLLATE "C" NOT NULL,
    severity integer NOT NULL,
    at bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (fact, number)
);
CREATE INDEX fault_receipt ON monitor.fault (receipt);
CREATE INDEX fault_code ON monitor.fault (environment, code, at, fact, number);

-- Counts by dimension: stage (name empty), security and fiscal (name: destination), fault (name: severity).
CREATE TABLE monitor.count (
    environment text COLLATE "C" NOT NULL,
    partner text COLLATE "C" NOT NULL,
    dimension text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (environment, partner, dimension, name, value)
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
