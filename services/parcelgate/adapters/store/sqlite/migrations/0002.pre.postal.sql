-- What postal keeps: interchanges with their raw parts and items, versions it assigned, messages handed out.
CREATE TABLE postal_interchange (
    receipt TEXT PRIMARY KEY,
    partner TEXT NOT NULL,
    environment TEXT NOT NULL,
    -- RECEIVING, RECEIVED, TRANSLATED, ROUTED or REJECTED.
    state TEXT NOT NULL,
    name TEXT NOT NULL,
    data_key TEXT NOT NULL,
    -- Order of arrival, given when the interchange is complete; 0 before.
    place INTEGER NOT NULL DEFAULT 0,
    digest TEXT NOT NULL DEFAULT '',
    bytes INTEGER NOT NULL DEFAULT 0,
    parts INTEGER NOT NULL DEFAULT 0,
    -- 1 while its content and reference may not be used by another interchange.
    holds INTEGER NOT NULL DEFAULT 0,
    format TEXT NOT NULL DEFAULT '',
    reference TEXT NOT NULL DEFAULT '',
    items INTEGER NOT NULL DEFAULT 0,
    accepted INTEGER NOT NULL DEFAULT 0,
    rejected INTEGER NOT NULL DEFAULT 0,
    unchanged INTEGER NOT NULL DEFAULT 0,
    -- Number of the last item that was routed.
    routed INTEGER NOT NULL DEFAULT 0,
    faults BLOB NOT NULL DEFAULT x'',
    ledger TEXT NOT NULL DEFAULT '',
    received_at INTEGER NOT NULL,
    touched_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX postal_interchange_content ON postal_interchange (partner, environment, digest) WHERE holds = 1;
CREATE UNIQUE INDEX postal_interchange_reference ON postal_interchange (partner, environment, format, reference)
    WHERE holds = 1 AND reference <> '';
CREATE INDEX postal_interchange_open ON postal_interchange (place) WHERE state IN ('RECEIVED', 'TRANSLATED');
CREATE INDEX postal_interchange_broken ON postal_interchange (touched_at) WHERE state = 'RECEIVING';
CREATE INDEX postal_interchange_digest ON postal_interchange (partner, environment, digest);

CREATE TABLE postal_part (
    receipt TEXT NOT NULL,
    number INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (receipt, number)
);

CREATE TABLE postal_item (
    receipt TEXT NOT NULL,
    number INTEGER NOT NULL,
    identifier TEXT NOT NULL,
    -- READ, ACCEPTED, UNCHANGED or REJECTED.
    status TEXT NOT NULL,
    declaration_id TEXT NOT NULL,
    -- Declaration without its item and version.
    declaration BLOB NOT NULL,
    -- Sealed with the interchange's data key.
    item BLOB NOT NULL,
    destination TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 0,
    faults BLOB NOT NULL,
    -- Where an unchanged item was accepted first; the item itself otherwise.
    origin_receipt TEXT NOT NULL,
    origin_number INTEGER NOT NULL,
    PRIMARY KEY (receipt, number)
);

CREATE TABLE postal_version (
    partner TEXT NOT NULL,
    environment TEXT NOT NULL,
    declaration_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    function INTEGER NOT NULL,
    canonical_hash TEXT NOT NULL,
    receipt TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (partner, environment, declaration_id)
) WITHOUT ROWID;

CREATE TABLE postal_message (
    partner TEXT NOT NULL,
    environment TEXT NOT NULL,
    number INTEGER NOT NULL,
    first_sequence INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    kind TEXT NOT NULL,
    format TEXT NOT NULL,
    reference TEXT NOT NULL,
    prepared_at INTEGER NOT NULL,
    -- 0 until the partner has it; -1 if it could not be handed out.
    handed_out_at INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (partner, environment, number)
) WITHOUT ROWID;
CREATE INDEX postal_message_open ON postal_message (partner, environment, number) WHERE handed_out_at = 0;
