-- Marks, their events, keys, unique values, tags, laws and kinds.

-- name: transaction_start -> TransactionStart
-- The values that each transaction reads first: deployment, pause, last recorded instant, last event, next evaporation,
-- schema.
SELECT board.version AS deployment_version, board.paused, board.paused_because, board.last_recorded_at,
  event.id AS last_event_id, event.recorded_at AS last_event_at,
  (SELECT min(mark.evaporates_at) FROM mark) AS next_evaporation,
  (SELECT alembic_version.version_num FROM alembic_version) AS schema, NULL AS database_time
FROM board
LEFT JOIN event ON event.id = (SELECT max(newest.id) FROM event AS newest);

-- name: transaction_start (postgresql)
SELECT board.version AS deployment_version, board.paused, board.paused_because, board.last_recorded_at,
  event.id AS last_event_id, event.recorded_at AS last_event_at,
  (SELECT min(mark.evaporates_at) FROM mark) AS next_evaporation,
  (SELECT alembic_version.version_num FROM alembic_version) AS schema,
  CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint) AS database_time
FROM board
LEFT JOIN (SELECT newest.id, newest.recorded_at FROM event AS newest ORDER BY newest.id DESC LIMIT 1) AS event ON TRUE;

-- name: record_time
-- Record an instant that no event carries.
UPDATE board SET last_recorded_at = :at;

-- name: confirm_time (notifies)
-- Record the instant that a person has confirmed.
UPDATE board SET last_recorded_at = :at;

-- name: insert_event
-- Insert an event of a mark.
INSERT INTO event (id, recorded_at, mark_id, kind, subject, event, intensity, law, evaporates_at, author, activation_id,
  payload, own_law, occurred_at, anchored_at, deposited_intensity, shown_event_id, traceparent)
VALUES (:id, :recorded_at, :mark_id, :kind, :subject, :event, :intensity, :law, :evaporates_at, :author, :activation_id,
  :payload, :own_law, :occurred_at, :anchored_at, :deposited_intensity, :shown_event_id, :traceparent);

-- name: insert_mark
-- Insert a mark.
INSERT INTO mark (id, kind, subject, payload, author, intensity, law, anchored_at, event_id, deposited_at, reinforced_at,
  reinforcements, evaporates_at, order_key, other_event_id, activation_id, own_law, occurred_at, last_author)
VALUES (:id, :kind, :subject, :payload, :author, :intensity, :law, :anchored_at, :event_id, :deposited_at, :reinforced_at,
  :reinforcements, :evaporates_at, :order_key, :other_event_id, :activation_id, :own_law, :occurred_at, :last_author);

-- name: update_mark
-- Update the columns that a reinforcement changes.
UPDATE mark
SET payload = :payload, author = :author, intensity = :intensity, law = :law, anchored_at = :anchored_at,
  event_id = :event_id, reinforced_at = :reinforced_at, reinforcements = :reinforcements,
  evaporates_at = :evaporates_at, order_key = :order_key, other_event_id = :other_event_id,
  activation_id = :activation_id, own_law = :own_law, occurred_at = :occurred_at,
  last_author = :last_author
WHERE id = :id;

-- name: rebase_mark
-- Update the fading of a mark: from another instant, or under another law.
UPDATE mark
SET intensity = :intensity, law = :law, anchored_at = :anchored_at, evaporates_at = :evaporates_at,
  order_key = :order_key
WHERE id = :id;

-- name: delete_mark
-- Remove a mark from the live board.
DELETE FROM mark WHERE id = :id;

-- name: get_mark -> MarkRow
-- One mark by its id.
SELECT {mark.*} FROM mark WHERE mark.id = :id;

-- name: mark_with_event -> MarkWithEvent
-- One mark by its id, and the event that produced its state.
SELECT {mark.*}, {event.*} FROM mark JOIN event ON event.id = mark.event_id WHERE mark.id = :id;

-- name: marks_with_events -> MarkWithEvent
-- Some marks by their ids, each with the event that produced its state.
SELECT {mark.*}, {event.*} FROM mark JOIN event ON event.id = mark.event_id WHERE {is_in(mark.id, :ids)};

