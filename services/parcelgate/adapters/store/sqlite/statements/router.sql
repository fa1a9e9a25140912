-- name: router.find_declarations
-- Where declarations stand.
SELECT id, environment, identifier, version, state, destination, cases, revision FROM router_declaration
WHERE id IN (SELECT value FROM json_each(?));

-- name: router.find_heads
-- All versions of declarations, without their sealed items.
SELECT declaration_id, version, state, head, data_key, decisions FROM router_version
WHERE declaration_id IN (SELECT value FROM json_each(?));

-- name: router.find_held
-- Versions that wait for the one before them, with their sealed items.
SELECT declaration_id, version, sealed FROM router_version
WHERE declaration_id IN (SELECT value FROM json_each(?)) AND state = 'HELD';

-- name: router.find_sealed
-- The sealed items of the versions in force, or of those before where a newer one was refused.
SELECT v.declaration_id, v.version, v.sealed FROM router_version v
WHERE v.declaration_id IN (SELECT value FROM json_each(?)) AND v.state = 'APPLIED' AND NOT EXISTS (
    SELECT 1 FROM router_version n
    WHERE n.declaration_id = v.declaration_id AND n.version > v.version AND n.state = 'APPLIED'
);

-- name: router.find_waits
-- What the cases of declarations wait for.
SELECT case_id, declaration_id, waits_for, away, attempts, next_at, deadline_at, assessment FROM router_wait
WHERE declaration_id IN (SELECT value FROM json_each(?));

-- name: router.find_declarations_of_items
-- Declarations by identifiers of their items, as reports name them.
SELECT id FROM router_declaration WHERE identifier IN (SELECT value FROM json_each(?)) AND environment = ?;

-- name: router.find_declarations_of_cases
-- Declarations by ids of their cases, as reports name them: an id begins with 24 digits of its declaration's.
SELECT d.id FROM json_each(?) AS c JOIN router_declaration AS d
    ON d.id >= substr(c.value, 1, 24) AND d.id < substr(c.value, 1, 24) || 'g'
WHERE d.environment = ?;

-- name: router.find_decisions
-- Which decisions of an authority are known, and the cases they are on.
SELECT decision_id, case_id FROM router_decision
WHERE decision_id IN (SELECT value FROM json_each(?)) AND environment = ? AND authority = ?;

-- name: router.find_decisions_of_cases
-- All decisions on cases, oldest first.
SELECT body FROM router_decision
WHERE case_id IN (SELECT value FROM json_each(?)) ORDER BY at, rowid;

-- name: router.find_any_report
-- Whether there is any report at all: mostly there is none.
SELECT 1 FROM router_report WHERE received_at > 0 LIMIT 1;

-- name: router.find_waiting
-- Reports that wait for items or cases.
SELECT environment, authority, decision_id, place, state, received_at, body FROM router_report
WHERE place IN (SELECT value FROM json_each(?)) AND state = 'WAITING';

-- name: router.find_reports
-- Reports of an authority that wait, by decision.
SELECT environment, authority, decision_id, place, state, received_at, body FROM router_report
WHERE decision_id IN (SELECT value FROM json_each(?)) AND environment = ? AND authority = ?;

-- name: router.find_missed
-- Waiting reports received since a time whose case is there: it came while the report was being stored.
SELECT environment, authority, decision_id, place, state, received_at, body FROM router_report r
WHERE received_at >= ? AND state = 'WAITING' AND (
    EXISTS (SELECT 1 FROM router_declaration d WHERE d.id >= substr(r.place, 1, 24) AND d.id < substr(r.place, 1, 24) || 'g')
    OR EXISTS (
        SELECT 1 FROM router_declaration d WHERE d.identifier = r.place AND d.environment = r.environment
            AND instr(char(10) || d.cases, char(10) || r.authority || ' ') > 0
    )
) ORDER BY received_at LIMIT ?;

-- name: router.find_expired
-- Reports that have waited since before a time.
SELECT environment, authority, decision_id, place, state, received_at, body FROM router_report
WHERE received_at < ? ORDER BY received_at LIMIT ?;

-- name: router.find_parked
-- Parked cases that wait for a service, longest first: those whose time has come, and those for which it was away.
SELECT case_id, declaration_id FROM router_wait
WHERE waits_for = ? AND waits_for <> '' AND (away = 1 OR next_at <= ?) ORDER BY next_at LIMIT ?;

-- name: router.find_overdue
-- Pending cases whose deadline has passed.
SELECT case_id, declaration_id FROM router_wait
WHERE deadline_at > 0 AND deadline_at <= ? ORDER BY deadline_at LIMIT ?;

-- name: router.add_declarations
-- A declaration seen for the first time.
INSERT INTO router_declaration (id, environment, identifier, version, state, destination, cases, revision)
VALUES (?, ?, ?, ?, ?, ?, ?, 1);

-- name: router.change_declarations
-- A declaration whose version in force, state or cases changed.
UPDATE router_declaration SET version = ?, state = ?, destination = ?, cases = ?, revision = revision + 1
WHERE id = ? AND revision = ?;

-- name: router.add_versions
-- A version with its sealed item, and the decisions that were made at once.
INSERT INTO router_version (declaration_id, version, state, head, data_key, decisions, sealed)
VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: router.change_versions
-- A held version whose base has come.
UPDATE router_version SET state = ? WHERE declaration_id = ? AND version = ? AND state = 'HELD';

-- name: router.put_waits
-- What a case waits for.
INSERT INTO router_wait (case_id, declaration_id, waits_for, away, attempts, next_at, deadline_at, assessment)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (case_id) DO UPDATE SET
    waits_for = excluded.waits_for, away = excluded.away, attempts = excluded.attempts, next_at = excluded.next_at,
    deadline_at = excluded.deadline_at, assessment = excluded.assessment;

-- name: router.drop_waits
-- A case that waits no longer.
DELETE FROM router_wait WHERE case_id = ?;

-- name: router.add_decisions
-- Decisions are only appended; one that an authority repeats is the same decision.
INSERT INTO router_decision (environment, authority, decision_id, case_id, judged_version, stage, code, at, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (environment, authority, decision_id) DO NOTHING;

-- name: router.add_reports
-- A report that waits for its item, or for a person; one that names its item better takes the place of the first.
INSERT INTO router_report (environment, authority, decision_id, place, state, received_at, body)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (environment, authority, decision_id)
DO UPDATE SET place = excluded.place, state = excluded.state, body = excluded.body;

-- name: router.drop_reports
-- A report that waits no longer.
DELETE FROM router_report WHERE environment = ? AND authority = ? AND decision_id = ?;
