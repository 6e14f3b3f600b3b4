-- Watches and their absorbed marks, crossings, predicted crossings, sums over the board, and backfills.

-- name: all_watches -> WatchRow
-- Every watch that was ever registered.
SELECT {watch.*} FROM watch;

-- name: insert_watch
-- Register a watch.
INSERT INTO watch (agent, name, condition, active, watermark) VALUES (:agent, :name, :condition, :active, :watermark);

-- name: find_watch -> int
-- A watch by its agent and name.
SELECT id FROM watch WHERE agent = :agent AND name = :name;

-- name: set_watch_active
-- Activate or deactivate a watch.
UPDATE watch SET active = :active WHERE id = :id;

-- name: set_watch_condition
-- Change the condition of a watch.
UPDATE watch SET condition = :condition, active = :active WHERE id = :id;

-- name: rename_agent_of_watches
-- Rename an agent in its watches.
UPDATE watch SET agent = :agent WHERE agent = :former;

-- name: set_scheduled_from
-- Set the first deployment of a schedule, unless it is known.
UPDATE watch SET scheduled_from = coalesce(scheduled_from, :at) WHERE id = :id;

-- name: forget_schedule
-- Delete the first deployment of a schedule, because its watch now has a condition on marks.
UPDATE watch SET scheduled_from = NULL WHERE id = :id;

-- name: get_watermark -> Id
-- The event up to which a watch over the board has absorbed everything.
SELECT watermark FROM watch WHERE id = :id;

-- name: set_watermark
-- Move a watch's watermark.
UPDATE watch SET watermark = :watermark WHERE id = :id;

-- name: get_watch -> WatchRow
-- One watch by its id.
SELECT {watch.*} FROM watch WHERE watch.id = :id;

-- name: get_absorbed -> AbsorbedRow
-- The event up to which a watch absorbed a mark, and the event of the state that the agent was last given.
SELECT {absorbed.*} FROM absorbed WHERE absorbed.watch_id = :watch_id AND absorbed.mark_id = :mark_id;

-- name: absorbed_of_marks -> AbsorbedRow
-- What a watch has absorbed of any of some marks.
SELECT {absorbed.*} FROM absorbed WHERE absorbed.watch_id = :watch_id AND {is_in(absorbed.mark_id, :mark_ids)};

-- name: absorbed_by_watches -> AbsorbedByWatch
-- The watermarks of some watches, each with what the watch has absorbed of the marks of a subject.
SELECT {absorbed.*}, watch.id AS watch_id, watch.watermark
FROM watch
LEFT JOIN mark ON mark.kind = :kind AND mark.subject = :subject
LEFT JOIN absorbed ON absorbed.watch_id = watch.id AND absorbed.mark_id = mark.id
WHERE {is_in(watch.id, :watch_ids)};

-- name: set_absorbed
-- Record that a watch absorbed an event of a mark.
INSERT INTO absorbed (watch_id, mark_id, event_id, activation_id, given_event_id)
VALUES (:watch_id, :mark_id, :event_id, :activation_id, :given_event_id)
ON CONFLICT (watch_id, mark_id) DO UPDATE
SET event_id = excluded.event_id, activation_id = excluded.activation_id, given_event_id = excluded.given_event_id;

-- name: delete_absorbed
-- Delete the record of the event of a mark that a watch absorbed.
DELETE FROM absorbed WHERE watch_id = :watch_id AND mark_id = :mark_id;

-- name: dropped_marks -> MarkRow
-- The stored marks, perhaps of one subject or group, whose crossings a guard of a watch dropped.
SELECT {mark.*}
FROM absorbed
JOIN mark ON mark.id = absorbed.mark_id
WHERE absorbed.watch_id = :watch_id AND absorbed.activation_id = :dropped
  [subject: AND mark.subject = :subject]
  [group: AND EXISTS (
    SELECT mark_tag.mark_id
    FROM mark_tag
    WHERE mark_tag.mark_id = mark.id AND mark_tag.name = :tag AND mark_tag.value = :key
  )];