-- name: marks_of_subject -> MarkRow
-- The marks of one kind and subject, newest first; with `payload` only those whose payload is like it.
SELECT {mark.*}
FROM mark
WHERE mark.kind = :kind AND mark.subject = :subject
  [payload: AND mark.payload LIKE :payload]
ORDER BY mark.id DESC;

-- name: marks_of_subjects -> MarkRow
-- The marks of one kind and any of some subjects, newest first.
SELECT {mark.*}
FROM mark
WHERE mark.kind = :kind AND {is_in(mark.subject, :subjects)}
ORDER BY mark.id DESC;

-- name: marks_of_group -> MarkRow
-- The marks of one kind with one value of a tag.
SELECT {mark.*}
FROM mark_tag
JOIN mark ON mark.id = mark_tag.mark_id
WHERE mark_tag.kind = :kind AND mark_tag.name = :tag AND mark_tag.value = :key;

-- name: marks_of_kind -> MarkRow
-- All marks of a kind.
SELECT {mark.*} FROM mark WHERE mark.kind = :kind;

-- name: marks_changed_between -> MarkRow
-- The next marks of a kind in the order of their last events, for a backfill.
SELECT {mark.*}
FROM mark
WHERE mark.kind = :kind AND mark.event_id > :after AND mark.event_id <= :up_to
ORDER BY mark.event_id
LIMIT :limit + 0;

-- name: marks_changed_since -> MarkRow
-- The marks that were deposited or reinforced after an event.
SELECT {mark.*} FROM mark WHERE mark.event_id > :since ORDER BY mark.event_id;

-- name: evaporated_marks -> MarkRow
-- The next evaporated marks that are not yet moved to the history.
SELECT {mark.*} FROM mark WHERE mark.evaporates_at <= :now ORDER BY mark.evaporates_at LIMIT :limit + 0;

-- name: next_evaporation -> Instant | None
-- When the next mark evaporates.
SELECT min(evaporates_at) AS evaporates_at FROM mark;

-- name: count_live_marks -> NamedCount
-- The number of live marks of each kind.
SELECT mark.kind AS name, count(*) AS number FROM mark WHERE {is_live(:now)} GROUP BY mark.kind ORDER BY mark.kind;

-- name: count_events_after -> EventCount
-- The number of events of each kind after an event.
SELECT event.kind, event.event, count(*) AS number
FROM event
WHERE event.id > :after
GROUP BY event.kind, event.event
ORDER BY event.kind, event.event;

-- name: count_faded_unseen -> int
-- The number of marks that evaporated since an instant without being given to an agent.
SELECT count(*) AS count
FROM event
WHERE event.event = 'evaporated' AND event.recorded_at >= :since
  AND NOT EXISTS (SELECT 1 FROM activation_input WHERE activation_input.mark_id = event.mark_id);

-- name: delete_absorbed_of_mark
-- Delete the records of absorption of a removed mark. Records of deposits that were no news stay while a crossing waits:
-- its claim needs them, and nothing else has them.
DELETE FROM absorbed WHERE mark_id = :mark_id AND NOT ({is_silently_absorbed} AND EXISTS ({crossing_waits_for_watch}));

-- name: find_key -> DepositKeyRow
-- The first request that an author made with a key for a kind, and its result.
SELECT {deposit_key.*}
FROM deposit_key
WHERE key = :key AND author IN (:author, '') AND kind IN (:kind, '');

-- name: keys_of_deposits -> DepositKeyRow
-- The requests that were made with any of some keys, and their results.
SELECT {deposit_key.*}
FROM deposit_key
WHERE {is_in(key, :keys)};

-- name: insert_key
-- Record a deposit's key.
INSERT INTO deposit_key (key, author, kind, digest, mark_id, event_id, at, source)
VALUES (:key, :author, :kind, :digest, :mark_id, :event_id, :at, :source);

-- name: get_read_position -> ReadPositionRow
-- How far a file that an author follows as a kind has been deposited.
SELECT {read_position.*}
FROM read_position
WHERE read_position.source = :source AND read_position.author = :author AND read_position.kind = :kind;

-- name: set_read_position
-- Record how far a followed file has been deposited.
INSERT INTO read_position (source, author, kind, inode, generation, position, digest, header, at)
VALUES (:source, :author, :kind, :inode, :generation, :position, :digest, :header, :at)
ON CONFLICT (source, author, kind) DO UPDATE SET
  inode = excluded.inode, generation = excluded.generation, position = excluded.position, digest = excluded.digest,
  header = excluded.header, at = excluded.at;

