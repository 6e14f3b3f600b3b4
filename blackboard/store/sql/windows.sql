-- The deposits that the windows of the active deployment count.

-- name: insert_window_event
-- Record a deposit of a kind that a window counts.
INSERT INTO window_event (kind, subject, occurred_at, event_id, mark_id, intensity, agent)
VALUES (:kind, :subject, :occurred_at, :event_id, :mark_id, :intensity, :agent);

-- name: insert_window_tag
-- Record a value of a tag of a deposit that a window counts.
INSERT INTO window_tag (kind, name, value, occurred_at, event_id, subject)
VALUES (:kind, :name, :value, :occurred_at, :event_id, :subject);

-- name: tags_of_deposit -> WindowTagRow
-- The tags of a deposit by which windows find it.
SELECT {window_tag.*} FROM window_tag WHERE window_tag.event_id = :event_id;

-- fragment: has_tag(n)
-- A filter of deposits by the n-th tag.
AND EXISTS (
  SELECT window_tag.event_id
  FROM window_tag
  WHERE window_tag.event_id = window_event.event_id AND window_tag.name = :tag_{n}
    AND {is_in(window_tag.value, :values_{n})}
)

-- fragment: filter_deposits
-- Any number of these filters. `tag_and_text_filters` gives the text.

-- fragment: in_group
-- The deposits with one value of a tag, and no other. SQLite keeps the order of a CROSS JOIN.
window_tag AS grouped
CROSS JOIN window_event
WHERE grouped.kind = :kind AND grouped.name = :tag AND grouped.value = :key
  AND window_event.kind = grouped.kind AND window_event.subject = grouped.subject
  AND window_event.occurred_at = grouped.occurred_at AND window_event.event_id = grouped.event_id
  AND NOT EXISTS (
    SELECT other.event_id
    FROM window_tag AS other
    WHERE other.event_id = grouped.event_id AND other.name = grouped.name AND other.value <> grouped.value
  )

-- fragment: in_window
-- The newest deposits since an instant, without those of the watching agent itself, as they were known after an event.
window_event.occurred_at > :after AND (window_event.agent <> :ignored OR window_event.agent = '')
  AND window_event.event_id <= :up_to
  {filter_deposits}
ORDER BY window_event.occurred_at DESC
LIMIT :limit + 0

-- name: window_of_subject -> WindowEventRow
-- The newest deposits of one kind and subject in a window.
SELECT {window_event.*}
FROM window_event
WHERE window_event.kind = :kind AND window_event.subject = :subject AND {in_window};

-- name: window_of_board -> WindowEventRow
-- The newest deposits of one kind in a window.
SELECT {window_event.*}
FROM window_event
WHERE window_event.kind = :kind AND {in_window};

-- name: window_of_group -> WindowEventRow
-- The newest deposits of one kind and one value of a tag in a window.
SELECT {window_event.*}
FROM {in_group}
  AND grouped.occurred_at > :after AND (window_event.agent <> :ignored OR window_event.agent = '')
  AND grouped.event_id <= :up_to
  {filter_deposits}
ORDER BY grouped.occurred_at DESC
LIMIT :limit + 0;

-- fragment: sums_of_kind
-- The number of the deposits of a kind that occurred in a span of time, and the sum of their intensities.
SELECT count(*) AS marks, coalesce(sum(window_event.intensity), CAST(0.0 AS FLOAT)) AS sum0, CAST(0.0 AS FLOAT) AS sum1
FROM window_event
WHERE window_event.kind = :kind AND window_event.occurred_at > :after AND window_event.occurred_at <= :up_to
  AND (window_event.agent <> :ignored OR window_event.agent = '')

-- name: sum_window -> StimulusSums
-- The sums of a kind.
{sums_of_kind} {filter_deposits};

-- name: sum_window_of_subject -> StimulusSums
-- The sums of a kind and subject.
{sums_of_kind} AND window_event.subject = :subject {filter_deposits};

-- name: sum_window_of_group -> StimulusSums
-- The sums of a kind and one value of a tag.
SELECT count(*) AS marks, coalesce(sum(window_event.intensity), CAST(0.0 AS FLOAT)) AS sum0, CAST(0.0 AS FLOAT) AS sum1
FROM {in_group}
  AND grouped.occurred_at > :after AND grouped.occurred_at <= :up_to
  AND (window_event.agent <> :ignored OR window_event.agent = '')
  {filter_deposits};

-- name: window_events_of_mark -> WindowEventRow
-- The deposits of a mark in windows.
SELECT {window_event.*} FROM window_event WHERE window_event.mark_id = :mark_id;