-- name: delete_absorbed_of_inputs
-- Delete the records of the marks of an activation, because a watermark covers them.
DELETE FROM absorbed
WHERE watch_id = :watch_id
  AND mark_id IN (
    SELECT activation_input.mark_id FROM activation_input WHERE activation_input.activation_id = :activation_id
  );

-- name: absorb_marks_of_author
-- Record the marks of one author as absorbed, except those with an event of another author that still counts.
INSERT INTO absorbed (watch_id, mark_id, event_id, activation_id)
SELECT :watch_id, mark.id, mark.event_id, 0
FROM {mark_with_absorbed}
WHERE coalesce(mark.last_author, mark.author) = :author
  AND (mark.other_event_id IS NULL
    OR mark.other_event_id <= coalesce(absorbed.event_id, 0)
    OR mark.other_event_id <= (SELECT watch.watermark FROM watch WHERE watch.id = :watch_id))
ON CONFLICT (watch_id, mark_id) DO UPDATE SET event_id = excluded.event_id, activation_id = excluded.activation_id;

-- fragment: absorb_marks_of_kind
-- Record marks of a kind as absorbed by a watch that has no record of them.
INSERT INTO absorbed (watch_id, mark_id, event_id, activation_id, given_event_id)
SELECT :watch_id, mark.id, mark.event_id, 0, mark.event_id
FROM mark
WHERE mark.kind = :kind
  AND NOT EXISTS (
    SELECT absorbed.mark_id FROM absorbed WHERE absorbed.watch_id = :watch_id AND absorbed.mark_id = mark.id
  )

-- name: absorb_up_to
-- Record the marks of a kind up to a watermark as absorbed, mark by mark.
{absorb_marks_of_kind}
  AND mark.event_id <= :watermark;

-- name: absorb_inputs
-- Record as absorbed the marks of a kind that activations of a watch absorbed before.
{absorb_marks_of_kind}
  AND EXISTS (
    SELECT activation_input.activation_id
    FROM activation_input
    JOIN activation ON activation.id = activation_input.activation_id
    WHERE activation_input.mark_id = mark.id AND activation_input.event_id >= mark.event_id
      AND activation_input.role = 'absorbed' AND activation.watch_id = :watch_id
  );

-- name: insert_crossing
-- Record a crossing.
INSERT INTO crossing (id, watch_id, scope, mark_id, state, crossed_at, noticed_at, value, threshold, marks, urgent,
  ready_at, held_by, law, order_key, event_id, activation_id, closed_at, measure, cause, began_at)
VALUES (:id, :watch_id, :scope, :mark_id, :state, :crossed_at, :noticed_at, :value, :threshold, :marks, :urgent,
  :ready_at, :held_by, :law, :order_key, :event_id, :activation_id, :closed_at, :measure, :cause, :began_at);

-- name: renew_crossing
-- Update a waiting crossing. If it is held, its instant stays; otherwise the earlier instant counts.
UPDATE crossing
SET law = :law, order_key = :order_key, event_id = :event_id, marks = :marks, cause = coalesce(cause, :cause),
  urgent = CASE WHEN urgent > :urgent THEN urgent ELSE :urgent END,
  ready_at = CASE WHEN held_by IS NOT NULL THEN ready_at WHEN ready_at < :ready_at THEN ready_at ELSE :ready_at END
WHERE watch_id = :watch_id AND scope = :scope AND mark_id = :mark_id AND state = 'waiting';

-- name: renew_scheduled (quiet)
-- Make the waiting crossing of a schedule also cover a later instant.
UPDATE crossing SET crossed_at = :crossed_at, noticed_at = :noticed_at, value = :value WHERE id = :id;

-- name: last_scheduled -> CrossingRow
-- The newest crossing of a schedule that no longer waits.
SELECT {crossing.*}
FROM crossing
WHERE crossing.scope = '' AND crossing.watch_id = :watch_id AND crossing.state <> 'waiting'
  AND crossing.measure = 'schedule'