-- name: marks_of_source -> Id
-- The next marks that were deposited from a source.
SELECT DISTINCT mark_id FROM deposit_key WHERE source = :source AND mark_id > :after ORDER BY mark_id LIMIT :limit + 0;

-- name: keys_of_source -> DepositKeyRow
-- The keys of the deposits of one mark from a source.
SELECT {deposit_key.*} FROM deposit_key WHERE deposit_key.source = :source AND deposit_key.mark_id = :mark_id;

-- name: delete_key
-- Free a key, so that its next deposit is a new one.
DELETE FROM deposit_key WHERE key = :key AND author = :author AND kind = :kind;

-- name: deposits_of_mark -> EventRow
-- The events that deposited or reinforced a mark, oldest first.
SELECT {event.*}
FROM event
WHERE event.subject = :subject AND event.mark_id = :mark_id AND event.event IN ('deposited', 'reinforced')
ORDER BY event.id;

-- name: activations_behind -> ActivationBehind
-- The first activations that deposited or reinforced a mark, up to an event; the agent as the watch names it now.
SELECT event.activation_id, event.author, activation.id AS known_id, coalesce(watch.agent, activation.agent) AS agent
FROM event
LEFT JOIN activation ON activation.id = event.activation_id
LEFT JOIN watch ON watch.id = activation.watch_id
WHERE event.subject = :subject AND event.mark_id = :mark_id AND event.id <= :up_to AND event.activation_id IS NOT NULL
  AND event.event IN ('deposited', 'reinforced')
ORDER BY event.id
LIMIT :limit + 0;

-- name: agents_given_mark -> str
-- The agents that were given a mark. Old activations are removed, but what a watch has absorbed of a live mark is not.
SELECT activation.agent
FROM activation_input
JOIN activation ON activation.id = activation_input.activation_id
WHERE activation_input.mark_id = :mark_id
UNION
SELECT watch.agent
FROM absorbed
JOIN watch ON watch.id = absorbed.watch_id
WHERE absorbed.mark_id = :mark_id AND absorbed.given_event_id IS NOT NULL AND absorbed.activation_id >= 0
ORDER BY 1;

-- name: holders_of_unique_value -> Id
-- The marks that hold a unique value; several if they had it before their kind became unique.
SELECT mark_id FROM unique_value WHERE kind = :kind AND value = :value;

-- name: insert_unique_value
-- Claim a unique value for a mark.
INSERT INTO unique_value (kind, value, mark_id) VALUES (:kind, :value, :mark_id);

-- name: delete_unique_values
-- Release all unique values of a kind.
DELETE FROM unique_value WHERE kind = :kind;

-- name: delete_unique_value
-- Release the unique value of a mark.
DELETE FROM unique_value WHERE mark_id = :mark_id;

-- name: insert_tag
-- Let a mark have a value of a tag.
INSERT INTO mark_tag (kind, name, value, mark_id) VALUES (:kind, :name, :value, :mark_id);

-- name: tags_of_mark -> MarkTagRow
-- The tags of a mark.
SELECT {mark_tag.*} FROM mark_tag WHERE mark_tag.mark_id = :mark_id;

-- name: delete_tags_of_mark
-- Delete all tags of a mark.
DELETE FROM mark_tag WHERE mark_id = :mark_id;

-- name: delete_tag
-- Delete a tag of a kind from all its marks.
DELETE FROM mark_tag WHERE kind = :kind AND name = :name;

-- name: next_tag_value -> str | None
-- The next value of a tag of a kind. Run repeatedly, it skips through the index.
SELECT min(value) AS value FROM mark_tag WHERE kind = :kind AND name = :tag AND value > :after;

-- name: count_tagged -> int
-- How many marks of a kind have one of some values of a tag, up to a limit.
SELECT count(*) AS count
FROM (
  SELECT mark_tag.mark_id
  FROM mark_tag
  WHERE mark_tag.kind = :kind AND mark_tag.name = :name AND {is_in(mark_tag.value, :values)}
  LIMIT :limit + 0
) AS tagged;

