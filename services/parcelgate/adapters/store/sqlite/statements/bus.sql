-- name: bus.taken
-- Bodies of the messages at the given positions.
SELECT position, message_id, topic, key, body FROM bus_message
WHERE position IN (SELECT value FROM json_each(?)) ORDER BY position;

-- name: bus.depth
-- How many messages a queue holds.
SELECT count(*) FROM bus_message WHERE queue = ?;

-- name: bus.probe_update
-- Changes nothing that matters: the contract suite shows with it what an exact write does to a missing row.
UPDATE bus_message SET key = key WHERE message_id = ? AND queue = ?;
