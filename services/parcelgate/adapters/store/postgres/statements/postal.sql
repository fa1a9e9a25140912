-- Where a partial index must not be chosen, because it holds whatever is open and the key is known, its column stands in
-- an expression (state || '').

-- name: postal.open_interchange
-- A long interchange has begun to arrive.
INSERT INTO postal.interchange (receipt, partner, environment, state, name, data_key, received_at, touched_at)
SELECT r.receipt, r.partner, r.environment, 'RECEIVING', r.name, r.data_key, r.at, r.at
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
    AS r (receipt, partner, environment, name, data_key, at);

-- name: postal.put_interchange
-- A short interchange arrived whole; it takes its place behind all others.
INSERT INTO postal.interchange
    (receipt, partner, environment, state, name, data_key, received_at, touched_at, digest, bytes, parts, owner,
     owned_until, holds, place)
SELECT r.receipt, r.partner, r.environment, 'RECEIVED', r.name, r.data_key, r.at, r.at, r.digest, r.bytes, r.parts,
    r.owner, r.until, 1, nextval('postal.place')
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::bigint[], $9::bigint[],
    $10::text[], $11::bigint[]
) AS r (receipt, partner, environment, name, data_key, at, digest, bytes, parts, owner, until);

-- name: postal.put_part
-- A sealed part of a raw interchange.
INSERT INTO postal.part (receipt, number, body) SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[]);

-- name: postal.touch_interchange
-- More of a long interchange arrived; exact, so that one swept away meanwhile is noticed.
UPDATE postal.interchange AS t SET touched_at = r.at FROM unnest($1::text[], $2::bigint[]) AS r (receipt, at)
WHERE t.receipt = r.receipt AND t.state || '' = 'RECEIVING';

-- name: postal.complete_interchange
-- The last part arrived; the interchange takes its place behind all others.
UPDATE postal.interchange AS t
SET state = 'RECEIVED', received_at = r.at, touched_at = r.at, digest = r.digest, bytes = r.bytes, parts = r.parts,
    owner = r.owner, owned_until = r.until, holds = 1, place = nextval('postal.place')
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[])
    AS r (receipt, at, digest, bytes, parts, owner, until)
WHERE t.receipt = r.receipt AND t.state || '' = 'RECEIVING';

-- name: postal.drop_parts
-- Parts of an interchange that did not arrive whole, or that was known already.
DELETE FROM postal.part AS t USING unnest($1::text[]) AS r (receipt)
WHERE t.receipt = r.receipt
    AND EXISTS (SELECT FROM postal.interchange AS i WHERE i.receipt = r.receipt AND i.state || '' = 'RECEIVING');

-- name: postal.drop_interchange
-- An interchange that did not arrive whole, or that was known already.
DELETE FROM postal.interchange WHERE receipt = ANY($1::text[]) AND state || '' = 'RECEIVING';

-- name: postal.broken
-- Interchanges that stopped arriving before a time.
SELECT receipt, data_key FROM postal.interchange WHERE state = 'RECEIVING' AND touched_at < $1::bigint LIMIT 100;

-- name: postal.content
-- Who holds the same content.
SELECT receipt FROM postal.interchange
WHERE partner = $1::text AND environment = $2::text AND digest = $3::text AND holds = 1 AND received_at >= $4::bigint;

-- name: postal.same_file
-- The latest interchange that a file of this name and content gave.
SELECT receipt FROM postal.interchange
WHERE partner = $1::text AND environment = $2::text AND digest = $3::text AND name = $4::text AND state <> 'RECEIVING'
ORDER BY place DESC LIMIT 1;

-- name: postal.let_go
-- Claims of content and reference end after the time they are kept.
UPDATE postal.interchange SET holds = 0 WHERE holds + 0 = 1 AND receipt = ANY(ARRAY(
    SELECT found.receipt
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[])
        AS r (partner, environment, before, digest, format, reference)
    CROSS JOIN LATERAL (
        SELECT i.receipt FROM postal.interchange AS i
        WHERE i.digest = r.digest AND i.partner = r.partner AND i.environment = r.environment
            AND i.holds = 1 AND i.received_at < r.before
        UNION
        SELECT i.receipt FROM postal.interchange AS i
        WHERE i.reference = r.reference AND i.partner = r.partner AND i.environment = r.environment
            AND i.format = r.format AND i.holds = 1 AND i.reference <> '' AND i.received_at < r.before
    ) AS found
));

-- name: postal.reference_holder
-- Who holds a reference.
SELECT receipt FROM postal.interchange
WHERE partner = $1::text AND environment = $2::text AND format = $3::text AND reference = $4::text
    AND holds = 1 AND reference <> '' AND received_at >= $5::bigint;

