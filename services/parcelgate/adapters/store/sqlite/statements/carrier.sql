-- name: carrier.request_of_id
-- Digest, receipt and stored answer of a request id of a partner.
SELECT digest, receipt, answer FROM carrier_request WHERE environment = ? AND partner = ? AND request_id = ?;

-- name: carrier.answer_of_receipt
-- Stored answer of a receipt of a partner.
SELECT answer FROM carrier_request WHERE environment = ? AND partner = ? AND receipt = ?;

-- name: carrier.store_answer
-- Stores the answer to a request; a request id that is taken is a conflict.
INSERT INTO carrier_request (environment, partner, request_id, digest, receipt, answer, received_at)
VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: carrier.newest_versions
-- Newest versions of the declarations of a partner that are named.
SELECT declaration_id, version, function, canonical_hash, receipt, item_number FROM carrier_declaration
WHERE environment = ? AND partner = ? AND declaration_id IN (SELECT value FROM json_each(?));

-- name: carrier.begin_declaration
-- Enters a declaration that was not there; one that is there is a conflict.
INSERT INTO carrier_declaration
(environment, partner, declaration_id, version, function, canonical_hash, receipt, item_number)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: carrier.advance_declaration
-- Sets the newest version of a declaration, if the version it follows is still the newest.
UPDATE carrier_declaration SET version = ?, function = ?, canonical_hash = ?, receipt = ?, item_number = ?
WHERE environment = ? AND partner = ? AND declaration_id = ? AND version = ?;

-- name: carrier.forget_requests
-- Forgets the answers to requests received before a time.
DELETE FROM carrier_request WHERE received_at < ?;

-- name: carrier.queued
-- How far a carrier's delivery log was put into its queue.
SELECT sequence FROM carrier_queue WHERE environment = ? AND partner = ?;

-- name: carrier.note_queued
-- A carrier's queue has its log up to a sequence; it never goes back.
INSERT INTO carrier_queue (environment, partner, sequence) VALUES (?, ?, ?)
ON CONFLICT (environment, partner) DO UPDATE SET sequence = max(sequence, excluded.sequence);