-- name: find_law -> str
-- Whether a law is registered.
SELECT law FROM law WHERE law = :law;

-- name: get_law_spec -> str
-- A law as a deployment file writes it.
SELECT spec FROM law WHERE law = :law;

-- name: insert_law
-- Register a law.
INSERT INTO law (law, name, length, shape, spec) VALUES (:law, :name, :length, :shape, :spec);

-- name: insert_law_segment
-- Register one straight segment of a curve.
INSERT INTO law_segment (law, age, share, slope) VALUES (:law, :age, :share, :slope);

-- name: insert_kind
-- Register the settings of a kind that SQL needs.
INSERT INTO kind (name, weight, floor, law) VALUES (:name, :weight, :floor, :law);

-- name: update_kind
-- Change the settings of a kind that SQL needs.
UPDATE kind SET weight = :weight, floor = :floor, law = :law WHERE name = :name;

-- name: get_event -> EventRow
-- One event by its id.
SELECT {event.*} FROM event WHERE event.id = :id;

-- name: last_event_of_mark -> EventRow
-- The last event that changed one mark.
SELECT {event.*}
FROM event
WHERE event.subject = :subject AND event.mark_id = :mark_id AND {has_effect(event.event)}
ORDER BY event.id DESC
LIMIT 1;

-- name: decisions_after_need -> EventRow
-- The decisions about the subject of a need since it was asked, oldest first. The payload of each names its need.
SELECT {event.*}
FROM event
WHERE event.subject = (SELECT need.subject FROM event AS need WHERE need.id = :need_id)
  AND event.id > :need_id AND event.kind = 'decision'
ORDER BY event.id;

-- name: events_of_activation -> EventRow
-- The events of marks that an activation caused, oldest first.
SELECT {event.*} FROM event WHERE event.activation_id IS NOT NULL AND event.activation_id = :activation_id ORDER BY event.id;

-- name: events_of_subject -> EventRow
-- The history of a subject, oldest first.
SELECT {event.*}
FROM event
WHERE event.subject = :subject
  [after: AND event.id > :after]
  [at: AND event.recorded_at <= :at]
ORDER BY event.id
[limit: LIMIT :limit + 0];

-- name: newest_of_subject -> EventRow
-- The last events of a subject, newest first.
SELECT {event.*}
FROM event
WHERE event.subject = :subject
  [before: AND event.id < :before]
ORDER BY event.id DESC
LIMIT :limit + 0;

-- name: next_subject -> str | None
-- The next subject in alphabetical order. Run repeatedly, it skips through the index.
SELECT min(subject) AS subject
FROM event
WHERE subject > :after
  [at: AND recorded_at <= :at];

-- name: last_events_up_to -> EventRow
-- The last event up to a past instant of each mark that was on the board then. Some deposits changed no mark.
SELECT {event.*}
FROM event
WHERE event.recorded_at <= :at
  [kind: AND event.kind = :kind]
  [subject: AND event.subject = :subject]
  AND event.event NOT IN ('evaporated', 'withdrawn') AND {has_effect(event.event)}
  AND NOT EXISTS (
    SELECT later.id
    FROM event AS later
    WHERE later.subject = event.subject AND later.mark_id = event.mark_id AND later.id > event.id
      AND later.recorded_at <= :at AND {has_effect(later.event)}
  )
ORDER BY event.id;

-- name: newest_events -> EventRow
-- The last events of all marks, newest first.
SELECT {event.*} FROM event ORDER BY event.id DESC LIMIT :limit + 0;

-- name: evaporations_since -> EventRow
-- The marks of a kind that evaporated after an event.
SELECT {event.*}
FROM event
WHERE event.kind = :kind AND event.id > :since AND event.event = 'evaporated'
ORDER BY event.id;

-- name: evaporations_of_subject -> EventRow
-- The marks of a subject that evaporated after an event.
SELECT {event.*}
FROM event
WHERE event.subject = :subject AND event.id > :since AND event.event = 'evaporated'
ORDER BY event.id;

-- name: events_after -> EventRow
-- The events of all marks after an event, oldest first.
SELECT {event.*} FROM event WHERE event.id > :after ORDER BY event.id LIMIT :limit + 0;