ORDER BY crossing.id DESC
LIMIT 1;

-- name: crossed_since -> Id
-- Whether a watch crossed for a scope or mark since an instant.
SELECT id
FROM crossing
WHERE watch_id = :watch_id AND scope = :scope AND mark_id = :mark_id AND crossed_at >= :since
LIMIT 1;

-- name: waiting_crossing -> CrossingRow
-- The crossing that waits for a scope or mark.
SELECT {crossing.*}
FROM crossing
WHERE crossing.watch_id = :watch_id AND crossing.scope = :scope AND crossing.mark_id = :mark_id
  AND crossing.state = 'waiting'
LIMIT 1;

-- name: last_crossing_id -> Id
-- The id of the newest crossing; 0 if there is none.
SELECT coalesce(max(id), 0) AS id FROM crossing;

-- name: get_crossing -> CrossingRow
-- One crossing by its id.
SELECT {crossing.*} FROM crossing WHERE crossing.id = :id;

-- name: crossings_since -> CrossingRow
-- The crossings that were recorded after another, oldest first.
SELECT {crossing.*} FROM crossing WHERE crossing.id > :since ORDER BY crossing.id;

-- name: waiting_of_watch -> CrossingRow
-- The crossings that wait for a watch, oldest first.
SELECT {crossing.*}
FROM crossing
WHERE crossing.watch_id = :watch_id AND crossing.state = 'waiting'
ORDER BY crossing.id;

-- name: waiting_of_scope -> CrossingRow
-- The crossings of one scope that wait for a watch, oldest first.
SELECT {crossing.*}
FROM crossing
WHERE crossing.watch_id = :watch_id AND crossing.scope = :scope AND crossing.state = 'waiting'
ORDER BY crossing.id;

-- name: strongest_of_law -> CrossingRow
-- The waiting crossings of a watch with the highest bounds under one law, whatever holds them.
SELECT {crossing.*}
FROM crossing
WHERE crossing.watch_id = :watch_id AND crossing.state = 'waiting' AND crossing.law = :law
ORDER BY crossing.order_key DESC, crossing.id
LIMIT :limit + 0;

-- name: first_ready -> Instant | None
-- When the first of the ready crossings of a watch became ready.
SELECT min(ready_at) AS ready_at FROM crossing WHERE watch_id = :watch_id AND state = 'waiting' AND ready_at <= :now;

-- name: ending_deferrals -> CrossingRow
-- The waiting crossings of a watch whose deferral or batch window ends by time, soonest first.
SELECT {crossing.*}
FROM crossing
WHERE crossing.watch_id = :watch_id AND crossing.state = 'waiting' AND crossing.ready_at > :now
ORDER BY crossing.ready_at, crossing.id
LIMIT :limit + 0;

-- name: first_window -> BatchWindow
-- The crossing of a watch whose batch window ends first.
SELECT id, ready_at
FROM crossing
WHERE watch_id = :watch_id AND state = 'waiting' AND held_by IS NULL AND ready_at > :now
ORDER BY ready_at, id
LIMIT 1;

-- name: waiting_watches -> WaitingWatch
-- The watches with waiting crossings, and when the next crossing of each becomes ready. It skips through an index.
WITH RECURSIVE waiting (watch_id) AS (
  SELECT min(watch_id) FROM crossing WHERE state = 'waiting'
  UNION ALL
  SELECT (SELECT min(crossing.watch_id) FROM crossing WHERE state = 'waiting' AND crossing.watch_id > waiting.watch_id)
  FROM waiting
  WHERE waiting.watch_id IS NOT NULL
)
SELECT waiting.watch_id, (
    SELECT min(crossing.ready_at)
    FROM crossing
    WHERE crossing.watch_id = waiting.watch_id AND crossing.state = 'waiting' AND crossing.ready_at > :now
  ) AS next_ready
FROM waiting
WHERE waiting.watch_id IS NOT NULL;

