-- What the runner keeps for every service: inbox, outbox, retries, dead letters, delivery logs, data keys, leases.
-- Words are compared byte by byte (COLLATE "C") whatever the locale of the database: faster, and the same order as in
-- the embedded store. Bytes that are sealed cannot be compressed, and facts are read so rarely that compressing all of
-- them costs more than it saves: bodies are EXTERNAL, and up to 8 KB of them stay in the row. The column that tells rows apart
-- stands first in every key, so that one comparison decides.
CREATE TABLE runner.inbox (
    consumer text COLLATE "C" NOT NULL,
    message_id text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (message_id, consumer)
);

-- Rows stay until every consumer concerned is proven to have the message; sent_at is when the bus confirmed it.
CREATE TABLE runner.outbox (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id text COLLATE "C" NOT NULL UNIQUE,
    topic text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    -- The process instance that sends it, and since when it has been its business.
    owner text COLLATE "C" NOT NULL,
    entered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at timestamptz
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
ALTER TABLE runner.outbox ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX outbox_unsent ON runner.outbox (owner, position) WHERE sent_at IS NULL;

CREATE TABLE runner.retry (
    consumer text COLLATE "C" NOT NULL,
    message_id text COLLATE "C" NOT NULL,
    topic text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    attempts integer NOT NULL,
    next_at bigint NOT NULL,
    reason text COLLATE "C" NOT NULL,
    PRIMARY KEY (consumer, message_id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
ALTER TABLE runner.retry ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX retry_due ON runner.retry (consumer, next_at);

CREATE TABLE runner.dead_letter (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer text COLLATE "C" NOT NULL,
    message_id text COLLATE "C" NOT NULL,
    topic text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    faults bytea NOT NULL,
    at bigint NOT NULL,
    attempts integer NOT NULL,
    UNIQUE (consumer, message_id)
);
ALTER TABLE runner.dead_letter ALTER COLUMN body SET STORAGE EXTERNAL;

-- The row of a delivery log is locked by whoever writes to it, until the commit: so commit order is sequence order.
CREATE TABLE runner.delivery_count (
    log integer GENERATED ALWAYS AS IDENTITY,
    partner text COLLATE "C" NOT NULL,
    environment text COLLATE "C" NOT NULL,
    last bigint NOT NULL,
    PRIMARY KEY (partner, environment)
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- What one step logged of one kind for one partner: a LogBlock, pressed; bytes are those of its bodies as they were.
CREATE TABLE runner.delivery_log (
    log integer NOT NULL,
    last bigint NOT NULL,
    first bigint NOT NULL,
    at bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    bytes bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (log, last)
);
ALTER TABLE runner.delivery_log ALTER COLUMN body SET STORAGE EXTERNAL;

-- Where a response stands, and that it stands there only once. Its id begins with that of its declaration, so what was
-- said of one declaration lies together.
CREATE TABLE runner.delivery (
    response_id text COLLATE "C" NOT NULL,
    log integer NOT NULL,
    sequence bigint NOT NULL,
    -- Of the declaration that it answers; 0 if it answers none.
    version integer NOT NULL,
    PRIMARY KEY (response_id, log)
);

CREATE TABLE runner.data_key (
    id text COLLATE "C" PRIMARY KEY,
    wrapped bytea NOT NULL
);

-- Who looks after what there must be only one of, and until when unless it says so again.
CREATE TABLE runner.lease (
    what text COLLATE "C" PRIMARY KEY,
    holder text COLLATE "C" NOT NULL,
    until timestamptz NOT NULL
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Marks messages of the outbox as confirmed by the bus. A mark that the death of the machine takes away means only
-- that the message is sent once more, so this one commit does not wait for the disk.
CREATE FUNCTION runner.mark_sent(text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    UPDATE runner.outbox SET sent_at = clock_timestamp() WHERE message_id = ANY($1) AND sent_at IS NULL;
END
$$;
