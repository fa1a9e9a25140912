-- Where the index of a column that hardly narrows the search must not be chosen, it stands in an expression
-- (environment || ''). In every query of a caller $1 is its environment and $2 its partner id, empty for a caller who sees all partners.

-- name: monitor.add_batch
-- Keeps a batch of facts as it came; a repeated one changes nothing.
INSERT INTO monitor.batch (id, body) SELECT unnest($1::text[]), unnest($2::bytea[]) ON CONFLICT (id) DO NOTHING;

-- name: monitor.read_turn
-- The token of the last change to items and counts.
SELECT token FROM monitor.turn;

-- name: monitor.take_turn
-- Exchanges the token; changes nothing if somebody else has done so meanwhile.
UPDATE monitor.turn AS t SET token = r.token FROM unnest($1::text[], $2::text[]) AS r (token, before)
WHERE t.token = r.before;

-- name: monitor.read_items_to_advance
-- What may change of items, to compute their next state from.
SELECT id, environment, partner, first_seen_at, last_seen_at, version, stage, security_mark, fiscal_mark,
    destination_mark, receipt_mark, stage_marks, batches
FROM monitor.item WHERE id = ANY($1::text[]);

-- name: monitor.add_item
-- Adds an item; fails if somebody else has added it meanwhile.
INSERT INTO monitor.item (id, item, item_key, environment, partner, first_seen_at, last_seen_at, version, stage,
    security_mark, fiscal_mark, destination_mark, receipt_mark, stage_marks, batches)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]),
    unnest($6::bigint[]), unnest($7::bigint[]), unnest($8::bigint[]), unnest($9::integer[]), unnest($10::text[]),
    unnest($11::text[]), unnest($12::text[]), unnest($13::text[]), unnest($14::text[]), unnest($15::text[]);

-- name: monitor.move_item
-- Moves an item forward; who it is never changes.
UPDATE monitor.item AS t SET
    first_seen_at = r.first_seen_at, last_seen_at = r.last_seen_at, version = r.version, stage = r.stage,
    security_mark = r.security_mark, fiscal_mark = r.fiscal_mark, destination_mark = r.destination_mark,
    receipt_mark = r.receipt_mark, stage_marks = r.stage_marks, batches = r.batches
FROM (
    SELECT unnest($1::bigint[]) AS first_seen_at, unnest($2::bigint[]) AS last_seen_at, unnest($3::bigint[]) AS version,
        unnest($4::integer[]) AS stage, unnest($5::text[]) AS security_mark, unnest($6::text[]) AS fiscal_mark,
        unnest($7::text[]) AS destination_mark, unnest($8::text[]) AS receipt_mark, unnest($9::text[]) AS stage_marks,
        unnest($10::text[]) AS batches, unnest($11::text[]) AS id
) AS r
WHERE t.id = r.id;

-- name: monitor.read_interchanges_to_advance
-- Whole rows of interchanges, to compute their next state from.
SELECT receipt, environment, partner, reference, format, file_name, state, first_seen_at, last_seen_at, batches
FROM monitor.interchange WHERE receipt = ANY($1::text[]);

-- name: monitor.put_interchange
-- Writes the state of an interchange.
INSERT INTO monitor.interchange
    (receipt, environment, partner, reference, format, file_name, state, first_seen_at, last_seen_at, batches)
SELECT DISTINCT ON (r.receipt) r.receipt, r.environment, r.partner, r.reference, r.format, r.file_name, r.state,
    r.first_seen_at, r.last_seen_at, r.batches
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::integer[], $8::bigint[], $9::bigint[],
    $10::text[]
) WITH ORDINALITY AS r (receipt, environment, partner, reference, format, file_name, state, first_seen_at, last_seen_at,
    batches, n)
ORDER BY r.receipt, r.n DESC
ON CONFLICT (receipt) DO UPDATE SET
    environment = excluded.environment, partner = excluded.partner, reference = excluded.reference,
    format = excluded.format, file_name = excluded.file_name, state = excluded.state,
    first_seen_at = excluded.first_seen_at, last_seen_at = excluded.last_seen_at, batches = excluded.batches;