-- name: postal.interchange
-- One interchange.
SELECT receipt, partner, environment, state, name, data_key, digest, bytes, parts, format, reference, items,
    accepted, rejected, unchanged, routed, faults, ledger, received_at
FROM postal.interchange WHERE receipt = $1::text AND state <> 'RECEIVING';

-- name: postal.states
-- States of several interchanges.
SELECT receipt, state FROM postal.interchange WHERE receipt = ANY($1::text[]);

-- name: postal.waiting
-- Interchanges of a range of sizes that are not at their end, in the order of arrival: one's own, and those whose
-- owner's time is over.
SELECT receipt, owner, owned_until FROM postal.interchange
WHERE state IN ('RECEIVED', 'TRANSLATED') AND bytes > $1::bigint AND bytes <= $2::bigint
    AND (owner = $3::text OR owned_until < $4::bigint)
ORDER BY place LIMIT $5::bigint;

-- name: postal.own
-- A process takes an interchange, or keeps it; exact, if it must not be somebody else's.
UPDATE postal.interchange AS t SET owner = r.owner, owned_until = r.until
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS r (receipt, owner, until, now)
WHERE t.receipt = r.receipt AND (t.owner = r.owner OR t.owned_until < r.now)
    AND t.state || '' IN ('RECEIVED', 'TRANSLATED');

-- name: postal.in_hand
-- How many interchanges are not at their end, counted up to a limit.
SELECT count(*) FROM (
    SELECT 1 FROM postal.interchange WHERE state IN ('RECEIVED', 'TRANSLATED') LIMIT $1::bigint
) AS open;

-- name: postal.earlier
-- Whether an earlier interchange of the same partner is not at its end.
SELECT 1 FROM postal.interchange
WHERE state IN ('RECEIVED', 'TRANSLATED') AND partner = $1::text AND environment = $2::text
    AND place < (SELECT place FROM postal.interchange WHERE receipt = $3::text) LIMIT 1;

-- name: postal.part
-- One sealed part.
SELECT body FROM postal.part WHERE receipt = $1::text AND number = $2::bigint;

-- name: postal.put_item
-- An item as read; a translation that starts again writes the same rows again.
INSERT INTO postal.item
    (receipt, number, identifier, status, declaration_id, declaration, item, destination, version, faults,
     origin_receipt, origin_number)
SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]),
    unnest($6::bytea[]), unnest($7::bytea[]), unnest($8::text[]), unnest($9::bigint[]), unnest($10::bytea[]),
    unnest($11::text[]), unnest($12::bigint[])
ON CONFLICT (receipt, number) DO UPDATE SET
    identifier = excluded.identifier, status = excluded.status, declaration_id = excluded.declaration_id,
    declaration = excluded.declaration, item = excluded.item, destination = excluded.destination,
    version = excluded.version, faults = excluded.faults, origin_receipt = excluded.origin_receipt,
    origin_number = excluded.origin_number;

-- name: postal.judge_item
-- What became of an item when it was routed.
UPDATE postal.item AS t
SET status = r.status, version = r.version, faults = r.faults, origin_receipt = r.origin_receipt,
    origin_number = r.origin_number
FROM (
    SELECT DISTINCT ON (receipt, number) * FROM unnest(
        $1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::bytea[], $6::text[], $7::bigint[]
    ) WITH ORDINALITY AS r (receipt, number, status, version, faults, origin_receipt, origin_number, n)
    ORDER BY receipt, number, n DESC
) AS r
WHERE t.receipt = r.receipt AND t.number = r.number;

-- name: postal.translate_interchange
-- The document closed and its counts agree; exact, and unique in its reference.
UPDATE postal.interchange AS t
SET state = 'TRANSLATED', format = r.format, reference = r.reference, items = r.items, ledger = r.ledger, faults = r.faults
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::bytea[])
    AS r (receipt, format, reference, items, ledger, faults)
WHERE t.receipt = r.receipt AND t.state || '' = 'RECEIVED';

-- name: postal.reject_interchange
-- The interchange ends here; its content and reference are free again unless items of it went on before.
UPDATE postal.interchange AS t
SET state = 'REJECTED', holds = (t.accepted + t.unchanged > 0)::integer, format = r.format, reference = r.reference,
    items = r.items, rejected = r.items - t.accepted - t.unchanged, ledger = r.ledger, faults = r.faults
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::bytea[])
    AS r (receipt, format, reference, items, ledger, faults)
WHERE t.receipt = r.receipt AND t.state || '' IN ('RECEIVED', 'TRANSLATED');

-- name: postal.advance_interchange
-- Items up to a number are routed; exact.
UPDATE postal.interchange AS t
SET routed = r.last, accepted = t.accepted + r.accepted, rejected = t.rejected + r.rejected,
    unchanged = t.unchanged + r.unchanged
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
    AS r (receipt, before, last, accepted, rejected, unchanged)