-- name: waiting_watches (postgresql)
WITH RECURSIVE waiting (watch_id) AS (
  SELECT (SELECT crossing.watch_id FROM crossing WHERE state = 'waiting' ORDER BY crossing.watch_id LIMIT 1)
  UNION ALL
  SELECT (
      SELECT crossing.watch_id
      FROM crossing
      WHERE state = 'waiting' AND crossing.watch_id > waiting.watch_id
      ORDER BY crossing.watch_id
      LIMIT 1
    )
  FROM waiting
  WHERE waiting.watch_id IS NOT NULL
)
SELECT waiting.watch_id, (
    SELECT crossing.ready_at
    FROM crossing
    WHERE crossing.watch_id = waiting.watch_id AND crossing.state = 'waiting' AND crossing.ready_at > :now
    ORDER BY crossing.ready_at
    LIMIT 1
  ) AS next_ready
FROM waiting
WHERE waiting.watch_id IS NOT NULL;

-- name: count_waiting_marks -> int
-- The number of marks of a watch's waiting crossings that nothing holds, of at most a limit of crossings.
SELECT coalesce(sum(first.marks), 0) AS marks
FROM (
  SELECT marks FROM crossing WHERE watch_id = :watch_id AND state = 'waiting' AND held_by IS NULL LIMIT :limit + 0
) AS first;

-- name: full_scope -> str
-- The first subject or group of a watch whose waiting marks fill a batch.
SELECT scope
FROM crossing
WHERE watch_id = :watch_id AND state = 'waiting' AND held_by IS NULL
GROUP BY scope
HAVING sum(marks) >= :full
ORDER BY min(id)
LIMIT 1;

-- name: claimable_of_law -> CrossingRow
-- The strongest claimable crossings of a watch under one law.
SELECT {crossing.*}
FROM crossing
WHERE crossing.watch_id = :watch_id AND crossing.state = 'waiting'
  AND (crossing.held_by IS NULL OR crossing.ready_at <= :now)
  [ready: AND crossing.ready_at <= :now]
  AND crossing.law = :law
ORDER BY crossing.order_key DESC, crossing.id
LIMIT :limit + 0;

-- name: first_claimable -> CrossingRow
-- The strongest claimable crossings of a watch under each law, highest bounds first. It skips through an index.
WITH RECURSIVE waiting (law) AS (
  SELECT min(law) FROM crossing WHERE watch_id = :watch_id AND state = 'waiting'
  UNION ALL
  SELECT (
      SELECT min(crossing.law)
      FROM crossing
      WHERE crossing.watch_id = :watch_id AND crossing.state = 'waiting' AND crossing.law > waiting.law
    )
  FROM waiting
  WHERE waiting.law IS NOT NULL
)
SELECT {crossing.*}
FROM waiting
CROSS JOIN crossing
WHERE crossing.id IN (
    SELECT best.id
    FROM crossing AS best
    WHERE best.watch_id = :watch_id AND best.state = 'waiting' AND (best.held_by IS NULL OR best.ready_at <= :now)
      [ready: AND best.ready_at <= :now]
      AND best.law = waiting.law
    ORDER BY best.order_key DESC, best.id
    LIMIT :limit + 0
  )
ORDER BY crossing.law, crossing.order_key DESC, crossing.id;

-- name: first_claimable (postgresql)
-- Without statistics, the database server reads all waiting crossings for min(law).
WITH RECURSIVE waiting (law) AS (
  SELECT (
      SELECT crossing.law
      FROM crossing
      WHERE crossing.watch_id = :watch_id AND crossing.state = 'waiting'
      ORDER BY crossing.law
      LIMIT 1
    )
  UNION ALL
  SELECT (
      SELECT crossing.law
      FROM crossing
      WHERE crossing.watch_id = :watch_id AND crossing.state = 'waiting' AND crossing.law > waiting.law
      ORDER BY crossing.law
      LIMIT 1
    )
  FROM waiting
  WHERE waiting.law IS NOT NULL
)
SELECT {crossing.*}
FROM waiting
CROSS JOIN LATERAL (
  SELECT best.*
  FROM crossing AS best
  WHERE best.watch_id = :watch_id AND best.state = 'waiting' AND (best.held_by IS NULL OR best.ready_at <= :now)
    [ready: AND best.ready_at <= :now]
    AND best.law = waiting.law
  ORDER BY best.order_key DESC, best.id
  LIMIT :limit + 0
) AS crossing
WHERE waiting.law IS NOT NULL
ORDER BY crossing.law, crossing.order_key DESC, crossing.id;

