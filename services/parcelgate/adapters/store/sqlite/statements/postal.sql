-- name: postal.open_interchange
-- A long interchange has begun to arrive.
INSERT INTO postal_interchange (receipt, partner, environment, state, name, data_key, received_at, touched_at)
VALUES (?1, ?2, ?3, 'RECEIVING', ?4, ?5, ?6, ?6);

-- name: postal.put_interchange
-- A short interchange arrived whole; it takes its place behind all others.
INSERT INTO postal_interchange
    (receipt, partner, environment, state, name, data_key, received_at, touched_at, digest, bytes, parts, owner,
     owned_until, holds, place)
SELECT ?1, ?2, ?3, 'RECEIVED', ?4, ?5, ?6, ?6, ?7, ?8, ?9, ?10, ?11, 1, coalesce(max(place), 0) + 1
FROM postal_interchange;

-- name: postal.put_part
-- A sealed part of a raw interchange.
INSERT INTO postal_part (receipt, number, body) VALUES (?, ?, ?);

-- name: postal.touch_interchange
-- More of a long interchange arrived; exact, so that one swept away meanwhile is noticed.
UPDATE postal_interchange SET touched_at = ?2 WHERE receipt = ?1 AND state = 'RECEIVING';

-- name: postal.complete_interchange
-- The last part arrived; the interchange takes its place behind all others.
UPDATE postal_interchange
SET state = 'RECEIVED', received_at = ?2, touched_at = ?2, digest = ?3, bytes = ?4, parts = ?5, owner = ?6,
    owned_until = ?7, holds = 1,
    place = (SELECT coalesce(max(place), 0) + 1 FROM postal_interchange)
WHERE receipt = ?1 AND state = 'RECEIVING';

-- name: postal.drop_parts
-- Parts of an interchange that did not arrive whole, or that was known already.
DELETE FROM postal_part
WHERE receipt = ?1 AND EXISTS (SELECT 1 FROM postal_interchange WHERE receipt = ?1 AND state = 'RECEIVING');

-- name: postal.drop_interchange
-- An interchange that did not arrive whole, or that was known already.
DELETE FROM postal_interchange WHERE receipt = ? AND state = 'RECEIVING';

-- name: postal.broken
-- Interchanges that stopped arriving before a time.
SELECT receipt, data_key FROM postal_interchange WHERE state = 'RECEIVING' AND touched_at < ? LIMIT 100;

-- name: postal.content
-- Who holds the same content.
SELECT receipt FROM postal_interchange
WHERE partner = ? AND environment = ? AND digest = ? AND holds = 1 AND received_at >= ?;

-- name: postal.same_file
-- The latest interchange that a file of this name and content gave.
SELECT receipt FROM postal_interchange
WHERE partner = ? AND environment = ? AND digest = ? AND name = ? AND state <> 'RECEIVING' ORDER BY place DESC LIMIT 1;

-- name: postal.let_go
-- Claims of content and reference end after the time they are kept.
UPDATE postal_interchange SET holds = 0
WHERE partner = ?1 AND environment = ?2 AND holds = 1 AND received_at < ?3
    AND (digest = ?4 OR (format = ?5 AND reference = ?6 AND reference <> ''));

-- name: postal.reference_holder
-- Who holds a reference.
SELECT receipt FROM postal_interchange
WHERE partner = ? AND environment = ? AND format = ? AND reference = ? AND holds = 1 AND received_at >= ?;

-- name: postal.interchange
-- One interchange.
SELECT receipt, partner, environment, state, name, data_key, digest, bytes, parts, format, reference, items,
    accepted, rejected, unchanged, routed, faults, ledger, received_at
FROM postal_interchange WHERE receipt = ? AND state <> 'RECEIVING';

-- name: postal.states
-- States of several interchanges.
SELECT receipt, state FROM postal_interchange WHERE receipt IN (SELECT value FROM json_each(?));

-- name: postal.waiting
-- Interchanges of a range of sizes that are not at their end, in the order of arrival: one's own, and those whose
-- owner's time is over.
SELECT receipt, owner, owned_until FROM postal_interchange
WHERE state IN ('RECEIVED', 'TRANSLATED') AND bytes > ? AND bytes <= ? AND (owner = ? OR owned_until < ?)
ORDER BY place LIMIT ?;

-- name: postal.own
-- A process takes an interchange, or keeps it; exact, if it must not be somebody else's.
UPDATE postal_interchange SET owner = ?2, owned_until = ?3
WHERE receipt = ?1 AND (owner = ?2 OR owned_until < ?4) AND state IN ('RECEIVED', 'TRANSLATED');

-- name: postal.in_hand
-- How many interchanges are not at their end, counted up to a limit.
SELECT count(*) FROM (SELECT 1 FROM postal_interchange WHERE state IN ('RECEIVED', 'TRANSLATED') LIMIT ?);

-- name: postal.earlier
-- Whether an earlier interchange of the same partner is not at its end.
SELECT 1 FROM postal_interchange
WHERE state IN ('RECEIVED', 'TRANSLATED') AND partner = ? AND environment = ?
    AND place < (SELECT place FROM postal_interchange WHERE receipt = ?) LIMIT 1;

