-- Retention. The newest event and the newest activation always stay, because the next ids follow from them.

-- name: oldest_event -> Instant
-- When the oldest event was recorded.
SELECT recorded_at FROM event ORDER BY id LIMIT 1;

-- fragment: asked_open_need
-- Whether a need is open that the activation asked: the inbox shows which of its inputs were withdrawn.
activation.id IN (SELECT need.activation_id FROM mark AS need WHERE need.kind = 'need' AND need.activation_id > 0)

-- fragment: crossing_waits_about(scope, other)
-- Whether a crossing of one of two scopes waits, unless a schedule caused it.
EXISTS (
    SELECT crossing.id
    FROM crossing
    JOIN watch ON watch.id = crossing.watch_id AND watch.active = 1
    WHERE crossing.scope IN ({scope}, {other}) AND crossing.state = 'waiting'
      AND coalesce(crossing.measure, '') <> 'schedule'
  )

-- fragment: is_removable_event
-- Whether an old event may be removed. These events stay: those of live marks, of marks with a deposit in a window, of
-- inputs of activations that are unfinished or asked an open need, and of subjects with a waiting crossing.
event.recorded_at < :before
  AND event.id < (SELECT max(newest.id) FROM event AS newest)
  AND NOT EXISTS (SELECT mark.id FROM mark WHERE mark.id = event.mark_id)
  AND NOT EXISTS (SELECT window_event.event_id FROM window_event WHERE window_event.mark_id = event.mark_id)
  AND NOT EXISTS (
    SELECT activation.id
    FROM activation
    JOIN activation_input ON activation_input.activation_id = activation.id
    WHERE activation_input.mark_id = event.mark_id AND ({is_unfinished} OR {asked_open_need})
  )
  AND NOT {crossing_waits_about(event.subject, '')}

-- fragment: next_old_events
SELECT event.id
FROM event
WHERE {is_removable_event}
ORDER BY event.id
LIMIT :limit + 0

-- name: old_events_of_kinds -> EventRow
-- The next old events of some kinds.
SELECT {event.*} FROM event WHERE event.id IN ({next_old_events}) AND {is_in(event.kind, :kinds)} ORDER BY event.id;

-- name: delete_old_events
-- Delete the next old events.
DELETE FROM event WHERE id IN ({next_old_events});

-- fragment: next_old_events_below
SELECT event.id
FROM event
WHERE event.id < :end AND {is_removable_event}
ORDER BY event.id
LIMIT :limit + 0

-- name: old_events_of_kinds_below -> EventRow
-- The next old events of some kinds, of those below an id.
SELECT {event.*}
FROM event
WHERE event.id IN ({next_old_events_below}) AND {is_in(event.kind, :kinds)}
ORDER BY event.id;

-- name: delete_old_events_below
-- Delete the next old events of those below an id.
DELETE FROM event WHERE id IN ({next_old_events_below});

-- fragment: old_events_between
SELECT event.id FROM event WHERE event.id >= :first AND event.id < :end AND {is_removable_event}

-- name: count_between -> int
-- The number of events in a range of ids.
SELECT count(*) AS count FROM event WHERE event.id >= :first AND event.id < :end;

-- name: count_old_between -> int
-- The number of old events in a range of ids that may be removed.
SELECT count(*) AS count FROM ({old_events_between}) AS old;

-- name: old_events_of_kinds_between -> EventRow
-- The old events of some kinds in a range of ids that may be removed.
SELECT {event.*}
FROM event
WHERE event.id IN ({old_events_between}) AND {is_in(event.kind, :kinds)}
ORDER BY event.id;

-- name: staying_events -> EventRow
-- The events in a range of ids that may not be removed.
SELECT {event.*}
FROM event
WHERE event.id >= :first AND event.id < :end AND event.id NOT IN ({old_events_between});

-- name: staying_events_of_subjects -> EventRow
-- The events of some subjects in a range of ids that may not be removed.
SELECT {event.*}
FROM event
WHERE event.id >= :first AND event.id < :end AND {is_in(event.subject, :subjects)}
  AND event.id NOT IN ({old_events_between} AND {is_in(event.subject, :subjects)});

-- name: crossing_waits_for_board -> int
-- Whether a crossing over the whole board waits, for which all history stays.
SELECT CASE WHEN {crossing_waits_about('', '')} THEN 1 ELSE 0 END AS waits;

-- name: newest_work -> NewestWork
-- The newest crossing and the newest activation.
SELECT (SELECT max(crossing.id) FROM crossing) AS crossing_id, (SELECT max(activation.id) FROM activation) AS activation_id;

-- name: noticed_at -> Instant
-- When a crossing was noticed.
SELECT noticed_at FROM crossing WHERE id = :id;

-- name: subjects_since -> str
-- The subjects of newer crossings, and of the marks that newer activations were given.
SELECT crossing.scope AS subject FROM crossing WHERE crossing.id > :crossing_id AND crossing.scope <> ''
UNION
SELECT event.subject AS subject
FROM activation_input
JOIN event ON event.id = activation_input.event_id
WHERE activation_input.activation_id > :activation_id;