-- name: monitor.add_membership
-- Notes what an interchange brought.
INSERT INTO monitor.membership (receipt, first_subject, outcome, subjects, amount)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
ON CONFLICT DO NOTHING;

-- name: monitor.read_known_faults
-- Those of the facts whose faults are kept already.
SELECT DISTINCT fact FROM monitor.fault WHERE fact = ANY($1::text[]);

-- name: monitor.add_fault
-- Keeps a fault of a fact; the same fact counts once.
INSERT INTO monitor.fault (fact, number, environment, partner, receipt, subject, code, severity, at, body)
SELECT * FROM unnest(
    $1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::integer[], $9::bigint[],
    $10::bytea[]
)
ON CONFLICT DO NOTHING;

-- name: monitor.add_count
-- Moves a count up or down.
INSERT INTO monitor.count AS t (environment, partner, dimension, name, value, amount)
SELECT r.environment, r.partner, r.dimension, r.name, r.value, sum(r.amount)::bigint
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
    AS r (environment, partner, dimension, name, value, amount)
GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
ON CONFLICT (environment, partner, dimension, name, value) DO UPDATE SET amount = t.amount + excluded.amount;

-- name: monitor.sum_counts
-- Counts of what the caller may see, by partner, dimension, name and value.
SELECT partner, dimension, name, value, sum(amount)::bigint FROM monitor.count
WHERE environment IN ($1::text, '') AND ($2::text = '' OR partner = $2::text)
GROUP BY partner, dimension, name, value HAVING sum(amount) > 0 ORDER BY 1, 2, 3, 4;

-- name: monitor.read_item
-- One item by declaration id.
SELECT id, item, partner, version, stage, substr(security_mark, 23), substr(fiscal_mark, 23),
    substr(destination_mark, 7), substr(receipt_mark, 7), first_seen_at
FROM monitor.item WHERE environment = $1::text AND ($2::text = '' OR partner = $2::text) AND id = $3::text;

-- name: monitor.find_items
-- Items by identifier, declaration id, or what came in with a receipt, reference or file name; newest first.
SELECT id, item, partner, version, stage, substr(security_mark, 23), substr(fiscal_mark, 23),
    substr(destination_mark, 7), substr(receipt_mark, 7), first_seen_at
FROM (
    SELECT id FROM monitor.item WHERE item_key = $4::text
    UNION SELECT id FROM monitor.item WHERE id = $5::text
    UNION SELECT unnest(string_to_array(m.subjects, ' ')) FROM monitor.membership AS m WHERE m.receipt IN (
        SELECT receipt FROM (
            SELECT * FROM monitor.interchange WHERE receipt = $5::text
            UNION SELECT * FROM monitor.interchange WHERE reference = $3::text
            UNION SELECT * FROM monitor.interchange WHERE file_name = $3::text
        ) AS i WHERE environment || '' = $1::text AND ($2::text = '' OR partner || '' = $2::text)
    )
) AS found (found_id) CROSS JOIN LATERAL (SELECT * FROM monitor.item WHERE id = found_id OFFSET 0) AS i
WHERE environment = $1::text AND ($2::text = '' OR partner = $2::text)
ORDER BY first_seen_at DESC, id LIMIT $6::bigint;

-- name: monitor.find_interchanges
-- Interchanges by receipt, reference or file name, newest first.
SELECT receipt, environment, partner, reference, format, file_name, state, first_seen_at, last_seen_at
FROM (
    SELECT * FROM monitor.interchange WHERE receipt = $4::text
    UNION SELECT * FROM monitor.interchange WHERE $3::text <> '' AND reference = $3::text
    UNION SELECT * FROM monitor.interchange WHERE $3::text <> '' AND file_name = $3::text
) AS i WHERE environment || '' = $1::text AND ($2::text = '' OR partner || '' = $2::text)
ORDER BY first_seen_at DESC, receipt LIMIT $5::bigint;

-- name: monitor.newest_interchanges
-- The newest interchanges of all partners.
SELECT receipt, environment, partner, reference, format, file_name, state, first_seen_at, last_seen_at
FROM monitor.interchange WHERE environment = $1::text ORDER BY first_seen_at DESC, receipt LIMIT $2::bigint;

