-- name: router.find_declarations
-- Where declarations stand.
SELECT id, environment, identifier, version, state, destination, cases, revision FROM router.declaration
WHERE id = ANY($1::text[]);

-- name: router.find_heads
-- All versions of declarations, without their sealed items.
SELECT declaration_id, version, state, head, data_key, decisions FROM router.version WHERE declaration_id = ANY($1::text[]);

-- name: router.find_held
-- Versions that wait for the one before them, with their sealed items.
SELECT declaration_id, version, sealed FROM router.version
WHERE declaration_id = ANY($1::text[]) AND state = 'HELD';

-- name: router.find_sealed
-- The sealed items of the versions in force, or of those before where a newer one was refused.
SELECT v.declaration_id, v.version, v.sealed FROM router.version AS v
WHERE v.declaration_id = ANY($1::text[]) AND v.state = 'APPLIED' AND NOT EXISTS (
    SELECT FROM router.version AS n
    WHERE n.declaration_id = v.declaration_id AND n.version > v.version AND n.state = 'APPLIED'
);

-- name: router.find_waits
-- What the cases of declarations wait for.
SELECT case_id, declaration_id, waits_for, away, attempts, next_at, deadline_at, assessment FROM router.wait
WHERE declaration_id = ANY($1::text[]);

-- name: router.find_declarations_of_items
-- Declarations by identifiers of their items, as reports name them.
SELECT id FROM router.declaration WHERE identifier = ANY($1::text[]) AND environment = $2::text;

-- name: router.find_declarations_of_cases
-- Declarations by ids of their cases, as reports name them: an id begins with 24 digits of its declaration's.
SELECT d.id FROM unnest($1::text[]) AS c (id) CROSS JOIN LATERAL (
    SELECT id, environment FROM router.declaration
    WHERE id >= left(c.id, 24) COLLATE "C" AND id < (left(c.id, 24) || 'g') COLLATE "C" OFFSET 0
) AS d
WHERE d.environment = $2::text;

-- name: router.find_decisions
-- Which decisions of an authority are known, and the cases they are on.
SELECT decision_id, case_id FROM router.decision
WHERE decision_id = ANY($1::text[]) AND environment = $2::text AND authority = $3::text;

-- name: router.find_decisions_of_cases
-- All decisions on cases, oldest first.
SELECT body FROM router.decision WHERE case_id = ANY($1::text[]) ORDER BY at, place;

-- name: router.find_any_report
-- Whether there is any report at all: mostly there is none.
SELECT 1 FROM router.report WHERE received_at > 0 LIMIT 1;

-- name: router.find_waiting
-- Reports that wait for items or cases.
SELECT environment, authority, decision_id, place, state, received_at, body FROM router.report
WHERE place = ANY($1::text[]) AND state = 'WAITING';

-- name: router.find_reports
-- Reports of an authority that wait, by decision.
SELECT environment, authority, decision_id, place, state, received_at, body FROM router.report
WHERE decision_id = ANY($1::text[]) AND environment = $2::text AND authority = $3::text;

-- name: router.find_missed
-- Waiting reports received since a time whose case is there: it came while the report was being stored.
SELECT environment, authority, decision_id, place, state, received_at, body FROM router.report AS r
WHERE received_at >= $1::bigint AND state = 'WAITING' AND (
    EXISTS (SELECT FROM router.declaration AS d WHERE d.id >= left(r.place, 24) AND d.id < left(r.place, 24) || 'g')
    OR EXISTS (
        SELECT FROM router.declaration AS d WHERE d.identifier = r.place AND d.environment = r.environment
            AND strpos(E'\n' || d.cases, E'\n' || r.authority || ' ') > 0
    )
) ORDER BY received_at LIMIT $2::bigint;

-- name: router.find_expired
-- Reports that have waited since before a time.
SELECT environment, authority, decision_id, place, state, received_at, body FROM router.report
WHERE received_at < $1::bigint ORDER BY received_at LIMIT $2::bigint;

