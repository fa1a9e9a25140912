-- name: router.find_declarations
-- Where declarations stand.
SELECT id, environment, identifier, version, state, destination, revision FROM router_declaration
WHERE id IN (SELECT value FROM json_each(?));

-- name: router.find_heads
-- All versions of declarations, without their sealed items.
SELECT declaration_id, version, state, head, data_key FROM router_version
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

-- name: router.find_cases
-- All cases of declarations.
SELECT id, declaration_id, environment, authority, procedure, way, deadline_hours, version, round, state, waits_for,
    away, attempts, next_at, deadline_at, assessment, revision FROM router_case
WHERE declaration_id IN (SELECT value FROM json_each(?));

-- name: router.find_declarations_of_items
-- Declarations by identifiers of their items, as reports name them.
SELECT id FROM router_declaration WHERE identifier IN (SELECT value FROM json_each(?)) AND environment = ?;

-- name: router.find_declarations_of_cases
-- Declarations by ids of their cases, as reports name them.
SELECT declaration_id FROM router_case WHERE id IN (SELECT value FROM json_each(?)) AND environment = ?;

-- name: router.find_decisions
-- Which decisions of an authority are known, and the cases they are on.
SELECT decision_id, case_id FROM router_decision
WHERE decision_id IN (SELECT value FROM json_each(?)) AND environment = ? AND authority = ?;

-- name: router.find_decisions_of_cases
-- All decisions on cases, oldest first.
SELECT case_id, judged_version, body FROM router_decision
WHERE case_id IN (SELECT value FROM json_each(?)) ORDER BY at, rowid;

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
    EXISTS (SELECT 1 FROM router_case c WHERE c.id = r.place)
    OR EXISTS (
        SELECT 1 FROM router_declaration d JOIN router_case c ON c.declaration_id = d.id
        WHERE d.identifier = r.place AND d.environment = r.environment AND c.authority = r.authority
    )
) ORDER BY received_at LIMIT ?;

-- name: router.find_expired
-- Reports that have waited since before a time.
SELECT environment, authority, decision_id, place, state, received_at, body FROM router_report
WHERE received_at < ? ORDER BY received_at LIMIT ?;

-- name: router.find_parked
-- Parked cases that wait for a service, longest first: those whose time has come, and those for which it was away.
SELECT id, declaration_id FROM router_case
WHERE state = 'PARKED' AND waits_for = ? AND (away = 1 OR next_at <= ?) ORDER BY next_at LIMIT ?;

-- name: router.find_overdue
-- Pending cases whose deadline has passed.
SELECT id, declaration_id FROM router_case WHERE state = 'PENDING' AND deadline_at <= ? ORDER BY deadline_at LIMIT ?;

-- name: router.add_declarations
-- A declaration seen for the first time.
INSERT INTO router_declaration (id, environment, identifier, version, state, destination, revision)
VALUES (?, ?, ?, ?, ?, ?, 1);

-- name: router.change_declarations
-- A declaration whose version in force or state changed.
UPDATE router_declaration SET version = ?, state = ?, destination = ?, revision = revision + 1
WHERE id = ? AND revision = ?;

-- name: router.add_versions
-- A version with its sealed item.
INSERT INTO router_version (declaration_id, version, state, head, data_key, sealed) VALUES (?, ?, ?, ?, ?, ?);

-- name: router.change_versions
-- A held version whose base has come.
UPDATE router_version SET state = ? WHERE declaration_id = ? AND version = ? AND state = 'HELD';

-- name: router.add_cases
-- A case opened for the first time.
INSERT INTO router_case (id, declaration_id, environment, authority, procedure, way, deadline_hours, version, round,
    state, waits_for, away, attempts, next_at, deadline_at, assessment, revision)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1);

-- name: router.change_cases
-- A case that went on.
UPDATE router_case SET way = ?, deadline_hours = ?, version = ?, round = ?, state = ?, waits_for = ?, away = ?,
    attempts = ?, next_at = ?, deadline_at = ?, assessment = ?, revision = revision + 1
WHERE id = ? AND revision = ?;

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