-- name: next_law_waiting -> str | None
-- The next law of the crossings that wait for a watch. Run repeatedly, it skips through the index.
SELECT min(law) AS law FROM crossing WHERE watch_id = :watch_id AND state = 'waiting' AND law > :after;

-- name: defer_crossing
-- Hold a crossing, until an instant or, if that is NULL, until a mark changes.
UPDATE crossing SET held_by = :held_by, ready_at = :ready_at WHERE id = :id;

-- name: wake_crossing
-- End the batch window of a crossing for good, as if an urgent mark had come.
UPDATE crossing SET held_by = NULL, ready_at = :now, urgent = 1 WHERE id = :id;

-- name: defer_for_retest
-- Hold all waiting crossings of a watch that changed, until each is tested again.
UPDATE crossing SET held_by = 'retest', ready_at = NULL WHERE watch_id = :watch_id AND state = 'waiting';

-- name: deferred_for_retest -> CrossingRow
-- The next crossings of a watch that are to be tested again. Those that stay get an instant.
SELECT {crossing.*}
FROM crossing
WHERE crossing.watch_id = :watch_id AND crossing.state = 'waiting' AND crossing.ready_at IS NULL
  AND crossing.held_by = 'retest'
LIMIT :limit + 0;

-- name: restate_crossing
-- Set the measured value of a waiting crossing under its changed watch; its instants and its cause stay.
UPDATE crossing
SET scope = :scope, mark_id = :mark_id, value = :value, threshold = :threshold, measure = :measure, law = :law,
  order_key = :order_key, marks = :marks, urgent = :urgent, ready_at = :ready_at, held_by = NULL
WHERE id = :id;

-- name: antedate_crossing (quiet)
-- Set an earlier instant of a crossing.
UPDATE crossing SET crossed_at = :at WHERE id = :id AND crossed_at > :at;

-- name: set_order (quiet)
-- Set the upper bound of a crossing's strength.
UPDATE crossing SET law = :law, order_key = :order_key WHERE id = :id;

-- name: set_order_of_waiting (quiet)
-- Set the upper bound of the strength of the crossing that waits for a scope or mark.
UPDATE crossing
SET law = :law, order_key = :order_key
WHERE watch_id = :watch_id AND scope = :scope AND mark_id = :mark_id AND state = 'waiting';

-- name: close_crossing (quiet)
-- End a crossing, or give it to an activation that claims it.
UPDATE crossing SET state = :state, activation_id = :activation_id, closed_at = :closed_at WHERE id = :id;

-- fragment: release
-- Release the crossings that a guard holds. They are ready at the end of their batch window, which ends immediately if
-- they are urgent or full: see `RegisteredWatch.batch_window_end`.
UPDATE crossing
SET held_by = NULL, ready_at = CASE
    WHEN urgent = 1 OR marks >= :full THEN :at
    WHEN noticed_at + :batch_window > :at THEN noticed_at + :batch_window
    ELSE :at
  END
WHERE watch_id = :watch_id AND state = 'waiting' AND held_by = 'guard'

-- name: release_watch
-- Release the crossings of all scopes that a guard holds.
{release};

-- name: release_scope
-- Release the crossings of one scope that a guard holds.
{release} AND scope = :scope;

-- name: close_watch
-- Withdraw all waiting crossings of a watch.
UPDATE crossing SET state = 'withdrawn', closed_at = :at WHERE watch_id = :watch_id AND state = 'waiting';

