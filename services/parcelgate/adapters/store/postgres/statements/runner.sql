-- What the store itself runs, for the runner. Arguments are columns, one array each, or one value for all rows.
-- Columns that are selected side by side come row by row; in FROM each of them would be kept whole first, a fifth of a write.

-- name: runner.see
-- Notes messages in the inbox of a consumer; one that is there is AlreadySeenError.
INSERT INTO runner.inbox (consumer, message_id, at) SELECT $1::text, r.id, $3::bigint FROM unnest($2::text[]) AS r (id)
ORDER BY r.id;

-- name: runner.see_unguarded
-- The same without the guard: only a test that wants to see duplicates switches it off.
INSERT INTO runner.inbox (consumer, message_id, at) SELECT $1::text, r.id, $3::bigint FROM unnest($2::text[]) AS r (id)
ON CONFLICT DO NOTHING;

-- name: runner.drop_postponed
-- Forgets postponed work that was done, or done otherwise.
DELETE FROM runner.retry WHERE consumer = $1::text AND message_id = ANY($2::text[]);

-- name: runner.add_keys
-- Keeps wrapped data keys.
INSERT INTO runner.data_key (id, wrapped) SELECT * FROM unnest($1::text[], $2::bytea[]);

-- name: runner.send
-- Puts messages into the outbox. An id follows from the content: the same message is sent once, however often it is meant.
INSERT INTO runner.outbox (message_id, topic, key, body, owner)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::bytea[]), $5::text
ON CONFLICT (message_id) DO NOTHING;

-- name: runner.log_deliveries
-- Logs responses of one partner, and counts on under the lock of the log's own row: the snapshot of what follows the
-- lock shows all that was logged before. One that was logged before is a key that is taken.
INSERT INTO runner.delivery_count (partner, environment, last)
SELECT $1::text, $2::text, 0
WHERE NOT EXISTS (SELECT FROM runner.delivery_count WHERE partner = $1::text AND environment = $2::text)
ON CONFLICT (partner, environment) DO NOTHING;
PERFORM FROM runner.delivery_count WHERE partner = $1::text AND environment = $2::text FOR UPDATE;
INSERT INTO runner.delivery (response_id, log, sequence, version)
SELECT unnest($3::text[]), c.log, c.last + generate_series(1, cardinality($3::text[])), unnest($4::integer[])
FROM runner.delivery_count AS c
WHERE c.partner = $1::text AND c.environment = $2::text;
INSERT INTO runner.delivery_log (log, last, first, at, kind, bytes, body)
SELECT c.log, c.last + r.last, c.last + r.first, $5::bigint, r.kind, r.bytes, r.body
FROM runner.delivery_count AS c
CROSS JOIN unnest($6::bigint[], $7::bigint[], $8::text[], $9::bigint[], $10::bytea[]) AS r (first, last, kind, bytes, body)
WHERE c.partner = $1::text AND c.environment = $2::text;
UPDATE runner.delivery_count SET last = last + cardinality($3::text[])
WHERE partner = $1::text AND environment = $2::text;

-- name: runner.postpone
-- Keeps work to be tried again; of one message the last word counts.
INSERT INTO runner.retry (consumer, message_id, topic, key, body, attempts, next_at, reason)
SELECT DISTINCT ON (r.message_id) $1::text, r.message_id, r.topic, r.key, r.body, r.attempts, r.next_at, r.reason
FROM unnest($2::text[], $3::text[], $4::text[], $5::bytea[], $6::integer[], $7::bigint[], $8::text[]) WITH ORDINALITY
    AS r (message_id, topic, key, body, attempts, next_at, reason, n)
ORDER BY r.message_id, r.n DESC
ON CONFLICT (consumer, message_id) DO UPDATE SET
    topic = excluded.topic, key = excluded.key, body = excluded.body, attempts = excluded.attempts,
    next_at = excluded.next_at, reason = excluded.reason;

-- name: runner.bury
-- Keeps work that failed for good; one that is there stays as it is.
INSERT INTO runner.dead_letter (consumer, message_id, topic, key, body, faults, at, attempts)
SELECT $1::text, r.*
FROM unnest($2::text[], $3::text[], $4::text[], $5::bytea[], $6::bytea[], $7::bigint[], $8::integer[]) AS r
ON CONFLICT (consumer, message_id) DO NOTHING;

-- name: runner.logged
-- Those of the responses that stand in the delivery log of a partner.
SELECT response_id FROM runner.delivery
WHERE response_id = ANY($3::text[])
    AND log = (SELECT c.log FROM runner.delivery_count AS c WHERE c.partner = $1::text AND c.environment = $2::text);

-- name: runner.responses
-- Where the responses stand in the delivery log of a partner whose ids begin with one of these words of hexadecimal digits.
SELECT d.sequence FROM unnest($3::text[]) AS r (beginning)
JOIN runner.delivery AS d ON d.response_id >= r.beginning AND d.response_id < r.beginning || 'g'
WHERE d.log + 0 = (SELECT c.log FROM runner.delivery_count AS c WHERE c.partner = $1::text AND c.environment = $2::text);

-- name: runner.seen
-- Those of the messages that the inbox of a consumer knows.
SELECT message_id FROM runner.inbox WHERE consumer = $1::text AND message_id = ANY($2::text[]);