-- name: last_deposit_of_mark -> EventRow
-- The last deposit of a mark up to an event, if its payload was not erased.
SELECT {event.*}
FROM event
WHERE event.subject = :subject AND event.mark_id = :mark_id AND event.id <= :up_to AND event.payload IS NOT NULL
ORDER BY event.id DESC
LIMIT 1;

-- name: next_event -> EventRow
-- The first event from an id on, without changes of laws, which are recorded at an earlier instant.
SELECT {event.*} FROM event WHERE event.id >= :id AND event.event <> 'law_changed' ORDER BY event.id LIMIT 1;

-- name: state_of_mark_at -> EventRow
-- The event that produced the state of a mark at a past instant.
SELECT {event.*}
FROM event
WHERE event.subject = :subject AND event.mark_id = :mark_id AND event.recorded_at <= :at
  AND event.event NOT IN ('evaporated', 'withdrawn') AND {has_effect(event.event)}
ORDER BY event.id DESC
LIMIT 1;

-- name: last_deposit_of_subject -> EventRow
-- The deposit of a kind and subject that occurred last; its mark may be gone. A stale deposit also counts, because it
-- stores when the deposit that replaced it occurred. A reinforcement without a payload is not a deposit.
SELECT {event.*}
FROM event
WHERE event.subject = :subject AND event.kind = :kind AND event.event IN ('deposited', 'reinforced', 'stale')
  AND event.payload IS NOT NULL
ORDER BY CASE WHEN event.event = 'stale' THEN event.anchored_at ELSE event.occurred_at END DESC, event.id DESC
LIMIT 1;

-- name: count_skew
-- Count a deposit that occurred ahead of the board's time.
UPDATE board
SET skewed_deposits = skewed_deposits + 1, skewed_at = :at,
  largest_skew = CASE WHEN largest_skew > :skew THEN largest_skew ELSE :skew END;

-- name: last_deposit -> EventRow
-- The last deposit or reinforcement of a mark.
SELECT {event.*}
FROM event
WHERE event.subject = :subject AND event.mark_id = :mark_id AND event.event IN ('deposited', 'reinforced')
ORDER BY event.id DESC
LIMIT 1;

-- name: last_deposit_of_others -> Id | None
-- The last deposit or reinforcement of a mark that is not by an agent of this name.
SELECT max(event.id) AS event_id
FROM event
WHERE event.subject = :subject AND event.mark_id = :mark_id AND event.event IN ('deposited', 'reinforced')
  AND (event.author <> :author OR event.activation_id IS NULL)
  [up_to: AND event.id <= :up_to];

-- name: count_reinforcements -> int
-- The number of reinforcements of a mark.
SELECT count(*) AS count FROM event WHERE subject = :subject AND mark_id = :mark_id AND event = 'reinforced';

-- name: live_marks -> LiveMark
-- The live marks at an instant, strongest first. The strength is NULL under a law that this process does not know. A
-- filter by strength keeps such a mark, so that `marks_with_strength` of `mark_states` finds it and raises an error.
WITH clock AS MATERIALIZED (SELECT CAST(:as_of AS BIGINT) AS as_of)
SELECT {live.*}, live.weight, live.strength
FROM ({live_marks}) AS live
WHERE 1 = 1
  [kind: AND live.kind = :kind]
  [kinds: AND {is_in(live.kind, :kinds)}]
  [law: AND live.law = :law]
  [subject: AND live.subject = :subject]
  [min_strength: AND coalesce(live.strength, :min_strength) >= :min_strength]
  [ids: AND {is_in(live.id, :ids)}]
  [after: AND (live.strength < :strictly_below OR (live.strength < :at_most AND live.id > :after_id))]
  {filter_by_tags}
ORDER BY live.strength DESC NULLS FIRST, live.id
[limit: LIMIT :limit + 0];

-- name: live_marks_in_order -> LiveMark
-- The strongest marks of a kind under a law whose order never changes: one pass through an index.
WITH clock AS MATERIALIZED (SELECT CAST(:as_of AS BIGINT) AS as_of)
SELECT {live.*}, live.weight, live.strength
FROM ({live_marks}) AS live
WHERE live.kind = :kind AND live.law = :law
  {filter_by_tags}
