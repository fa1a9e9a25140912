-- A plus before a column keeps SQLite from choosing the index of a column that hardly narrows the search.
-- In every query ?1 is the caller's environment and ?2 its partner id, empty for a caller who sees all partners.

-- name: monitor.add_batch
-- Keeps a batch of facts as it came; a repeated one changes nothing.
INSERT INTO monitor_batch (id, body) VALUES (?, ?) ON CONFLICT (id) DO NOTHING;

-- name: monitor.read_turn
-- The token of the last change to items and counts.
SELECT token FROM monitor_turn;

-- name: monitor.take_turn
-- Exchanges the token; changes nothing if somebody else has done so meanwhile.
UPDATE monitor_turn SET token = ? WHERE token = ?;

-- name: monitor.read_items_to_advance
-- What may change of items, to compute their next state from.
SELECT id, environment, partner, first_seen_at, last_seen_at, version, stage, security_mark, fiscal_mark,
    destination_mark, receipt_mark, stage_marks, batches
FROM monitor_item WHERE id IN (SELECT value FROM json_each(?));

-- name: monitor.add_item
-- Adds an item; fails if somebody else has added it meanwhile.
INSERT INTO monitor_item (id, item, item_key, environment, partner, first_seen_at, last_seen_at, version, stage,
    security_mark, fiscal_mark, destination_mark, receipt_mark, stage_marks, batches)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: monitor.move_item
-- Moves an item forward; who it is never changes.
UPDATE monitor_item SET first_seen_at = ?, last_seen_at = ?, version = ?, stage = ?, security_mark = ?,
    fiscal_mark = ?, destination_mark = ?, receipt_mark = ?, stage_marks = ?, batches = ?
WHERE id = ?;

-- name: monitor.read_interchanges_to_advance
-- Whole rows of interchanges, to compute their next state from.
SELECT * FROM monitor_interchange WHERE receipt IN (SELECT value FROM json_each(?));

-- name: monitor.put_interchange
-- Writes the state of an interchange.
INSERT INTO monitor_interchange VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (receipt) DO UPDATE SET
    environment = excluded.environment, partner = excluded.partner, reference = excluded.reference,
    format = excluded.format, file_name = excluded.file_name, state = excluded.state,
    first_seen_at = excluded.first_seen_at, last_seen_at = excluded.last_seen_at, batches = excluded.batches;

-- name: monitor.add_membership
-- Notes what an interchange brought.
INSERT INTO monitor_membership VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- name: monitor.read_known_faults
-- Those of the facts whose faults are kept already.
SELECT DISTINCT fact FROM monitor_fault WHERE fact IN (SELECT value FROM json_each(?));

-- name: monitor.add_fault
-- Keeps a fault of a fact; the same fact counts once.
INSERT INTO monitor_fault VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- name: monitor.add_count
-- Moves a count up or down.
INSERT INTO monitor_count VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET amount = amount + excluded.amount;

-- name: monitor.sum_counts
-- Counts of what the caller may see, by partner, dimension, name and value.
SELECT partner, dimension, name, value, sum(amount) FROM monitor_count
WHERE environment IN (?1, '') AND (?2 = '' OR partner = ?2)
GROUP BY partner, dimension, name, value HAVING sum(amount) > 0 ORDER BY 1, 2, 3, 4;

-- name: monitor.read_item
-- One item by declaration id.
SELECT id, item, partner, version, stage, substr(security_mark, 23), substr(fiscal_mark, 23),
    substr(destination_mark, 7), substr(receipt_mark, 7), first_seen_at
FROM monitor_item WHERE environment = ?1 AND (?2 = '' OR partner = ?2) AND id = ?3;

-- name: monitor.find_items
-- Items by identifier, declaration id, or what came in with a receipt, reference or file name; newest first.
SELECT id, item, partner, version, stage, substr(security_mark, 23), substr(fiscal_mark, 23),
    substr(destination_mark, 7), substr(receipt_mark, 7), first_seen_at
FROM monitor_item WHERE environment = ?1 AND (?2 = '' OR partner = ?2) AND id IN (
    SELECT id FROM monitor_item WHERE item_key = ?4
    UNION SELECT id FROM monitor_item WHERE id = ?5
    UNION SELECT s.value FROM monitor_membership AS m, json_each('["' || replace(m.subjects, ' ', '","') || '"]') AS s WHERE m.receipt IN (
        SELECT receipt FROM monitor_interchange WHERE +environment = ?1 AND (?2 = '' OR +partner = ?2)
            AND (receipt = ?5 OR reference = ?3 OR file_name = ?3)
    )
)
ORDER BY first_seen_at DESC, id LIMIT ?6;

