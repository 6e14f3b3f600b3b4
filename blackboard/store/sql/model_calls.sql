-- Model calls: their plans, answers and costs.

-- name: insert_call
-- Record a planned call.
INSERT INTO model_call (activation_id, agent, model, api, state, body, marks, planned_at, sent_at, answered_at, applied_at,
  reserved, reply, request_id, custom_id, submission, batch_id, input_tokens, cache_read_tokens, cache_write_tokens,
  output_tokens, cost, direct_cost, error, would_hold)
VALUES (:activation_id, :agent, :model, :api, :state, :body, :marks, :planned_at, :sent_at, :answered_at, :applied_at,
  :reserved, :reply, :request_id, :custom_id, :submission, :batch_id, :input_tokens, :cache_read_tokens,
  :cache_write_tokens, :output_tokens, :cost, :direct_cost, :error, :would_hold);

-- name: last_call_id -> Id
-- The id of the newest call.
SELECT coalesce(max(id), 0) AS id FROM model_call;

-- name: get_call -> CallRow
-- One call by its id.
SELECT {model_call.*} FROM model_call WHERE model_call.id = :id;

-- name: calls_of_activation -> CallRow
-- The calls of an activation, newest first.
SELECT {model_call.*} FROM model_call WHERE model_call.activation_id = :activation_id ORDER BY model_call.id DESC;

-- name: update_call
-- Update the columns that change with the state of a call.
UPDATE model_call
SET state = :state, sent_at = :sent_at, answered_at = :answered_at, reserved = :reserved, reply = :reply,
  request_id = :request_id, custom_id = :custom_id, submission = :submission, input_tokens = :input_tokens,
  cache_read_tokens = :cache_read_tokens, cache_write_tokens = :cache_write_tokens, output_tokens = :output_tokens,
  cost = :cost, direct_cost = :direct_cost, error = :error, would_hold = :would_hold
WHERE id = :id;

-- name: record_error
-- Record why a call is not sent.
UPDATE model_call SET error = :error WHERE id = :id;

-- name: apply_call
-- Record that an activation has used its newest answer.
UPDATE model_call
SET state = 'applied', applied_at = :at
WHERE id = (
  SELECT max(answered.id)
  FROM model_call AS answered
  WHERE answered.activation_id = :activation_id AND answered.state = 'answered'
);

-- name: end_answers_as_unusable
-- Record that the answers of an activation are unusable.
UPDATE model_call SET state = 'unusable', error = :error WHERE activation_id = :activation_id AND state = 'answered';

-- name: reopen_calls
-- Allow an activation to send its rejected calls again.
UPDATE model_call SET state = 'failed' WHERE activation_id = :activation_id AND state = 'rejected';

-- name: clear_errors
-- Clear the errors of an activation's planned calls.
UPDATE model_call SET error = NULL WHERE activation_id = :activation_id AND state = 'planned';

-- name: clear_all_errors
-- Clear the errors of all planned calls.
UPDATE model_call SET error = NULL WHERE {is_open} AND state = 'planned' AND error IS NOT NULL;

-- fragment: money
coalesce(model_call.cost, 0) + model_call.reserved

-- fragment: counts
CASE WHEN model_call.state = 'failed' THEN 0 ELSE 1 END

-- name: spent -> Spent
-- Money and calls of a day and of its last hour: one range of a covering index. PostgreSQL sums large integers as
-- decimals.
SELECT CAST(coalesce(sum({money}), 0) AS BIGINT) AS day_money,
  coalesce(sum({counts}), 0) AS day_calls,
  CAST(coalesce(sum(CASE WHEN model_call.sent_at >= :hour THEN {money} ELSE 0 END), 0) AS BIGINT) AS hour_money,
  coalesce(sum(CASE WHEN model_call.sent_at >= :hour THEN {counts} ELSE 0 END), 0) AS hour_calls
FROM model_call
WHERE model_call.sent_at >= :day
  [agent: AND model_call.agent = :agent];