-- name: runner.unsent
-- Messages that an owner has to send, oldest first; those that others have left lying for too long become its own.
WITH taken AS (
    UPDATE runner.outbox AS t SET owner = $1::text, entered_at = clock_timestamp()
    FROM (
        SELECT position FROM runner.outbox
        WHERE sent_at IS NULL AND owner <> $1::text
            AND entered_at < clock_timestamp() - make_interval(secs => $3::double precision)
        ORDER BY position LIMIT $2::bigint FOR UPDATE SKIP LOCKED
    ) AS left_lying
    WHERE t.position = left_lying.position
    RETURNING t.position, t.message_id, t.topic, t.key, t.body
), own AS (
    SELECT position, message_id, topic, key, body FROM runner.outbox
    WHERE sent_at IS NULL AND owner = $1::text ORDER BY position LIMIT $2::bigint
)
SELECT message_id, topic, key, body FROM (SELECT * FROM own UNION ALL SELECT * FROM taken) AS r
ORDER BY position LIMIT $2::bigint;

-- name: runner.backlog
-- How many messages wait to be sent, counted up to a limit.
SELECT count(*) FROM (SELECT FROM runner.outbox WHERE sent_at IS NULL LIMIT $1::bigint) AS r;

-- name: runner.condition
-- What lies in the store and should not for long, each counted up to a limit; work counts from so many tries on.
SELECT unsent, seconds,
    (SELECT count(*) FROM (SELECT FROM runner.retry WHERE consumer > '' AND attempts >= $2::integer LIMIT $1::bigint) AS r),
    (SELECT count(*) FROM (SELECT FROM runner.dead_letter LIMIT $1::bigint) AS d)
FROM (
    SELECT count(*) AS unsent,
        coalesce(extract(epoch FROM clock_timestamp() - min(entered_at)), 0)::double precision AS seconds
    FROM (SELECT entered_at FROM runner.outbox WHERE sent_at IS NULL LIMIT $1::bigint) AS o
) AS waiting;

-- name: runner.mark_sent
-- Marks messages as confirmed by the bus.
SELECT runner.mark_sent($1::text[]);

-- name: runner.due
-- Postponed work of a consumer whose time has come, longest first.
SELECT message_id, topic, key, body, attempts, next_at, reason FROM runner.retry
WHERE consumer = $1::text AND next_at <= $2::bigint ORDER BY next_at LIMIT $3::bigint;

-- name: runner.dead
-- Dead letters, newest first.
SELECT consumer, message_id, topic, key, body, faults, at, attempts FROM runner.dead_letter
ORDER BY position DESC LIMIT $1::bigint;

-- name: runner.replay
-- Moves a dead letter to the retries; its new id tells the inbox that this is wanted.
WITH gone AS (
    DELETE FROM runner.dead_letter WHERE consumer = $1::text AND message_id = $2::text
    RETURNING consumer, message_id, topic, key, body
)
INSERT INTO runner.retry (consumer, message_id, topic, key, body, attempts, next_at, reason)
SELECT consumer, message_id || '/' || $3::bigint, topic, key, body, 0, $3::bigint, 'replayed' FROM gone
RETURNING message_id;

-- name: runner.deliveries
-- The blocks of the delivery log of a partner that end after a sequence and not after another.
SELECT first, at, body FROM runner.delivery_log
WHERE log = (SELECT c.log FROM runner.delivery_count AS c WHERE c.partner = $1::text AND c.environment = $2::text)
    AND last > $3::bigint AND last <= $4::bigint
ORDER BY last LIMIT $5::bigint;

-- name: runner.stretches
-- How the delivery log of a partner goes on after a sequence.
SELECT greatest(first, $3::bigint + 1), last, kind, bytes FROM runner.delivery_log
WHERE log = (SELECT c.log FROM runner.delivery_count AS c WHERE c.partner = $1::text AND c.environment = $2::text)
    AND last > $3::bigint
ORDER BY last LIMIT $4::bigint;

-- name: runner.data_keys
-- Wrapped data keys by id.
SELECT id, wrapped FROM runner.data_key WHERE id = ANY($1::text[]);

-- name: runner.erase
-- Deletes a data key for good.
DELETE FROM runner.data_key WHERE id = $1::text RETURNING id;

-- name: runner.lease
-- Takes what nobody holds any more, or renews what one holds.
INSERT INTO runner.lease AS t (what, holder, until)
VALUES ($1::text, $2::text, clock_timestamp() + make_interval(secs => $3::double precision))
ON CONFLICT (what) DO UPDATE SET holder = excluded.holder, until = excluded.until
WHERE t.holder = excluded.holder OR t.until < clock_timestamp()
RETURNING what;

-- name: runner.let_go
-- Gives back what one holds.
DELETE FROM runner.lease WHERE holder = $1::text RETURNING what;

-- name: runner.sent
-- Messages that the bus had confirmed by a time, after a position: what they are, and whether their time for proof is over.
SELECT position, message_id, topic, key, sent_at < $2::timestamptz - make_interval(secs => $3::double precision)
FROM runner.outbox WHERE sent_at < $2::timestamptz AND position > $1::bigint ORDER BY position LIMIT $4::bigint;

-- name: runner.clock
-- What time it is for all processes alike.
SELECT clock_timestamp();

-- name: runner.proven
-- Those of the pairs of consumer and message of which the store shows that the message has arrived.
WITH r AS (SELECT * FROM unnest($1::text[], $2::text[]) AS r (consumer, message_id))
SELECT consumer, message_id FROM r JOIN runner.inbox USING (consumer, message_id)
UNION SELECT consumer, message_id FROM r JOIN runner.retry USING (consumer, message_id)
UNION SELECT consumer, message_id FROM r JOIN runner.dead_letter USING (consumer, message_id);

-- name: runner.forget_sent
-- Takes messages out of the outbox that have arrived.
DELETE FROM runner.outbox WHERE message_id = ANY($1::text[]) AND sent_at IS NOT NULL;

-- name: runner.send_again
-- Has messages sent once more that were sent before a time and are lost.
UPDATE runner.outbox SET sent_at = NULL, entered_at = clock_timestamp()
WHERE message_id = ANY($1::text[]) AND sent_at < $2::timestamptz RETURNING message_id;