-- name: postal.part
-- One sealed part.
SELECT body FROM postal_part WHERE receipt = ? AND number = ?;

-- name: postal.put_item
-- An item as read; a translation that starts again writes the same rows again.
INSERT OR REPLACE INTO postal_item
    (receipt, number, identifier, status, declaration_id, declaration, item, destination, version, faults,
     origin_receipt, origin_number)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: postal.judge_item
-- What became of an item when it was routed.
UPDATE postal_item SET status = ?3, version = ?4, faults = ?5, origin_receipt = ?6, origin_number = ?7
WHERE receipt = ?1 AND number = ?2;

-- name: postal.translate_interchange
-- The document closed and its counts agree; exact, and unique in its reference.
UPDATE postal_interchange
SET state = 'TRANSLATED', format = ?2, reference = ?3, items = ?4, ledger = ?5, faults = ?6
WHERE receipt = ?1 AND state = 'RECEIVED';

-- name: postal.reject_interchange
-- The interchange ends here; its content and reference are free again unless items of it went on before.
UPDATE postal_interchange
SET state = 'REJECTED', holds = accepted + unchanged > 0, format = ?2, reference = ?3, items = ?4,
    rejected = ?4 - accepted - unchanged, ledger = ?5, faults = ?6
WHERE receipt = ?1 AND state IN ('RECEIVED', 'TRANSLATED');

-- name: postal.advance_interchange
-- Items up to a number are routed; exact.
UPDATE postal_interchange
SET routed = ?3, accepted = accepted + ?4, rejected = rejected + ?5, unchanged = unchanged + ?6
WHERE receipt = ?1 AND routed = ?2 AND state = 'TRANSLATED';

-- name: postal.finish_interchange
-- All items are routed. One without a single accepted item is rejected, and its content and reference are free again.
UPDATE postal_interchange
SET state = CASE WHEN accepted + unchanged > 0 OR items = 0 THEN 'ROUTED' ELSE 'REJECTED' END,
    holds = accepted + unchanged > 0 OR items = 0
WHERE receipt = ?1 AND state = 'TRANSLATED' AND routed = ?2;

-- name: postal.items_to_route
-- The next items of an interchange.
SELECT number, identifier, status, declaration_id, declaration, item, destination, faults FROM postal_item
WHERE receipt = ? AND number > ? ORDER BY number LIMIT ?;

-- name: postal.versions
-- Newest versions of declarations.
SELECT declaration_id, version, function, canonical_hash, receipt, number FROM postal_version
WHERE partner = ? AND environment = ? AND declaration_id IN (SELECT value FROM json_each(?));

-- name: postal.first_version
-- A declaration becomes known; its key is unique.
INSERT INTO postal_version
    (partner, environment, declaration_id, version, function, canonical_hash, receipt, number)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: postal.next_version
-- A declaration gets a newer version; exact.
UPDATE postal_version SET version = ?4, function = ?5, canonical_hash = ?6, receipt = ?7, number = ?8
WHERE partner = ?1 AND environment = ?2 AND declaration_id = ?3 AND version = ?9;

-- name: postal.items_shown
-- A page of items as the outcome shows them.
SELECT number, identifier, status, version, faults, origin_receipt, origin_number, declaration_id FROM postal_item
WHERE receipt = ? AND number > ? ORDER BY number LIMIT ?;

-- name: postal.decided
-- How many items that an interchange brought have a response in the delivery log of its partner.
SELECT count(*) FROM postal_item AS item
WHERE item.receipt = ?1 AND item.version > 0 AND item.origin_receipt = item.receipt AND item.origin_number = item.number
    AND EXISTS (
        SELECT 1 FROM delivery_log AS log
        WHERE log.partner = ?2 AND log.environment = ?3 AND log.response_id >= substr(item.declaration_id, 1, 24)
            AND log.response_id < substr(item.declaration_id, 1, 24) || 'g' AND log.version = item.version
    );

-- name: postal.last_message
-- Up to where the delivery log of a partner was closed into messages.
SELECT number, last_sequence FROM postal_message
WHERE partner = ? AND environment = ? ORDER BY number DESC LIMIT 1;

-- name: postal.close_message
-- A range of the delivery log becomes a message; its number is unique.
INSERT INTO postal_message
    (partner, environment, number, first_sequence, last_sequence, kind, format, reference, prepared_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: postal.messages
-- Messages of a partner after a number.
SELECT number, first_sequence, last_sequence, kind, format, reference, prepared_at, handed_out_at FROM postal_message
WHERE partner = ? AND environment = ? AND number > ? ORDER BY number LIMIT ?;

-- name: postal.messages_open
-- Messages that a partner does not have yet.
SELECT number, first_sequence, last_sequence, kind, format, reference, prepared_at, handed_out_at FROM postal_message
WHERE partner = ? AND environment = ? AND handed_out_at = 0 ORDER BY number LIMIT ?;

-- name: postal.hand_out
-- The partner has the message now.
UPDATE postal_message SET handed_out_at = ?4 WHERE partner = ?1 AND environment = ?2 AND number = ?3 AND handed_out_at = 0;
