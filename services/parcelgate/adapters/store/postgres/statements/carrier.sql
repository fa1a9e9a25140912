-- name: carrier.request_of_id
-- Digest, receipt and stored answer of a request id of a partner.
SELECT digest, receipt, answer FROM carrier.request
WHERE environment = $1::text AND partner = $2::text AND request_id = $3::text;

-- name: carrier.answer_of_receipt
-- Stored answer of a receipt of a partner.
SELECT answer FROM carrier.request WHERE environment = $1::text AND partner = $2::text AND receipt = $3::text;

-- name: carrier.store_answer
-- Stores the answer to a request; a request id that is taken is a conflict.
INSERT INTO carrier.request (environment, partner, request_id, digest, receipt, answer, received_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bigint[]);

-- name: carrier.newest_versions
-- Newest versions of the declarations of a partner that are named.
SELECT declaration_id, version, function, canonical_hash, receipt, item_number FROM carrier.declaration
WHERE environment = $1::text AND partner = $2::text AND declaration_id = ANY($3::text[]);

-- name: carrier.begin_declaration
-- Enters a declaration that was not there; one that is there is a conflict.
INSERT INTO carrier.declaration
    (environment, partner, declaration_id, version, function, canonical_hash, receipt, item_number)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::bigint[], $5::integer[], $6::text[], $7::text[], $8::bigint[]
) ORDER BY 3, 1, 2;

-- name: carrier.advance_declaration
-- Sets the newest version of a declaration, if the version it follows is still the newest.
UPDATE carrier.declaration AS t SET
    version = r.version, function = r.function, canonical_hash = r.canonical_hash, receipt = r.receipt,
    item_number = r.item_number
FROM (
    SELECT * FROM unnest(
        $1::bigint[], $2::integer[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::bigint[]
    ) AS r (version, function, canonical_hash, receipt, item_number, environment, partner, declaration_id, before)
    ORDER BY environment, partner, declaration_id
) AS r
WHERE t.environment = r.environment AND t.partner = r.partner AND t.declaration_id = r.declaration_id
    AND t.version = r.before;

-- name: carrier.forget_requests
-- Forgets the answers to requests received before a time.
DELETE FROM carrier.request AS t USING unnest($1::bigint[]) AS r (before) WHERE t.received_at < r.before;

-- name: carrier.queued
-- How far a carrier's delivery log was put into its queue.
SELECT sequence FROM carrier.queue WHERE environment = $1::text AND partner = $2::text;

-- name: carrier.note_queued
-- A carrier's queue has its log up to a sequence; it never goes back.
INSERT INTO carrier.queue AS t (environment, partner, sequence)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[]) ORDER BY 1, 2
ON CONFLICT (environment, partner) DO UPDATE SET sequence = greatest(t.sequence, excluded.sequence);