WHERE t.receipt = r.receipt AND t.routed = r.before AND t.state || '' = 'TRANSLATED';

-- name: postal.finish_interchange
-- All items are routed. One without a single accepted item is rejected, and its content and reference are free again.
UPDATE postal.interchange AS t
SET state = CASE WHEN t.accepted + t.unchanged > 0 OR t.items = 0 THEN 'ROUTED' ELSE 'REJECTED' END,
    holds = (t.accepted + t.unchanged > 0 OR t.items = 0)::integer
FROM unnest($1::text[], $2::bigint[]) AS r (receipt, last)
WHERE t.receipt = r.receipt AND t.state || '' = 'TRANSLATED' AND t.routed = r.last;

-- name: postal.items_to_route
-- The next items of an interchange.
SELECT number, identifier, status, declaration_id, declaration, item, destination, faults FROM postal.item
WHERE receipt = $1::text AND number > $2::bigint ORDER BY number LIMIT $3::bigint;

-- name: postal.versions
-- Newest versions of declarations.
SELECT declaration_id, version, function, canonical_hash, receipt, number FROM postal.version
WHERE partner = $1::text AND environment = $2::text AND declaration_id = ANY($3::text[]);

-- name: postal.first_version
-- A declaration becomes known; its key is unique.
INSERT INTO postal.version
    (partner, environment, declaration_id, version, function, canonical_hash, receipt, number)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]) AS declaration_id, unnest($4::bigint[]),
    unnest($5::integer[]), unnest($6::text[]), unnest($7::text[]), unnest($8::bigint[])
ORDER BY declaration_id;

-- name: postal.next_version
-- A declaration gets a newer version; exact.
UPDATE postal.version AS t
SET version = r.version, function = r.function, canonical_hash = r.canonical_hash, receipt = r.receipt, number = r.number
FROM (
    SELECT * FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::bigint[], $5::integer[], $6::text[], $7::text[], $8::bigint[], $9::bigint[]
    ) AS r (partner, environment, declaration_id, version, function, canonical_hash, receipt, number, before)
    ORDER BY partner, environment, declaration_id
) AS r
WHERE t.partner = r.partner AND t.environment = r.environment AND t.declaration_id = r.declaration_id
    AND t.version = r.before;

-- name: postal.items_shown
-- A page of items as the outcome shows them.
SELECT number, identifier, status, version, faults, origin_receipt, origin_number, declaration_id FROM postal.item
WHERE receipt = $1::text AND number > $2::bigint ORDER BY number LIMIT $3::bigint;

-- name: postal.decided
-- How many items that an interchange brought have a response in the delivery log of its partner.
SELECT count(*) FROM postal.item AS t
WHERE t.receipt = $1::text AND t.version > 0 AND t.origin_receipt = t.receipt AND t.origin_number = t.number
    AND EXISTS (
        SELECT FROM runner.delivery AS d
        WHERE d.response_id >= left(t.declaration_id, 24) AND d.response_id < left(t.declaration_id, 24) || 'g'
            AND d.log = (SELECT c.log FROM runner.delivery_count AS c WHERE c.partner = $2::text AND c.environment = $3::text)
            AND d.version + 0 = t.version
    );

-- name: postal.last_message
-- Up to where the delivery log of a partner was closed into messages.
SELECT number, last_sequence FROM postal.message
WHERE partner = $1::text AND environment = $2::text ORDER BY number DESC LIMIT 1;

-- name: postal.close_message
-- A range of the delivery log becomes a message; its number is unique.
INSERT INTO postal.message
    (partner, environment, number, first_sequence, last_sequence, kind, format, reference, prepared_at)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::bigint[]
);

-- name: postal.messages
-- Messages of a partner after a number.
SELECT number, first_sequence, last_sequence, kind, format, reference, prepared_at, handed_out_at FROM postal.message
WHERE partner = $1::text AND environment = $2::text AND number > $3::bigint ORDER BY number LIMIT $4::bigint;

-- name: postal.messages_open
-- Messages that a partner does not have yet.
SELECT number, first_sequence, last_sequence, kind, format, reference, prepared_at, handed_out_at FROM postal.message
WHERE partner = $1::text AND environment = $2::text AND handed_out_at = 0 ORDER BY number LIMIT $3::bigint;

-- name: postal.hand_out
-- The partner has the message now; of two that say so, the first.
UPDATE postal.message AS t SET handed_out_at = r.at
FROM (
    SELECT DISTINCT ON (partner, environment, number) *
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) WITH ORDINALITY
        AS r (partner, environment, number, at, n)
    ORDER BY partner, environment, number, n
) AS r
WHERE t.partner = r.partner AND t.environment = r.environment AND t.number = r.number AND t.handed_out_at + 0 = 0;
