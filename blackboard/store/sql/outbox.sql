-- Messages to people outside. The state of a message is one of `MessageState`.

-- name: put_message (notifies)
-- Put a message into the outbox, unless its sink has been told of this occurrence.
INSERT INTO message (
  message_id, sink, topic, occurrence, content, created_at, scope, agent, mark_id, activation_id, crossing_id, state,
  due_at, attempts, fence
)
VALUES (
  :message_id, :sink, :topic, :occurrence, :content, :created_at, :scope, :agent, :mark_id, :activation_id,
  :crossing_id, 'waiting', :created_at, 0, 0
)
ON CONFLICT (sink, occurrence) DO NOTHING;

-- name: message_about -> Id
-- The message that tells a sink of an occurrence.
SELECT id FROM message WHERE sink = :sink AND occurrence = :occurrence;

-- name: next_message -> MessageRow
-- The message of a sink that is due first.
SELECT {message.*}
FROM message
WHERE message.sink = :sink AND message.state = 'waiting' AND message.due_at <= :now
ORDER BY message.due_at, message.id
LIMIT 1;

-- name: next_message_due -> Instant | None
-- When the next message of a sink is due.
SELECT min(due_at) AS due_at FROM message WHERE sink = :sink AND state = 'waiting';

-- name: lease_message
-- Lease a message to one deliverer until an instant. A message whose deliverer died is due again then.
UPDATE message SET due_at = :until, fence = fence + 1 WHERE id = :id AND state = 'waiting' AND fence = :fence;

-- name: settle_message
-- Record the result of an attempt, unless another deliverer has the message since.
UPDATE message
SET state = :state, due_at = :due_at, attempts = attempts + 1, finished_at = :finished_at, error = :error
WHERE id = :id AND state = 'waiting' AND fence = :fence;

-- name: end_messages
-- End the messages that wait for a sink.
UPDATE message
SET state = :state, finished_at = :now, error = :error, fence = fence + 1
WHERE sink = :sink AND state = 'waiting';

-- name: discard_message
-- Discard a message.
UPDATE message
SET state = 'discarded', finished_at = :now, fence = fence + 1
WHERE id = :id AND state IN ('waiting', 'failed', 'gone');

-- name: retry_message (notifies)
-- Send a message again, as if it were new.
UPDATE message
SET state = 'waiting', due_at = :now, attempts = 0, finished_at = NULL, error = NULL, fence = fence + 1
WHERE id = :id;

-- name: get_message -> MessageRow
-- One message by its number.
SELECT {message.*} FROM message WHERE message.id = :id;

-- name: messages -> MessageRow
-- Messages, newest first.
SELECT {message.*}
FROM message
WHERE 0 = 0
  [sink: AND message.sink = :sink]
  [state: AND message.state = :state]
  [before: AND message.id < :before]
ORDER BY message.id DESC
LIMIT :limit + 0;

-- name: undelivered_messages -> MessageRow
-- The messages that were neither delivered nor discarded, newest first. With `sinks`, only those of these sinks that
-- were tried.
SELECT {message.*}
FROM message
WHERE message.state IN ('waiting', 'failed', 'gone')
  [sink: AND message.sink = :sink]
  [sinks: AND {is_in(message.sink, :sinks)} AND (message.state <> 'waiting' OR message.attempts > 0)]
  [state: AND message.state = :state]
ORDER BY message.id DESC
LIMIT :limit + 0;

-- name: unfinished_messages -> SinkMessages
-- For each sink: its messages that wait and those that were given up, and the error of one of them.
SELECT sink,
  sum(CASE WHEN state = 'waiting' THEN 1 ELSE 0 END) AS waiting,
  sum(CASE WHEN state = 'waiting' AND attempts > 0 THEN 1 ELSE 0 END) AS retried,
  sum(CASE WHEN state <> 'waiting' THEN 1 ELSE 0 END) AS given_up,
  min(CASE WHEN state = 'waiting' THEN created_at END) AS waiting_since,
  max(error) AS error
FROM message
WHERE state IN ('waiting', 'failed', 'gone')
GROUP BY sink
ORDER BY sink;

-- name: late_crossings -> CrossingRow
-- The next crossings that have waited since an instant and of which a sink has not been told.
SELECT {crossing.*}
FROM crossing
WHERE crossing.watch_id = :watch_id AND crossing.state = 'waiting' AND crossing.noticed_at <= :before
  AND crossing.id > :after
  AND NOT EXISTS (
    SELECT message.id
    FROM message
    WHERE message.sink = :sink AND message.occurrence = 'crossing-waiting:' || crossing.id
  )
ORDER BY crossing.id
LIMIT :limit + 0;

-- name: delete_messages_about
-- Delete the messages about a scope.
DELETE FROM message WHERE scope = :scope;

-- name: delete_messages_of_activation
-- Delete the messages about an activation.
DELETE FROM message WHERE activation_id = :id;

-- name: delete_messages_naming
-- Delete the messages that contain a text.
DELETE FROM message WHERE content LIKE :pattern ESCAPE '\' OR error LIKE :pattern ESCAPE '\';

-- name: delete_old_messages
-- Delete the next old messages. A message that time alone caused is sent once, so it stays as long as its cause may last.
DELETE FROM message
WHERE id IN (
  SELECT old.id
  FROM message AS old
  WHERE old.created_at < :before
    AND NOT EXISTS (
      SELECT crossing.id
      FROM crossing
      WHERE old.topic = 'crossing-waiting' AND crossing.id = old.crossing_id AND crossing.state = 'waiting'
    )
    AND (
      old.topic <> 'agent-unserved'
      OR EXISTS (
        SELECT newer.id
        FROM message AS newer
        WHERE newer.sink = old.sink AND newer.topic = old.topic AND newer.agent = old.agent AND newer.id > old.id
      )
    )
  ORDER BY old.created_at
  LIMIT :limit + 0
);