-- name: next_subject_in_windows -> str | None
-- The next subject of a kind with a deposit that windows count. Run repeatedly, it skips through the index.
SELECT min(subject) AS subject FROM window_event WHERE kind = :kind AND subject > :after;

-- name: next_group_in_windows -> str | None
-- The next value of a tag of a kind with a deposit that windows count. Run repeatedly, it skips through the index.
SELECT min(value) AS value FROM window_tag WHERE kind = :kind AND name = :tag AND value > :after;

-- name: delete_window_tags_of_deposit
-- Delete the tags of a deposit.
DELETE FROM window_tag WHERE event_id = :event_id;

-- name: delete_window_tags
-- Forget a tag of the deposits of a kind: no window finds them by it now, or its values are compared otherwise.
DELETE FROM window_tag WHERE kind = :kind AND name = :tag;

-- name: delete_window_tags_of_subject
-- Delete the tags of the deposits about a subject.
DELETE FROM window_tag
WHERE event_id IN (
  SELECT window_event.event_id
  FROM window_event
  WHERE window_event.kind IN (SELECT kind.name FROM kind) AND window_event.subject = :subject
);

-- name: delete_window_events_of_mark
-- Delete the deposits of a mark that was withdrawn.
DELETE FROM window_event WHERE mark_id = :mark_id;

-- name: delete_window_events_of_subject
-- Delete the deposits about a subject.
DELETE FROM window_event WHERE kind IN (SELECT kind.name FROM kind) AND subject = :subject;

-- name: next_kind_in_windows -> str | None
-- The next kind with deposits that windows counted. Run repeatedly, it skips through the index.
SELECT min(kind) AS kind FROM window_event WHERE kind > :after;

-- name: has_tags -> str
-- Whether deposits of a kind have tags in windows.
SELECT kind FROM window_tag WHERE kind = :kind LIMIT 1;

-- name: left_deposits -> Id
-- The next deposits of a kind that have left every window.
SELECT event_id
FROM window_event
WHERE kind = :kind AND occurred_at < :before
ORDER BY occurred_at, event_id
LIMIT :limit + 0;

-- name: delete_left
-- Delete the next deposits of a kind that have left every window.
DELETE FROM window_event WHERE (kind, subject, occurred_at, event_id) IN (
  SELECT kind, subject, occurred_at, event_id
  FROM window_event
  WHERE kind = :kind AND occurred_at < :before
  ORDER BY occurred_at, event_id
  LIMIT :limit + 0
);

-- name: restart_window_events
-- Set another instant of deposits, because the clock was in doubt when they were recorded.
UPDATE window_event SET occurred_at = :at WHERE event_id >= :since;

-- name: restart_window_tags
-- The same for their tags.
UPDATE window_tag SET occurred_at = :at WHERE event_id >= :since;

-- name: rename_agent_in_windows
-- Rename an agent in the deposits that windows count.
UPDATE window_event SET agent = :agent WHERE agent = :former;

-- name: fill_window
-- Record the deposits of a kind that the history has, except those of marks that were withdrawn or forgotten, which
-- have no payload. Of one that an older version recorded as a reinforcement, only the intensity of the mark is known.
INSERT INTO window_event (kind, subject, occurred_at, event_id, mark_id, intensity, agent)
SELECT event.kind, event.subject, event.occurred_at, event.id, event.mark_id,
  coalesce(event.deposited_intensity, event.intensity),
  CASE WHEN event.activation_id IS NULL THEN '' ELSE event.author END
FROM event
WHERE event.id > :since AND event.kind = :kind AND event.occurred_at > :after
  AND event.event IN ('deposited', 'reinforced', 'stale', 'unchanged') AND event.payload IS NOT NULL
  AND NOT EXISTS (
    SELECT withdrawn.id
    FROM event AS withdrawn
    WHERE withdrawn.subject = event.subject AND withdrawn.mark_id = event.mark_id AND withdrawn.event = 'withdrawn'
  )
ON CONFLICT (kind, subject, occurred_at, event_id) DO NOTHING;

-- name: deposits_in_window -> WindowPayload
-- The next deposits of a kind that windows count, with what they say, for a window that finds them by a tag.
SELECT {window_event.*}, event.payload
FROM window_event
JOIN event ON event.id = window_event.event_id
WHERE window_event.kind = :kind AND window_event.event_id > :after
  AND NOT EXISTS (
    SELECT window_tag.event_id
    FROM window_tag
    WHERE window_tag.event_id = window_event.event_id AND window_tag.name = :tag
  )
ORDER BY window_event.event_id
LIMIT :limit + 0;