-- name: close_gone_of_mark (quiet)
-- Withdraw the crossings of gone agents that wait because of a mark.
UPDATE crossing
SET state = 'withdrawn', closed_at = :at
WHERE scope = :scope AND mark_id = :mark_id AND state = 'waiting'
  AND watch_id IN (SELECT watch.id FROM watch WHERE watch.active = 0);

-- name: waiting_for_gone -> GoneCrossing
-- The crossings that wait for agents that are gone, with their watches. SQLite keeps the order of a CROSS JOIN.
SELECT {crossing.*}, watch.agent, watch.name AS watch, watch.condition
FROM watch
CROSS JOIN crossing
WHERE watch.active = 0 AND crossing.watch_id = watch.id AND crossing.state = 'waiting'
  [limit: ORDER BY crossing.value DESC, crossing.id LIMIT :limit + 0];

-- name: first_waiting -> Instant | None
-- The earliest instant when a crossing that waits for a watch crossed.
SELECT min(crossed_at) AS crossed_at FROM crossing WHERE watch_id = :watch_id AND state = 'waiting';

-- name: count_waiting_for_gone -> NamedCount
-- The number of waiting crossings of each gone agent.
SELECT watch.agent AS name, count(*) AS number
FROM watch
CROSS JOIN crossing
WHERE watch.active = 0 AND crossing.watch_id = watch.id AND crossing.state = 'waiting'
GROUP BY watch.agent
ORDER BY watch.agent;

-- name: give_crossing (quiet)
-- Give a crossing to another activation.
UPDATE crossing SET activation_id = :activation_id WHERE id = :id;

-- name: finish_crossings (quiet)
-- End all crossings of an activation.
UPDATE crossing SET state = :state, closed_at = :at WHERE activation_id = :activation_id;

-- name: move_crossing (quiet)
-- Move the crossing of one mark to another activation.
UPDATE crossing SET activation_id = :to_id WHERE activation_id = :from_id AND mark_id = :mark_id;

-- name: move_crossings_without_marks (quiet)
-- Move the crossings of subjects of which an activation has no marks left.
UPDATE crossing
SET activation_id = :to_id
WHERE activation_id = :from_id AND mark_id = 0 AND scope <> '' AND NOT {is_group(scope)}
  AND NOT EXISTS (
    SELECT activation_input.mark_id
    FROM activation_input
    JOIN event ON event.id = activation_input.event_id
    WHERE activation_input.activation_id = :from_id AND activation_input.role = 'absorbed'
      AND event.subject = crossing.scope
  );

-- name: count_waiting -> WatchCount
-- The number of waiting crossings of each watch.
SELECT watch_id, count(*) AS number FROM crossing WHERE state = 'waiting' GROUP BY watch_id;

-- name: waiting_by_deferral -> DeferralCount
-- The number of waiting crossings of each watch by what holds them, and the instant of the first.
SELECT watch_id, coalesce(held_by, CASE WHEN ready_at > :now THEN 'batch_window' END) AS held_by, count(*) AS number,
  min(crossed_at) AS oldest
FROM crossing
WHERE state = 'waiting'
GROUP BY 1, 2;

-- name: count_crossings_after -> WatchCount
-- The number of crossings of each watch after a crossing.
SELECT watch_id, count(*) AS number FROM crossing WHERE id > :after GROUP BY watch_id;

-- name: crossings_of_activation -> CrossingRow
-- The crossings that an activation claimed.
SELECT {crossing.*} FROM crossing WHERE crossing.activation_id = :activation_id;

-- name: get_predicted_crossing -> PredictedCrossingRow
-- When time alone concerns a watch next for a scope or mark.
SELECT {predicted_crossing.*}
FROM predicted_crossing
WHERE watch_id = :watch_id AND scope = :scope AND mark_id = :mark_id;

-- name: set_predicted_crossing
-- Predict when time alone concerns a watch next.
INSERT INTO predicted_crossing (watch_id, scope, mark_id, due_at) VALUES (:watch_id, :scope, :mark_id, :due_at)
ON CONFLICT (watch_id, scope, mark_id) DO UPDATE SET due_at = excluded.due_at;

