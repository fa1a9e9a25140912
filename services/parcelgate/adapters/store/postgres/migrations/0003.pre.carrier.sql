-- What the carrier edge keeps: the newest version of each declaration, and the answer to each request.
CREATE SCHEMA carrier;

CREATE TABLE carrier.declaration (
    environment text COLLATE "C" NOT NULL,
    partner text COLLATE "C" NOT NULL,
    declaration_id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    function integer NOT NULL,
    canonical_hash text COLLATE "C" NOT NULL,
    receipt text COLLATE "C" NOT NULL,
    item_number bigint NOT NULL,
    PRIMARY KEY (declaration_id, partner, environment)
);

CREATE TABLE carrier.request (
    environment text COLLATE "C" NOT NULL,
    partner text COLLATE "C" NOT NULL,
    request_id text COLLATE "C" NOT NULL,
    digest text COLLATE "C" NOT NULL,
    receipt text COLLATE "C" NOT NULL,
    answer bytea NOT NULL,
    received_at bigint NOT NULL,
    PRIMARY KEY (request_id, partner, environment)
) WITH (toast_tuple_target = 8160);
ALTER TABLE carrier.request ALTER COLUMN answer SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX request_receipt ON carrier.request (receipt);
CREATE INDEX request_age ON carrier.request (received_at);
