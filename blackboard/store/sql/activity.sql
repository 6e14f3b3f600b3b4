-- What agents, people and programs did.
--
-- An id follows the last id that its transaction sees, and the newest row always stays. So no id is committed before a
-- smaller one, and none is used twice. A sequence of PostgreSQL would promise neither.

-- name: insert_activity
-- Record what happened. SQLite takes the next id for NULL.
INSERT INTO activity_event (id, recorded_at, event, agent, watch_id, scope, activation_id, crossing_id, mark_id, old_state,
  state, author, token, version)
VALUES (nullif(:id, 0), :recorded_at, :event, :agent, :watch_id, :scope, :activation_id, :crossing_id, :mark_id,
  :old_state, :state, :author, :token, :version);

-- name: insert_activity (postgresql)
INSERT INTO activity_event (id, recorded_at, event, agent, watch_id, scope, activation_id, crossing_id, mark_id, old_state,
  state, author, token, version)
VALUES ((SELECT coalesce(max(newest.id), 0) + 1 FROM activity_event AS newest), :recorded_at, :event, :agent, :watch_id,
  :scope, :activation_id, :crossing_id, :mark_id, :old_state, :state, :author, :token, :version);

-- name: activity_after -> ActivityEntry
-- What happened after an entry, oldest first, with the names of the watches.
SELECT {activity_event.*}, watch.name AS watch
FROM activity_event
LEFT JOIN watch ON watch.id = activity_event.watch_id
WHERE activity_event.id > :after
ORDER BY activity_event.id
LIMIT :limit + 0;

-- name: last_ids -> LastIds
-- The id of the last event of a mark, and that of the last activity.
SELECT (SELECT max(event.id) FROM event) AS event_id, (SELECT max(activity_event.id) FROM activity_event) AS activity_id;