-- name: delete_predicted_crossing
-- Delete one prediction.
DELETE FROM predicted_crossing WHERE watch_id = :watch_id AND scope = :scope AND mark_id = :mark_id;

-- name: delete_predicted_of_watch
-- Delete all predictions of a watch.
DELETE FROM predicted_crossing WHERE watch_id = :watch_id;

-- name: due_predicted -> PredictedCrossingRow
-- The next predictions that are due.
SELECT {predicted_crossing.*}
FROM predicted_crossing
WHERE predicted_crossing.due_at <= :now
ORDER BY predicted_crossing.due_at
LIMIT :limit + 0;

-- name: predictions_after -> PredictedCrossingRow
-- The next predictions of some watches after a given one, in the order of their instants. The `+` keeps SQLite to the
-- index of the instants.
SELECT {predicted_crossing.*}
FROM predicted_crossing
WHERE (predicted_crossing.due_at, predicted_crossing.watch_id, predicted_crossing.scope, predicted_crossing.mark_id)
  > (:due_at, :watch_id, :scope, :mark_id)
  AND {is_in(+predicted_crossing.watch_id, :watch_ids)}
ORDER BY predicted_crossing.due_at, predicted_crossing.watch_id, predicted_crossing.scope, predicted_crossing.mark_id
LIMIT :limit + 0;

-- name: due_predicted_of_scope -> PredictedCrossingRow
-- The predictions of a watch that are due for one scope.
SELECT {predicted_crossing.*}
FROM predicted_crossing
WHERE predicted_crossing.watch_id = :watch_id AND predicted_crossing.scope = :scope
  AND predicted_crossing.due_at <= :now
ORDER BY predicted_crossing.due_at;

-- name: due_predicted_of_watch -> PredictedCrossingRow
-- The predictions of a watch that are due.
SELECT {predicted_crossing.*}
FROM predicted_crossing
WHERE predicted_crossing.watch_id = :watch_id AND predicted_crossing.due_at <= :now
ORDER BY predicted_crossing.due_at;

-- name: get_watch_state -> WatchStateRow
-- The state of a watch over time for a scope or mark.
SELECT {watch_state.*}
FROM watch_state
WHERE watch_state.watch_id = :watch_id AND watch_state.scope = :scope AND watch_state.mark_id = :mark_id;

-- name: set_watch_state
-- Write the state of a watch over time.
INSERT INTO watch_state (watch_id, scope, mark_id, began_at, crossed_at, event_id, dropped)
VALUES (:watch_id, :scope, :mark_id, :began_at, :crossed_at, :event_id, :dropped)
ON CONFLICT (watch_id, scope, mark_id) DO UPDATE
SET began_at = excluded.began_at, crossed_at = excluded.crossed_at, event_id = excluded.event_id,
  dropped = excluded.dropped;

-- name: delete_watch_state
-- Delete the state of a watch for a scope or mark.
DELETE FROM watch_state WHERE watch_id = :watch_id AND scope = :scope AND mark_id = :mark_id;

-- name: delete_states_of_watch
-- Delete all states of a watch.
DELETE FROM watch_state WHERE watch_id = :watch_id;

-- name: recheck_states
-- Plan a test of all states of a watch over time at an instant, including those of subjects without marks.
INSERT INTO predicted_crossing (watch_id, scope, mark_id, due_at)
SELECT watch_id, scope, mark_id, :at + 0 FROM watch_state WHERE watch_id = :watch_id
ON CONFLICT (watch_id, scope, mark_id) DO UPDATE SET due_at = excluded.due_at;

-- name: states_of_scope -> WatchStateRow
-- The states of a watch over time for a scope and its marks.
SELECT {watch_state.*} FROM watch_state WHERE watch_state.watch_id = :watch_id AND watch_state.scope = :scope;