ORDER BY live.order_key DESC, live.id DESC
LIMIT :limit + 0;

-- name: oldest_of_equal_marks -> LiveMark
-- The oldest of the marks of a kind that are equally strong, under a law whose order never changes.
WITH clock AS MATERIALIZED (SELECT CAST(:as_of AS BIGINT) AS as_of)
SELECT {live.*}, live.weight, live.strength
FROM ({live_marks}) AS live
WHERE live.kind = :kind AND live.law = :law AND live.order_key = :order_key
  {filter_by_tags}
ORDER BY live.id
LIMIT :limit + 0;

-- name: next_law_in_use -> str
-- The next law of a kind's marks. Run repeatedly, it skips through the index.
SELECT law FROM mark WHERE kind = :kind AND law > :after ORDER BY law LIMIT 1;

-- name: next_followed_law -> str
-- The next law of those marks of a kind that follow the law of the kind. Run repeatedly, it skips through the index.
SELECT law FROM mark WHERE kind = :kind AND law > :after AND own_law = 0 ORDER BY law LIMIT 1;

-- name: marks_with_own_law -> MarkRow
-- The first live marks of a kind, or of a kind and a subject, with a law of their own.
SELECT {mark.*}
FROM mark
WHERE mark.own_law = 1 AND mark.kind = :kind AND {is_live(:now)}
  [subject: AND mark.subject = :subject]
ORDER BY mark.subject, mark.id
LIMIT :limit + 0;

-- name: count_live -> LiveCount
-- The number of live marks of a kind, and of their subjects.
SELECT count(*) AS marks, count(DISTINCT mark.subject) AS subjects
FROM mark
WHERE mark.kind = :kind AND {is_live(:now)};

-- name: count_own_laws -> NamedCount
-- The number of live marks of each kind with a law of their own.
SELECT mark.kind AS name, count(*) AS number
FROM mark
WHERE mark.own_law = 1 AND {is_live(:now)}
GROUP BY mark.kind
ORDER BY mark.kind;

-- name: stimuli_of_subject -> MarkRow
-- The live marks of one kind and subject that a watch has not absorbed.
SELECT {mark.*}
FROM {mark_with_absorbed}
WHERE mark.kind = :kind AND mark.subject = :subject AND {is_live(:now)} AND {not_absorbed};

-- name: stimuli_of_group -> MarkRow
-- The live marks of one kind with one value of a tag that a watch has not absorbed.
SELECT {mark.*}
FROM mark_tag
JOIN mark ON mark.id = mark_tag.mark_id
LEFT JOIN absorbed ON absorbed.watch_id = :watch_id AND absorbed.mark_id = mark.id
WHERE mark_tag.kind = :kind AND mark_tag.name = :tag AND mark_tag.value = :key AND {is_live(:now)} AND {not_absorbed};

-- name: stimuli_of_board -> MarkRow
-- The live marks of one kind beyond a watch's watermark that it has not absorbed, perhaps only those with a tag.
SELECT {mark.*}
FROM {mark_with_absorbed}
WHERE mark.kind = :kind AND mark.event_id > :watermark AND {last_counted_event} > :watermark AND {is_live(:now)}
  AND {not_absorbed}
  [tag: AND EXISTS ({has_value(0)} AND mark_tag.mark_id = mark.id)];

-- name: tagged_stimuli_of_board -> MarkRow
-- The same, beginning with the marks that have the tag, which are few.
SELECT {mark.*}
FROM {mark_with_absorbed}
WHERE mark.id IN ({has_value(0)}) AND {last_counted_event} > :watermark AND {is_live(:now)} AND {not_absorbed};

-- fragment: sums_of_stimuli
-- The number of stimuli of a watch over the board, and the two sums that their law keeps. `+ 0` and `|| ''` exclude
-- an index where the planner cannot know that another one is narrower.
SELECT count(*) AS marks, coalesce(sum({sum0}), CAST(0.0 AS FLOAT)) AS sum0,
  coalesce(sum({sum1}), CAST(0.0 AS FLOAT)) AS sum1
FROM {mark_with_absorbed}

-- fragment: beyond_watermark
{last_counted_event} > coalesce((SELECT watch.watermark FROM watch WHERE watch.id = :watch_id), 0)