-- name: monitor.newest_own_interchanges
-- The newest interchanges of one partner.
SELECT receipt, environment, partner, reference, format, file_name, state, first_seen_at, last_seen_at
FROM monitor.interchange WHERE environment = $1::text AND partner = $2::text
ORDER BY first_seen_at DESC, receipt LIMIT $3::bigint;

-- name: monitor.count_memberships
-- How many items each of the interchanges brought, by outcome.
SELECT receipt, outcome, CASE WHEN min(amount) > 0 THEN sum(amount)::bigint ELSE (
    SELECT count(DISTINCT s.subject) FROM monitor.membership AS b
    CROSS JOIN LATERAL unnest(string_to_array(b.subjects, ' ')) AS s (subject)
    WHERE b.receipt = m.receipt AND b.outcome = m.outcome
) END
FROM monitor.membership AS m WHERE receipt = ANY($1::text[]) GROUP BY receipt, outcome;

-- name: monitor.count_stages_of_interchange
-- How far the items of an interchange have come.
SELECT stage, count(*) FROM monitor.item
WHERE id IN (SELECT unnest(string_to_array(subjects, ' ')) FROM monitor.membership WHERE receipt = $1::text)
GROUP BY stage;

-- name: monitor.read_members
-- Items of an interchange, the rejected ones first, then by identifier.
SELECT m.outcome, i.id, i.item, i.partner, i.version, i.stage, substr(i.security_mark, 23), substr(i.fiscal_mark, 23),
    substr(i.destination_mark, 7), substr(i.receipt_mark, 7), i.first_seen_at
FROM (
    SELECT DISTINCT outcome, unnest(string_to_array(subjects, ' ')) AS subject
    FROM monitor.membership WHERE receipt = $1::text
) AS m JOIN monitor.item AS i ON i.id = m.subject
ORDER BY m.outcome = 'rejected' DESC, i.item_key, i.id, m.outcome LIMIT $2::bigint OFFSET $3::bigint;

-- name: monitor.count_faults_of_interchange
-- Faults of an interchange by code and severity, the most frequent first.
SELECT code, severity, count(*) FROM monitor.fault WHERE receipt = $1::text GROUP BY code, severity ORDER BY 3 DESC, 1;

-- name: monitor.read_faults_of_interchange
-- The first faults of an interchange: subject, item and the fault itself; errors first.
SELECT f.subject, coalesce(i.item, ''), f.body FROM monitor.fault AS f LEFT JOIN monitor.item AS i ON i.id = f.subject
WHERE f.receipt = $1::text ORDER BY f.severity DESC, f.at, f.fact, f.number LIMIT $2::bigint;

-- name: monitor.read_faults_of_code
-- The newest faults with a code: receipt, subject, item, partner, time and the fault itself.
SELECT f.receipt, f.subject, coalesce(i.item, ''), f.partner, f.at, f.body
FROM (
    (
        SELECT * FROM monitor.fault
        WHERE environment = $1::text AND code = $3::text AND ($2::text = '' OR partner = $2::text)
        ORDER BY at DESC, fact DESC, number DESC LIMIT $4::bigint
    )
    UNION ALL
    (
        SELECT * FROM monitor.fault
        WHERE environment = '' AND code = $3::text AND ($2::text = '' OR partner = $2::text)
        ORDER BY at DESC, fact DESC, number DESC LIMIT $4::bigint
    )
) AS f LEFT JOIN monitor.item AS i ON i.id = f.subject
ORDER BY f.at DESC, f.fact DESC, f.number DESC LIMIT $4::bigint;

-- name: monitor.read_batch_ids
-- In which batches an item or an interchange appears.
SELECT batches FROM monitor.item WHERE id = $1::text
UNION ALL SELECT batches FROM monitor.interchange WHERE receipt = $1::text;

-- name: monitor.read_batches
-- Batches by id.
SELECT body FROM monitor.batch WHERE id = ANY($1::text[]);

-- name: monitor.newest_position
-- Position of the newest batch.
SELECT coalesce(max(position), 0) FROM monitor.batch;

-- name: monitor.read_batches_after
-- Batches after a position, in order of arrival.
SELECT position, body FROM monitor.batch WHERE position > $1::bigint ORDER BY position LIMIT $2::bigint;