-- name: spent_by_activation -> SpentByActivation
-- Money and calls of one activation, up to a call.
SELECT CAST(coalesce(sum({money}), 0) AS BIGINT) AS money, coalesce(sum({counts}), 0) AS calls
FROM model_call
WHERE model_call.activation_id = :activation_id AND model_call.sent_at IS NOT NULL AND model_call.id <= :up_to;

-- fragment: is_open_in_batch_api
{is_open} AND model_call.api = 'batch'

-- fragment: waits_for_batch_api
{is_open_in_batch_api} AND model_call.state = 'planned' AND activation.state = 'held' AND activation.retry_at IS NULL

-- fragment: is_from_before
-- The call was planned before its model was paused.
model_pause.agent IN ('', model_call.agent) AND model_pause.model = model_call.model AND model_pause.suspect IS NULL
  AND model_pause.failed_at > model_call.planned_at

-- name: calls_to_submit -> CallRow
-- The planned calls of the Batch API whose activation is held: results must not arrive before it waits for them. A call
-- that was planned before its model was paused is left out.
SELECT {model_call.*}
FROM model_call
JOIN activation ON activation.id = model_call.activation_id
WHERE {waits_for_batch_api} AND NOT EXISTS (SELECT 1 FROM model_pause WHERE {is_from_before})
ORDER BY model_call.id
LIMIT :limit + 0;

-- name: call_to_try -> CallRow
-- The oldest call that was left out because its model is paused, once the model may be tried.
SELECT {model_call.*}
FROM model_call
JOIN activation ON activation.id = model_call.activation_id
JOIN model_pause ON {is_from_before} AND model_pause.probe_at <= :now
WHERE {waits_for_batch_api}
ORDER BY model_call.id
LIMIT 1;

-- name: plan_again
-- Give the planned calls of an activation the present time.
UPDATE model_call SET planned_at = :at WHERE activation_id = :activation_id AND state = 'planned';

-- name: submitted_calls -> CallRow
-- The calls that were submitted in a batch and are not answered.
SELECT {model_call.*} FROM model_call WHERE {is_open_in_batch_api} AND model_call.state = 'sent' ORDER BY model_call.id;

-- name: count_in_batch_api -> NamedCount
-- The number of calls of each agent in the Batch API. A planned call with an error waits for room in its budget. A
-- call that was planned before its model was paused waits for the next try of the model.
SELECT model_call.agent AS name, count(*) AS number
FROM model_call
JOIN activation ON activation.id = model_call.activation_id
WHERE {is_open_in_batch_api}
  AND (model_call.state = 'sent' OR (model_call.state = 'planned' AND model_call.error IS NULL))
  AND activation.state = 'held' AND activation.retry_at IS NULL
  AND NOT EXISTS (
    SELECT 1
    FROM model_pause
    WHERE {is_from_before} AND model_call.state = 'planned' AND model_pause.probe_at > :now
  )
GROUP BY model_call.agent;

-- name: name_batch
-- Record the provider's id of a batch.
UPDATE model_call
SET batch_id = :batch_id
WHERE submission = :submission AND {is_open_in_batch_api} AND state = 'sent';

-- name: answered_in_batch_api -> Id
-- The held activations whose batch call was answered.
SELECT activation.id
FROM model_call
JOIN activation ON activation.id = model_call.activation_id
WHERE {is_open_in_batch_api} AND model_call.state = 'answered' AND activation.state = 'held';

-- name: get_model_pause -> ModelPauseRow
-- The pause of a model, for all agents ('') or for one.
SELECT {model_pause.*} FROM model_pause WHERE model_pause.agent = :agent AND model_pause.model = :model;

-- name: model_pauses -> ModelPauseRow
-- The pauses of all models.
SELECT {model_pause.*} FROM model_pause ORDER BY model_pause.model, model_pause.agent;

-- name: pauses_of_agent -> ModelPauseRow
-- The pauses of models for one agent.
SELECT {model_pause.*} FROM model_pause WHERE model_pause.agent = :agent;