-- name: sum_stimuli -> StimulusSums
-- The sums over the live stimuli of one kind and law.
{sums_of_stimuli}
WHERE mark.kind = :kind AND mark.law = :law
  AND {lives_past(mark.evaporates_at + 0, :up_to)}
  AND {beyond_watermark}
  AND {not_absorbed};

-- name: sum_expired_stimuli -> StimulusSums
-- The sums over the stimuli that evaporated in a span of time and are not yet moved to the history.
{sums_of_stimuli}
WHERE mark.evaporates_at > :after AND mark.evaporates_at <= :up_to
  AND mark.kind || '' = :kind AND mark.law || '' = :law
  AND {beyond_watermark}
  AND {not_absorbed};

-- name: expired_stimuli -> MarkRow
-- The stimuli, perhaps of a group, that evaporated in a span of time and are not yet moved to the history.
SELECT {mark.*}
FROM {mark_with_absorbed}
WHERE mark.evaporates_at > :after AND mark.evaporates_at <= :up_to
  AND mark.kind || '' = :kind AND mark.law || '' = :law
  AND {beyond_watermark}
  AND {not_absorbed}
  [group: AND EXISTS (
    SELECT mark_tag.mark_id
    FROM mark_tag
    WHERE mark_tag.mark_id = mark.id AND mark_tag.name = :tag AND mark_tag.value = :key
  )];

-- name: put_open_need
-- Write the row of a need: its due time, and who may and should answer.
INSERT INTO open_need (mark_id, due_at, remind_at, assignee, answerable_by, agents_behind)
VALUES (:mark_id, :due_at, :remind_at, :assignee, :answerable_by, :agents_behind)
ON CONFLICT (mark_id) DO UPDATE SET
  due_at = excluded.due_at, remind_at = excluded.remind_at, assignee = excluded.assignee,
  answerable_by = excluded.answerable_by, agents_behind = excluded.agents_behind;

-- name: get_open_need -> OpenNeedRow
-- The row of a need.
SELECT {open_need.*} FROM open_need WHERE open_need.mark_id = :mark_id;

-- name: all_open_needs -> OpenNeedRow
-- The rows of all needs.
SELECT {open_need.*} FROM open_need;

-- name: answerable_needs -> OpenNeedRow
-- The rows of all needs that name agents, and whose chain of provenance is known.
SELECT {open_need.*} FROM open_need WHERE open_need.agents_behind IS NOT NULL ORDER BY open_need.mark_id;

-- name: due_needs -> OpenNeedRow
-- The needs that are due and have no mark `overdue` yet, in the order of their due times.
SELECT {open_need.*} FROM open_need WHERE open_need.remind_at <= :now ORDER BY open_need.remind_at LIMIT :limit + 0;

-- name: open_needs -> WaitingNeedRow
-- The needs that wait for an answer, on the board or on one subject, in the order of their due times.
SELECT mark.id, mark.subject, open_need.due_at, coalesce(open_need.assignee, '') AS assignee, open_need.answerable_by
FROM mark
LEFT JOIN open_need ON open_need.mark_id = mark.id
WHERE mark.kind = :kind AND {is_live(:now)}
  [subject: AND mark.subject = :subject]
ORDER BY open_need.due_at NULLS LAST, mark.id
LIMIT :limit + 0;

-- name: count_open_needs -> NeedCount
-- The numbers of needs that wait, that are overdue, and that are overdue without having been noticed by a daemon.
SELECT count(*) AS number, count(CASE WHEN open_need.due_at <= :now THEN 1 END) AS overdue,
  count(CASE WHEN open_need.remind_at <= :noticed_up_to THEN 1 END) AS unnoticed
FROM mark
LEFT JOIN open_need ON open_need.mark_id = mark.id
WHERE mark.kind = :kind AND {is_live(:now)};

-- name: next_due_need -> Instant | None
-- When the next need is due.
SELECT min(remind_at) AS remind_at FROM open_need;

-- name: end_reminder
-- Record that the board has deposited the mark `overdue` of a need.
UPDATE open_need SET remind_at = NULL WHERE mark_id = :mark_id;

-- name: delete_open_need
-- Delete the row of a need that has left the board.
DELETE FROM open_need WHERE mark_id = :mark_id;