-- name: router.find_parked
-- Parked cases that wait for a service, longest first: those whose time has come, and those for which it was away.
SELECT case_id, declaration_id FROM router.wait
WHERE waits_for = $1::text AND waits_for <> '' AND (away = 1 OR next_at <= $2::bigint)
ORDER BY next_at LIMIT $3::bigint;

-- name: router.find_overdue
-- Pending cases whose deadline has passed.
SELECT case_id, declaration_id FROM router.wait
WHERE deadline_at > 0 AND deadline_at <= $1::bigint ORDER BY deadline_at LIMIT $2::bigint;

-- name: router.add_declarations
-- A declaration seen for the first time.
INSERT INTO router.declaration (id, environment, identifier, version, state, destination, cases, revision)
SELECT unnest($1::text[]) AS id, unnest($2::text[]), unnest($3::text[]), unnest($4::bigint[]), unnest($5::text[]),
    unnest($6::text[]), unnest($7::text[]), 1
ORDER BY id;

-- name: router.change_declarations
-- A declaration whose version in force, state or cases changed.
UPDATE router.declaration AS t
SET version = r.version, state = r.state, destination = r.destination, cases = r.cases, revision = t.revision + 1
FROM (
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
        AS r (version, state, destination, cases, id, revision)
    ORDER BY id
) AS r
WHERE t.id = r.id AND t.revision = r.revision;

-- name: router.add_versions
-- A version with its sealed item, and the decisions that were made at once.
INSERT INTO router.version (declaration_id, version, state, head, data_key, decisions, sealed)
SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::text[]), unnest($4::bytea[]), unnest($5::text[]),
    unnest($6::bytea[]), unnest($7::bytea[]);

-- name: router.change_versions
-- A held version whose base has come.
UPDATE router.version AS t SET state = r.state
FROM (
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[]) AS r (state, declaration_id, version)
    ORDER BY declaration_id, version
) AS r
WHERE t.declaration_id = r.declaration_id AND t.version = r.version AND t.state = 'HELD';

-- name: router.put_waits
-- What a case waits for.
INSERT INTO router.wait (case_id, declaration_id, waits_for, away, attempts, next_at, deadline_at, assessment)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::smallint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bytea[]
) AS r ORDER BY 1
ON CONFLICT (case_id) DO UPDATE SET
    waits_for = excluded.waits_for, away = excluded.away, attempts = excluded.attempts, next_at = excluded.next_at,
    deadline_at = excluded.deadline_at, assessment = excluded.assessment;

-- name: router.drop_waits
-- A case that waits no longer.
DELETE FROM router.wait WHERE case_id = ANY($1::text[]);

-- name: router.add_decisions
-- Decisions are only appended; one that an authority repeats is the same decision.
INSERT INTO router.decision (environment, authority, decision_id, case_id, judged_version, stage, code, at, body)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::integer[], $7::integer[], $8::bigint[], $9::bytea[]
)
ON CONFLICT (environment, authority, decision_id) DO NOTHING;

-- name: router.add_reports
-- A report that waits for its item, or for a person; one that names its item better takes the place of the first.
INSERT INTO router.report (environment, authority, decision_id, place, state, received_at, body)
SELECT DISTINCT ON (environment, authority, decision_id) environment, authority, decision_id, place, state,
    first_value(received_at) OVER (PARTITION BY environment, authority, decision_id ORDER BY n), body
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bytea[]) WITH ORDINALITY
    AS r (environment, authority, decision_id, place, state, received_at, body, n)
ORDER BY environment, authority, decision_id, n DESC
ON CONFLICT (environment, authority, decision_id)
DO UPDATE SET place = excluded.place, state = excluded.state, body = excluded.body;

-- name: router.drop_reports
-- A report that waits no longer.
DELETE FROM router.report AS t USING unnest($1::text[], $2::text[], $3::text[]) AS r (environment, authority, decision_id)
WHERE t.environment = r.environment AND t.authority = r.authority AND t.decision_id = r.decision_id;