-- name: set_model_pause
-- Pause a model, or change its pause.
INSERT INTO model_pause (agent, model, reason, since, failed_at, probe_at, failures, refusals, is_access, suspect)
VALUES (:agent, :model, :reason, :since, :failed_at, :probe_at, :failures, :refusals, :is_access, :suspect)
ON CONFLICT (agent, model) DO UPDATE SET reason = excluded.reason, failed_at = excluded.failed_at,
  probe_at = excluded.probe_at, failures = excluded.failures, refusals = excluded.refusals,
  is_access = excluded.is_access, suspect = excluded.suspect;

-- name: probe_models
-- Allow a try of every paused model from an instant.
UPDATE model_pause SET probe_at = :at;

-- name: delete_model_pause
-- End the pause of a model.
DELETE FROM model_pause WHERE agent = :agent AND model = :model;

-- name: count_open_calls -> NamedCount
-- The number of open calls, by state.
SELECT model_call.state AS name, count(*) AS number FROM model_call WHERE {is_open} GROUP BY model_call.state
ORDER BY model_call.state;

-- name: unanswered_call_ids -> Id
-- The ids of the calls that have no answer.
SELECT model_call.id FROM model_call WHERE {is_open} AND model_call.state <> 'answered';

-- fragment: usage_of_calls
SELECT id, agent, model, state, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, cost FROM model_call

-- name: usage_after -> CallUsage
-- The usage of the calls that were planned after a call.
{usage_of_calls} WHERE id > :after;

-- name: usage_of -> CallUsage
-- The usage of some calls.
{usage_of_calls} WHERE {is_in(id, :ids)};

-- name: count_sent -> int
-- The number of sent calls, with or without success.
SELECT count(*) AS count FROM model_call WHERE model_call.sent_at IS NOT NULL;

-- name: reserved_money -> Money
-- The money reserved for open calls, in micro-dollars.
SELECT CAST(coalesce(sum(model_call.reserved), 0) AS BIGINT) AS reserved FROM model_call WHERE {is_open};

-- name: costs -> DailyCost
-- The view of costs since a day.
SELECT {costs.*} FROM costs WHERE costs.day >= :since ORDER BY costs.day, costs.agent;

-- name: usage_by_activation -> UsageByActivation
-- What the calls of some activations used and cost.
SELECT model_call.activation_id, count(*) AS calls,
  CAST(sum(coalesce(model_call.input_tokens, 0) + coalesce(model_call.cache_read_tokens, 0)
    + coalesce(model_call.cache_write_tokens, 0)) AS BIGINT) AS tokens_in,
  CAST(sum(coalesce(model_call.output_tokens, 0)) AS BIGINT) AS tokens_out,
  CAST(sum(coalesce(model_call.cost, 0)) AS BIGINT) AS cost
FROM model_call
WHERE {is_in(model_call.activation_id, :ids)}
GROUP BY model_call.activation_id;

-- name: costs_by_model -> ModelCost
-- What the calls of each model by each API used and cost since an instant.
SELECT model_call.model, model_call.api, count(*) AS calls, CAST(sum(model_call.marks) AS BIGINT) AS marks,
  CAST(sum(coalesce(model_call.input_tokens, 0)) AS BIGINT) AS input_tokens,
  CAST(sum(coalesce(model_call.cache_read_tokens, 0)) AS BIGINT) AS cache_read_tokens,
  CAST(sum(coalesce(model_call.cache_write_tokens, 0)) AS BIGINT) AS cache_write_tokens,
  CAST(sum(coalesce(model_call.output_tokens, 0)) AS BIGINT) AS output_tokens,
  CAST(sum(coalesce(model_call.cost, 0)) AS BIGINT) AS cost,
  CAST(sum(coalesce(model_call.direct_cost, model_call.cost, 0)) AS BIGINT) AS direct_cost
FROM model_call
WHERE model_call.sent_at >= :since AND model_call.state <> 'failed'
GROUP BY model_call.model, model_call.api
ORDER BY model_call.model, model_call.api;
