-- name: bus.probe_update
-- Changes nothing that matters: the contract suite shows with it what an exact write does to a missing row.
UPDATE runner.retry AS t SET key = t.key FROM unnest($1::text[], $2::text[]) AS r (message_id, consumer)
WHERE t.message_id = r.message_id AND t.consumer = r.consumer;
