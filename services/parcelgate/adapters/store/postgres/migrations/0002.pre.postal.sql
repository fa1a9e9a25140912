-- What postal keeps: interchanges with their raw parts and items, versions it assigned, messages handed out.
CREATE SCHEMA postal;

-- Order of arrival of complete interchanges.
CREATE SEQUENCE postal.place;

CREATE TABLE postal.interchange (
    receipt text COLLATE "C" PRIMARY KEY,
    partner text COLLATE "C" NOT NULL,
    environment text COLLATE "C" NOT NULL,
    -- RECEIVING, RECEIVED, TRANSLATED, ROUTED or REJECTED.
    state text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    data_key text COLLATE "C" NOT NULL,
    -- Order of arrival, given when the interchange is complete; 0 before.
    place bigint NOT NULL DEFAULT 0,
    digest text COLLATE "C" NOT NULL DEFAULT '',
    bytes bigint NOT NULL DEFAULT 0,
    parts bigint NOT NULL DEFAULT 0,
    -- 1 while its content and reference may not be used by another interchange.
    holds smallint NOT NULL DEFAULT 0,
    format text COLLATE "C" NOT NULL DEFAULT '',
    reference text COLLATE "C" NOT NULL DEFAULT '',
    items bigint NOT NULL DEFAULT 0,
    accepted bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    unchanged bigint NOT NULL DEFAULT 0,
    -- Number of the last item that was routed.
    routed bigint NOT NULL DEFAULT 0,
    faults bytea NOT NULL DEFAULT '',
    ledger text COLLATE "C" NOT NULL DEFAULT '',
    received_at bigint NOT NULL,
    touched_at bigint NOT NULL,
    -- Which process brings it to its end; when its time is over, any other may take it.
    owner text COLLATE "C" NOT NULL DEFAULT '',
    owned_until bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX interchange_content ON postal.interchange (digest, partner, environment) WHERE holds = 1;
CREATE UNIQUE INDEX interchange_reference ON postal.interchange (reference, partner, environment, format)
    WHERE holds = 1 AND reference <> '';
CREATE INDEX interchange_open ON postal.interchange (place) WHERE state IN ('RECEIVED', 'TRANSLATED');
CREATE INDEX interchange_broken ON postal.interchange (touched_at) WHERE state = 'RECEIVING';
CREATE INDEX interchange_digest ON postal.interchange (digest);

CREATE TABLE postal.part (
    receipt text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (receipt, number)
);
ALTER TABLE postal.part ALTER COLUMN body SET STORAGE EXTERNAL;

-- Written as read, and once more when it is judged: half of each page is kept for that, so that no index changes.
CREATE TABLE postal.item (
    receipt text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    identifier text COLLATE "C" NOT NULL,
    -- READ, ACCEPTED, UNCHANGED or REJECTED.
    status text COLLATE "C" NOT NULL,
    declaration_id text COLLATE "C" NOT NULL,
    -- Declaration without its item and version.
    declaration bytea NOT NULL,
    -- Sealed with the interchange's data key.
    item bytea NOT NULL,
    destination text COLLATE "C" NOT NULL,
    version bigint NOT NULL DEFAULT 0,
    faults bytea NOT NULL,
    -- Where an unchanged item was accepted first; the item itself otherwise.
    origin_receipt text COLLATE "C" NOT NULL,
    origin_number bigint NOT NULL,
    PRIMARY KEY (receipt, number)
) WITH (fillfactor = 50);
ALTER TABLE postal.item ALTER COLUMN item SET STORAGE EXTERNAL, ALTER COLUMN declaration SET STORAGE EXTERNAL;

CREATE TABLE postal.version (
    partner text COLLATE "C" NOT NULL,
    environment text COLLATE "C" NOT NULL,
    declaration_id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    function integer NOT NULL,
    canonical_hash text COLLATE "C" NOT NULL,
    receipt text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    -- It follows from the partner and the environment, among others, and tells rows apart by itself.
    PRIMARY KEY (declaration_id)
);

CREATE TABLE postal.message (
    partner text COLLATE "C" NOT NULL,
    environment text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    first_sequence bigint NOT NULL,
    last_sequence bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    format text COLLATE "C" NOT NULL,
    reference text COLLATE "C" NOT NULL,
    prepared_at bigint NOT NULL,
    -- 0 until the partner has it; -1 if it could not be handed out.
    handed_out_at bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (partner, environment, number)
);
CREATE INDEX message_open ON postal.message (partner, environment, number) WHERE handed_out_at = 0;
