-- What the carrier edge keeps: the newest version of each declaration, and the answer to each request.
CREATE TABLE carrier_declaration (
    environment TEXT NOT NULL,
    partner TEXT NOT NULL,
    declaration_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    function INTEGER NOT NULL,
    canonical_hash TEXT NOT NULL,
    receipt TEXT NOT NULL,
    item_number INTEGER NOT NULL,
    PRIMARY KEY (environment, partner, declaration_id)
) WITHOUT ROWID;

CREATE TABLE carrier_request (
    environment TEXT NOT NULL,
    partner TEXT NOT NULL,
    request_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    receipt TEXT NOT NULL,
    answer BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (environment, partner, request_id)
);
CREATE UNIQUE INDEX carrier_request_receipt ON carrier_request (receipt);
CREATE INDEX carrier_request_age ON carrier_request (received_at);