-- name: insert_followed
-- Record that a watch over time was tested after a change of the deployment for a scope or mark, unless it was before.
INSERT INTO followed_watch (watch_id, scope, mark_id) VALUES (:watch_id, :scope, :mark_id) ON CONFLICT DO NOTHING;

-- name: delete_followed
-- Delete the list of watches that were tested after a change, because its backfill is done.
DELETE FROM followed_watch;

-- name: predicted_of_scope -> PredictedCrossingRow
-- The predictions for a watch and scope.
SELECT {predicted_crossing.*}
FROM predicted_crossing
WHERE watch_id = :watch_id AND scope = :scope
ORDER BY due_at;

-- name: due_instants -> DueInstants
-- When a predicted crossing and a need are due next, and whether a backfill or a full-text index is unfinished.
SELECT
  (SELECT min(due_at) FROM predicted_crossing) AS next_predicted,
  (SELECT min(remind_at) FROM open_need) AS next_need,
  EXISTS (SELECT 1 FROM backfill) AS has_backfill,
  EXISTS (SELECT 1 FROM search_kind WHERE phase <> 'done') AS has_search;

-- name: next_predicted -> Instant | None
-- When the next predicted crossing is due.
SELECT min(due_at) AS due_at FROM predicted_crossing;

-- name: next_predictions -> PredictedCrossingRow
-- The next instants when time alone concerns a watch, soonest first.
SELECT {predicted_crossing.*}
FROM predicted_crossing
WHERE predicted_crossing.due_at IS NOT NULL
ORDER BY predicted_crossing.due_at
LIMIT :limit + 0;

-- name: next_predicted_fall -> Instant
-- When the next prediction of a watch without a schedule is due.
SELECT predicted_crossing.due_at
FROM predicted_crossing
WHERE predicted_crossing.due_at IS NOT NULL
  AND NOT EXISTS (
    SELECT watch.id FROM watch WHERE watch.id = predicted_crossing.watch_id AND watch.scheduled_from IS NOT NULL
  )
ORDER BY predicted_crossing.due_at
LIMIT 1;

-- name: watch_totals -> WatchTotalRow
-- The sums that are kept for a watch in a scope, by kind and law.
SELECT {watch_total.*} FROM watch_total WHERE watch_total.watch_id = :watch_id AND watch_total.scope = :scope;

-- name: set_watch_total
-- Write the sums of one kind and law.
INSERT INTO watch_total (watch_id, scope, kind, law, marks, sum0, sum1, anchor, evaporated_through, error0, error1)
VALUES (:watch_id, :scope, :kind, :law, :marks, :sum0, :sum1, :anchor, :evaporated_through, :error0, :error1)
ON CONFLICT (watch_id, scope, kind, law) DO UPDATE
SET marks = excluded.marks, sum0 = excluded.sum0, sum1 = excluded.sum1, anchor = excluded.anchor,
  evaporated_through = excluded.evaporated_through, error0 = excluded.error0, error1 = excluded.error1;

-- name: delete_watch_totals
-- Delete the sums of a watch in all scopes that were last brought up to date before an instant.
DELETE FROM watch_total WHERE watch_id = :watch_id AND evaporated_through < :before;

-- name: delete_totals_of_scope
-- Delete the sums of a watch in one scope.
DELETE FROM watch_total WHERE watch_id = :watch_id AND scope = :scope;

-- name: delete_totals_of_law
-- Delete the sums of all watches under a law.
DELETE FROM watch_total WHERE law = :law;

-- name: backfills -> BackfillRow
-- The backfills, oldest first.
SELECT {backfill.*} FROM backfill ORDER BY backfill.id;

-- name: insert_backfill
-- Plan a backfill after a change of the deployment.
INSERT INTO backfill (task, name, at, up_to, position) VALUES (:task, :name, :at, :up_to, :position);

-- name: move_backfill
-- Record the progress of a backfill.
UPDATE backfill SET position = :position WHERE id = :id;

-- name: delete_backfill (notifies)
-- Delete a backfill that is done. Evaporation, which waits for it, may go on.
DELETE FROM backfill WHERE id = :id;