-- name: event_behind -> Id
-- The event that follows a number of events, counted from an id.
SELECT id FROM event WHERE id >= :first ORDER BY id LIMIT 1 OFFSET :count + 0;

-- name: newest_below -> Instant
-- When the newest of the events below an id was recorded.
SELECT recorded_at FROM event WHERE id < :end ORDER BY id DESC LIMIT 1;

-- name: old_activations -> Id
-- The next old activations that are finished and asked no need that is open.
SELECT id
FROM activation
WHERE state IN ('done', 'faded', 'skipped', 'discarded') AND finished_at < :before
  AND id < (SELECT max(newest.id) FROM activation AS newest)
  AND NOT {asked_open_need}
ORDER BY finished_at
LIMIT :limit + 0;

-- name: delete_activations
-- Delete some activations.
DELETE FROM activation WHERE {is_in(id, :ids)};

-- name: delete_inputs
-- Delete the inputs of some activations.
DELETE FROM activation_input WHERE {is_in(activation_id, :ids)};

-- name: delete_crossings
-- Delete the crossings of some activations.
DELETE FROM crossing WHERE {is_in(activation_id, :ids)};

-- name: delete_calls
-- Delete the calls of some activations.
DELETE FROM model_call WHERE {is_in(activation_id, :ids)};

-- name: delete_old_crossings
-- Delete the next old withdrawn crossings, and those that have waited as long for an agent that is gone.
DELETE FROM crossing WHERE id IN (
  SELECT id
  FROM crossing
  WHERE (state = 'withdrawn' AND closed_at < :before)
    OR (state = 'waiting' AND noticed_at < :before
      AND watch_id IN (SELECT watch.id FROM watch WHERE watch.active = 0))
  LIMIT :limit + 0
);

-- name: delete_old_keys
-- Delete the next old keys of deposits.
DELETE FROM deposit_key WHERE (key, author, kind) IN (
  SELECT key, author, kind FROM deposit_key WHERE at < :before LIMIT :limit + 0
);

-- name: delete_old_calls
-- Delete the next old finished calls.
DELETE FROM model_call WHERE id IN (
  SELECT id
  FROM model_call
  WHERE state IN ('applied', 'failed', 'rejected', 'unusable', 'cost_recorded') AND planned_at < :before
  LIMIT :limit + 0
);

-- name: delete_old_cooldowns
-- Delete the next cooldowns that have ended.
DELETE FROM subject_cooldown WHERE (agent, scope) IN (
  SELECT agent, scope FROM subject_cooldown WHERE until <= :now LIMIT :limit + 0
);

-- name: delete_absorbed_of_gone
-- Delete the next records of absorption that were kept for a crossing which no longer waits.
DELETE FROM absorbed WHERE (watch_id, mark_id) IN (
  SELECT absorbed.watch_id, absorbed.mark_id
  FROM absorbed
  WHERE {is_silently_absorbed}
    AND NOT EXISTS (SELECT mark.id FROM mark WHERE mark.id = absorbed.mark_id)
    AND NOT EXISTS ({crossing_waits_for_watch})
  LIMIT :limit + 0
);

-- name: count_laws -> int
-- The number of registered laws.
SELECT count(*) AS count FROM law;

-- name: delete_old_activity
-- Delete the next old activity. Ids and instants have the same order, so only the oldest rows are read.
DELETE FROM activity_event WHERE id IN (
  SELECT oldest.id
  FROM (SELECT activity_event.id, activity_event.recorded_at FROM activity_event ORDER BY activity_event.id LIMIT :limit + 0) AS oldest
  WHERE oldest.recorded_at < :before AND oldest.id < (SELECT max(newest.id) FROM activity_event AS newest)
);

-- fragment: is_unused_law
law.law NOT IN (SELECT kind.law FROM kind)
  AND law.law NOT IN (SELECT law_change.law FROM law_change)
  AND law.law NOT IN (SELECT law_change.new_law FROM law_change)
  AND law.law NOT IN (SELECT watch_total.law FROM watch_total)

-- name: unused_laws -> str
-- Laws to which nothing refers. It reads the whole history, so it runs outside a writing transaction.
SELECT law.law
FROM law
WHERE {is_unused_law}
  AND law.law NOT IN (SELECT crossing.law FROM crossing WHERE crossing.state = 'waiting')
  AND law.law NOT IN (SELECT event.law FROM event)
LIMIT :limit + 0;

-- fragment: is_still_unused_law
{is_unused_law}
  AND law.law = :law
  AND NOT EXISTS (SELECT event.id FROM event WHERE event.id > :since AND event.law = :law)

-- name: delete_law_segments
-- Delete the segments of a curve that is still unused.
DELETE FROM law_segment WHERE law IN (SELECT law.law FROM law WHERE {is_still_unused_law});

-- name: delete_law
-- Delete a law that is still unused.
DELETE FROM law WHERE {is_still_unused_law};