-- name: monitor.find_interchanges
-- Interchanges by receipt, reference or file name, newest first.
SELECT receipt, environment, partner, reference, format, file_name, state, first_seen_at, last_seen_at
FROM monitor_interchange WHERE +environment = ?1 AND (?2 = '' OR +partner = ?2) AND receipt IN (
    SELECT receipt FROM monitor_interchange WHERE receipt = ?4
    UNION SELECT receipt FROM monitor_interchange WHERE ?3 <> '' AND (reference = ?3 OR file_name = ?3)
)
ORDER BY first_seen_at DESC, receipt LIMIT ?5;

-- name: monitor.newest_interchanges
-- The newest interchanges of all partners.
SELECT receipt, environment, partner, reference, format, file_name, state, first_seen_at, last_seen_at
FROM monitor_interchange WHERE environment = ?1 ORDER BY first_seen_at DESC, receipt LIMIT ?2;

-- name: monitor.newest_own_interchanges
-- The newest interchanges of one partner.
SELECT receipt, environment, partner, reference, format, file_name, state, first_seen_at, last_seen_at
FROM monitor_interchange WHERE environment = ?1 AND partner = ?2 ORDER BY first_seen_at DESC, receipt LIMIT ?3;

-- name: monitor.count_memberships
-- How many items each of the interchanges brought, by outcome.
SELECT receipt, outcome, CASE WHEN min(amount) > 0 THEN sum(amount) ELSE (
    SELECT count(DISTINCT s.value) FROM monitor_membership AS b, json_each('["' || replace(b.subjects, ' ', '","') || '"]') AS s
    WHERE b.receipt = m.receipt AND b.outcome = m.outcome
) END
FROM monitor_membership AS m WHERE receipt IN (SELECT value FROM json_each(?)) GROUP BY receipt, outcome;

-- name: monitor.count_stages_of_interchange
-- How far the items of an interchange have come.
SELECT stage, count(*) FROM monitor_item
WHERE id IN (
    SELECT s.value FROM monitor_membership AS m, json_each('["' || replace(m.subjects, ' ', '","') || '"]') AS s WHERE m.receipt = ?
) GROUP BY stage;

-- name: monitor.read_members
-- Items of an interchange, the rejected ones first, then by identifier.
SELECT m.outcome, i.id, i.item, i.partner, i.version, i.stage, substr(i.security_mark, 23), substr(i.fiscal_mark, 23),
    substr(i.destination_mark, 7), substr(i.receipt_mark, 7), i.first_seen_at
FROM (
    SELECT DISTINCT b.outcome, s.value AS subject FROM monitor_membership AS b, json_each('["' || replace(b.subjects, ' ', '","') || '"]') AS s
    WHERE b.receipt = ?1
) AS m JOIN monitor_item AS i ON i.id = m.subject
ORDER BY m.outcome = 'rejected' DESC, i.item_key, i.id, m.outcome LIMIT ?2 OFFSET ?3;

-- name: monitor.count_faults_of_interchange
-- Faults of an interchange by code and severity, the most frequent first.
SELECT code, severity, count(*) FROM monitor_fault WHERE receipt = ? GROUP BY code, severity ORDER BY 3 DESC, 1;

-- name: monitor.read_faults_of_interchange
-- The first faults of an interchange: subject, item and the fault itself; errors first.
SELECT f.subject, coalesce(i.item, ''), f.body FROM monitor_fault AS f LEFT JOIN monitor_item AS i ON i.id = f.subject
WHERE f.receipt = ?1 ORDER BY f.severity DESC, f.at, f.fact, f.number LIMIT ?2;

-- name: monitor.read_faults_of_code
-- The newest faults with a code: receipt, subject, item, partner, time and the fault itself.
SELECT f.receipt, f.subject, coalesce(i.item, ''), f.partner, f.at, f.body
FROM (
    SELECT * FROM (
        SELECT * FROM monitor_fault WHERE environment = ?1 AND code = ?3 AND (?2 = '' OR partner = ?2)
        ORDER BY at DESC, fact DESC, number DESC LIMIT ?4
    )
    UNION ALL
    SELECT * FROM (
        SELECT * FROM monitor_fault WHERE environment = '' AND code = ?3 AND (?2 = '' OR partner = ?2)
        ORDER BY at DESC, fact DESC, number DESC LIMIT ?4
    )
) AS f LEFT JOIN monitor_item AS i ON i.id = f.subject
ORDER BY f.at DESC, f.fact DESC, f.number DESC LIMIT ?4;

-- name: monitor.read_batch_ids
-- In which batches an item or an interchange appears.
SELECT batches FROM monitor_item WHERE id = ?1 UNION ALL SELECT batches FROM monitor_interchange WHERE receipt = ?1;

-- name: monitor.read_batches
-- Batches by id.
SELECT body FROM monitor_batch WHERE id IN (SELECT value FROM json_each(?));

-- name: monitor.newest_position
-- Position of the newest batch.
SELECT coalesce(max(position), 0) FROM monitor_batch;

-- name: monitor.read_batches_after
-- Batches after a position, in order of arrival.
SELECT position, body FROM monitor_batch WHERE position > ? ORDER BY position LIMIT ?;
