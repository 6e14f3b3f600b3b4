-- Erasure of one subject. Ids, instants, kinds, intensities and costs stay.

-- fragment: marks_of_subject
(SELECT event.mark_id FROM event WHERE event.subject = :subject)

-- name: marks_to_erase -> MarkRow
-- The live marks of a subject.
SELECT {mark.*} FROM mark WHERE mark.subject = :subject ORDER BY mark.id;

-- name: owe_compaction
-- Record that the file may still contain words of an erased subject. Each time is later than the last one.
UPDATE board
SET compaction_owed_at = CASE WHEN compaction_owed_at >= :at THEN compaction_owed_at + 1 ELSE :at END;

-- name: owed_compaction -> Instant | None
-- The instant since which the file may contain words of an erased subject.
SELECT compaction_owed_at FROM board;

-- name: end_compaction
-- Record that the file was compacted, unless another subject was erased since.
UPDATE board SET compaction_owed_at = NULL WHERE compaction_owed_at = :owed_since;

-- name: count_events -> int
-- The number of events of a subject.
SELECT count(*) AS count FROM event WHERE subject = :subject;

-- name: erased_events -> ErasedEvent
-- The events of subjects whose names lie between two texts: those of forgotten subjects.
SELECT event.id, event.recorded_at
FROM event
WHERE event.subject >= :first AND event.subject < :end
ORDER BY event.id;

-- name: activations_of_subject -> ActivationRow
-- The activations that received or deposited a mark of the subject, or are about it.
SELECT {activation.*}
FROM activation
WHERE activation.id IN (
  SELECT activation_input.activation_id FROM activation_input WHERE activation_input.mark_id IN {marks_of_subject}
  UNION
  SELECT about.id FROM activation AS about WHERE about.scope = :subject
  UNION
  SELECT event.activation_id FROM event WHERE event.subject = :subject AND event.activation_id IS NOT NULL
)
ORDER BY activation.id;

-- name: calls_naming -> Id
-- The calls that contain a text.
SELECT id FROM model_call
WHERE body LIKE :pattern ESCAPE '\' OR reply LIKE :pattern ESCAPE '\' OR error LIKE :pattern ESCAPE '\';

-- name: call_ids_of_activation -> Id
-- The calls of an activation.
SELECT id FROM model_call WHERE activation_id = :activation_id;

-- name: marks_naming -> Id
-- The marks of other subjects that contain a text.
SELECT DISTINCT mark_id
FROM event
WHERE payload LIKE :pattern ESCAPE '\' AND subject <> :subject
ORDER BY mark_id;

-- name: close_crossings
-- Withdraw the subject's waiting crossings.
UPDATE crossing SET state = 'withdrawn', closed_at = :at WHERE scope = :scope AND state = 'waiting';

-- name: rename_crossings
-- Replace the subject's name in its crossings.
UPDATE crossing SET scope = :new_scope WHERE scope = :scope;

-- name: rename_activity
-- Replace the subject's name in the activity.
UPDATE activity_event SET scope = :new_scope WHERE scope = :scope;

-- name: rename_activations
-- Replace the subject's name in its activations.
UPDATE activation SET scope = :new_scope WHERE scope = :scope;

-- name: erase_error
-- Replace the error of an activation, and forget the digest of its result.
UPDATE activation SET error = :error, result_digest = NULL WHERE id = :id;

-- name: erase_error_copies
-- Replace the errors of activations that contain a text: those of an agent, or of all.
UPDATE activation
SET error = :erased
WHERE error LIKE :pattern ESCAPE '\' AND agent = coalesce(CAST(:agent AS TEXT), agent);

-- name: erase_pause
-- Replace the reason of the pauses that is part of an error, or contains it.
UPDATE model_pause
SET reason = :erased
WHERE replace(CAST(:error AS TEXT), reason, '') <> :error OR reason LIKE :pattern ESCAPE '\';

-- name: erase_events
-- Replace the subject's name in its history, and erase the payloads.
UPDATE event SET subject = :new_name, payload = NULL, traceparent = NULL WHERE subject = :subject;

-- name: erase_call
-- Erase the texts of a call. With -1 marks, no activation resumes it.
UPDATE model_call
SET body = '', reply = NULL, error = NULL, marks = -1,
  state = CASE state
    WHEN 'planned' THEN 'failed'
    WHEN 'answered' THEN 'unusable'
    WHEN 'sent' THEN 'unknown'
    ELSE state
  END
WHERE id = :id;

-- name: delete_keys
-- Delete the keys of the subject's deposits.
DELETE FROM deposit_key WHERE mark_id IN {marks_of_subject};

-- name: delete_cooldowns
-- Delete the cooldowns for the subject.
DELETE FROM subject_cooldown WHERE scope = :scope;

-- name: delete_predicted
-- Delete the crossings that were predicted for the subject.
DELETE FROM predicted_crossing WHERE scope = :scope;

-- name: delete_watch_states
-- Delete the states of watches over time for the subject.
DELETE FROM watch_state WHERE scope = :scope;

-- name: delete_totals
-- Delete the sums that are kept for the subject, which is a group.
DELETE FROM watch_total WHERE scope = :scope;

-- name: delete_followed_watches
-- Delete the subject from the list of states that have followed a change of the deployment.
DELETE FROM followed_watch WHERE scope = :scope;
