-- Written by python -m blackboard.store.freeze, from sources with the SHA-256 128d0e64273a0d8226806f39a3a1c8e51dbc116d12d2aa80f83cd62c84b52476, as ef16a9db632c5f61a98f4f96a2f92f91d0d7582d004b8e810c7f5c3f5d26cd8c

-- name: activations.INSERT_ACTIVATION
-- takes: agent, watch_id, subject, state, reason, crossed_at, created_at, started_at, finished_at, retry_at, attempt, interruptions, error, worker, lease_until, fence, chain_length, marks_absorbed, marks_deposited, split_from, split_after_call
INSERT INTO activation (agent, watch_id, subject, state, reason, crossed_at, created_at, started_at, finished_at, retry_at, attempt, interruptions, error, worker, lease_until, fence, chain_length, marks_absorbed, marks_deposited, split_from, split_after_call) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: activations.LAST_ACTIVATION
SELECT max(activation.id) AS max_1
FROM activation;

-- name: activations.GET_ACTIVATION
-- takes: id
SELECT activation.id, activation.agent, activation.watch_id, activation.subject, activation.state, activation.reason, activation.crossed_at, activation.created_at, activation.started_at, activation.finished_at, activation.retry_at, activation.attempt, activation.interruptions, activation.error, activation.worker, activation.lease_until, activation.fence, activation.chain_length, activation.marks_absorbed, activation.marks_deposited, activation.split_from, activation.split_after_call
FROM activation
WHERE activation.id = ?;

-- name: activations.SPLIT_OFF
-- takes: id
SELECT activation.id, activation.agent, activation.watch_id, activation.subject, activation.state, activation.reason, activation.crossed_at, activation.created_at, activation.started_at, activation.finished_at, activation.retry_at, activation.attempt, activation.interruptions, activation.error, activation.worker, activation.lease_until, activation.fence, activation.chain_length, activation.marks_absorbed, activation.marks_deposited, activation.split_from, activation.split_after_call
FROM activation
WHERE activation.split_from IS NOT NULL AND activation.split_from = ? ORDER BY activation.id;

-- name: activations.START_ACTIVATION
-- takes: state, started_at, retry_at, attempt, worker, lease_until, fence, key
UPDATE activation SET state=?, started_at=?, retry_at=?, attempt=?, worker=?, lease_until=?, fence=? WHERE activation.id = ?;

-- name: activations.END_ACTIVATION
-- takes: state, finished_at, retry_at, attempt, interruptions, error, worker, lease_until, marks_deposited, key
UPDATE activation SET state=?, finished_at=?, retry_at=?, attempt=?, interruptions=?, error=?, worker=?, lease_until=?, marks_deposited=? WHERE activation.id = ?;

-- name: activations.EXTEND_LEASE
-- takes: until, by
UPDATE activation SET lease_until=? WHERE activation.state IN ('ready', 'running', 'held', 'dead', 'quarantined') AND activation.state = 'running' AND activation.worker = ?;

-- name: activations.READY_TO_RETRY
-- takes: agent, now, param_1
-- of these fixed: {"param_1": 0}
SELECT activation.id, activation.agent, activation.watch_id, activation.subject, activation.state, activation.reason, activation.crossed_at, activation.created_at, activation.started_at, activation.finished_at, activation.retry_at, activation.attempt, activation.interruptions, activation.error, activation.worker, activation.lease_until, activation.fence, activation.chain_length, activation.marks_absorbed, activation.marks_deposited, activation.split_from, activation.split_after_call
FROM activation
WHERE activation.state IN ('ready', 'running', 'held', 'dead', 'quarantined') AND activation.state IN ('ready', 'held') AND activation.agent = ? AND activation.retry_at <= ? ORDER BY activation.retry_at, activation.id
LIMIT 1 OFFSET ?;

-- name: activations.NEXT_RETRY
-- takes: agent, now
SELECT min(activation.retry_at) AS min_1
FROM activation
WHERE activation.state IN ('ready', 'running', 'held', 'dead', 'quarantined') AND activation.state IN ('ready', 'held') AND activation.agent = ? AND activation.retry_at > ?;

-- name: activations.DEFERRED
SELECT crossing.id, crossing.watch_id, crossing.subject, crossing.mark_id, crossing.state, crossing.crossed_at, crossing.noticed_at, crossing.value, crossing.threshold, crossing.marks, crossing.urgent, crossing.ready_at, crossing.held_by, crossing.law, crossing.order_key, crossing.event_id, crossing.activation_id, crossing.closed_at, activation.error, activation.retry_at
FROM activation JOIN crossing ON crossing.activation_id = activation.id
WHERE activation.state IN ('ready', 'running', 'held', 'dead', 'quarantined') AND activation.state IN ('ready', 'held') AND crossing.state = 'claimed';

-- name: activations.RUNNING_OF
-- takes: agent
SELECT count(*) AS count_1
FROM activation
WHERE activation.state IN ('ready', 'running', 'held', 'dead', 'quarantined') AND activation.state = 'running' AND activation.agent = ?;

-- name: activations.AGENTS_WAITING
SELECT DISTINCT activation.agent
FROM activation
WHERE activation.state IN ('ready', 'running', 'held', 'dead', 'quarantined') AND activation.state IN ('ready', 'held');

-- name: activations.RUNNING
SELECT activation.id, activation.agent, activation.watch_id, activation.subject, activation.state, activation.reason, activation.crossed_at, activation.created_at, activation.started_at, activation.finished_at, activation.retry_at, activation.attempt, activation.interruptions, activation.error, activation.worker, activation.lease_until, activation.fence, activation.chain_length, activation.marks_absorbed, activation.marks_deposited, activation.split_from, activation.split_after_call
FROM activation
WHERE activation.state IN ('ready', 'running', 'held', 'dead', 'quarantined') AND activation.state = 'running';

-- name: activations.UNFINISHED_IN_STATE
-- takes: state
SELECT activation.id, activation.agent, activation.watch_id, activation.subject, activation.state, activation.reason, activation.crossed_at, activation.created_at, activation.started_at, activation.finished_at, activation.retry_at, activation.attempt, activation.interruptions, activation.error, activation.worker, activation.lease_until, activation.fence, activation.chain_length, activation.marks_absorbed, activation.marks_deposited, activation.split_from, activation.split_after_call
FROM activation
WHERE activation.state IN ('ready', 'running', 'held', 'dead', 'quarantined') AND activation.state = ? ORDER BY activation.id;

-- name: activations.IN_STATE
-- takes: state
SELECT activation.id, activation.agent, activation.watch_id, activation.subject, activation.state, activation.reason, activation.crossed_at, activation.created_at, activation.started_at, activation.finished_at, activation.retry_at, activation.attempt, activation.interruptions, activation.error, activation.worker, activation.lease_until, activation.fence, activation.chain_length, activation.marks_absorbed, activation.marks_deposited, activation.split_from, activation.split_after_call
FROM activation
WHERE activation.state = ? ORDER BY activation.id;

-- name: activations.COUNT_BY_STATE
SELECT activation.agent, activation.state, count(*) AS count_1
FROM activation GROUP BY activation.agent, activation.state;

-- name: activations.WOKEN_SINCE
-- takes: agent, since
SELECT count(*) AS count_1
FROM activation
WHERE activation.agent = ? AND activation.created_at > ? AND (activation.state NOT IN ('quarantined', 'faded', 'skipped'));

-- name: activations.HELD_OF_WATCH
-- takes: agent, now, watch_id, param_1
-- of these fixed: {"param_1": 0}
SELECT activation.error, activation.retry_at
FROM activation
WHERE activation.state IN ('ready', 'running', 'held', 'dead', 'quarantined') AND activation.state = 'held' AND activation.agent = ? AND activation.retry_at > ? AND activation.watch_id = ?
LIMIT 1 OFFSET ?;

-- name: activations.RELEASE_HELD
-- takes: at, error, key
UPDATE activation SET state='ready', retry_at=?, error=? WHERE activation.id = ? AND activation.state = 'held';

-- name: activations.RECHECK_HELD
-- takes: at
UPDATE activation SET state='ready', retry_at=? WHERE activation.state IN ('ready', 'running', 'held', 'dead', 'quarantined') AND activation.state = 'held' AND (activation.retry_at IS NOT NULL OR activation.id IN (SELECT model_call.activation_id
FROM model_call
WHERE model_call.state IN ('planned', 'sent', 'answered', 'unknown') AND model_call.state = 'planned' AND (model_call.api = 'messages' OR model_call.error IS NOT NULL)));

-- name: activations.EXPLAIN_HELD
-- takes: until, error, key
UPDATE activation SET retry_at=?, error=? WHERE activation.id = ? AND activation.state = 'held';

-- name: activations.INSERT_INPUT
-- takes: activation_id, mark_id, role, event_id, strength
INSERT INTO activation_input (activation_id, mark_id, role, event_id, strength) VALUES (?, ?, ?, ?, ?);

-- name: activations.INPUTS
-- takes: activation_id
SELECT activation_input.mark_id, activation_input.role, activation_input.event_id, activation_input.strength, event.id, event.recorded_at, event.mark_id AS mark_id_1, event.kind, event.subject, event.event, event.intensity, event.law, event.evaporates_at, event.author, event.activation_id, event.payload
FROM activation_input LEFT OUTER JOIN event ON event.id = activation_input.event_id
WHERE activation_input.activation_id = ? ORDER BY activation_input.strength DESC, activation_input.mark_id;

-- name: activations.INPUT_BEFORE
-- takes: mark_id, event_id, watch_id, param_1
-- of these fixed: {"param_1": 0}
SELECT activation_input.activation_id
FROM activation_input JOIN activation ON activation.id = activation_input.activation_id
WHERE activation_input.mark_id = ? AND activation_input.event_id >= ? AND activation_input.role = 'absorbed' AND activation.watch_id = ?
LIMIT 1 OFFSET ?;

-- name: activations.MOVE_INPUT
-- takes: to_id, from_id, of_mark
UPDATE activation_input SET activation_id=? WHERE activation_input.activation_id = ? AND activation_input.mark_id = ?;

-- name: activations.COPY_READS
-- takes: to_id, from_id
INSERT INTO activation_input (activation_id, mark_id, role, event_id, strength) SELECT ? AS anon_1, activation_input.mark_id, activation_input.role, activation_input.event_id, activation_input.strength
FROM activation_input
WHERE activation_input.activation_id = ? AND activation_input.role = 'read';

-- name: activations.SET_INPUT_COUNT
-- takes: marks_absorbed, key
UPDATE activation SET marks_absorbed=? WHERE activation.id = ?;

-- name: activations.DEPOSITED_BY
-- takes: activation_id
SELECT event.id, event.recorded_at, event.mark_id, event.kind, event.subject, event.event, event.intensity, event.law, event.evaporates_at, event.author, event.activation_id, event.payload
FROM event
WHERE event.activation_id = ? ORDER BY event.id;

-- name: activations.AGENT_STATES
SELECT agent_state.agent, agent_state.paused, agent_state.paused_because, agent_state.cooldown_until, agent_state.failures
FROM agent_state;

-- name: activations.AGENT_STATE
-- takes: agent
SELECT agent_state.agent, agent_state.paused, agent_state.paused_because, agent_state.cooldown_until, agent_state.failures
FROM agent_state
WHERE agent_state.agent = ?;

-- name: activations.INSERT_AGENT_STATE
-- takes: agent, paused, paused_because, cooldown_until, failures
INSERT INTO agent_state (agent, paused, paused_because, cooldown_until, failures) VALUES (?, ?, ?, ?, ?);

-- name: activations.SET_COOLDOWN
-- takes: cooldown_until, failures, key
UPDATE agent_state SET cooldown_until=?, failures=? WHERE agent_state.agent = ?;

-- name: activations.SET_PAUSE
-- takes: paused, paused_because, key
UPDATE agent_state SET paused=?, paused_because=? WHERE agent_state.agent = ?;

-- name: activations.RENAME_STATE
-- takes: agent, former
UPDATE agent_state SET agent=? WHERE agent_state.agent = ?;

-- name: activations.RENAME_OPEN
-- takes: agent, former
UPDATE activation SET agent=? WHERE activation.agent = ? AND activation.state IN ('ready', 'running', 'held', 'dead', 'quarantined');

-- name: activations.RENAME_COOLDOWNS
-- takes: agent, former
UPDATE subject_cooldown SET agent=? WHERE subject_cooldown.agent = ?;

-- name: activations.DROP_COOLDOWNS_OF
-- takes: agent
DELETE FROM subject_cooldown WHERE subject_cooldown.agent = ?;

-- name: activations.PAUSE_BOARD
-- takes: paused, because
UPDATE board SET paused=?, paused_because=?;

-- name: activations.BOARD
SELECT board.id, board.uid, board.created_at, board.last_recorded_at, board.version, board.paused, board.paused_because
FROM board;

-- name: activations.COOLDOWN_OF
-- takes: agent, subject
SELECT subject_cooldown.until
FROM subject_cooldown
WHERE subject_cooldown.agent = ? AND subject_cooldown.subject = ?;

-- name: activations.INSERT_COOLDOWN
-- takes: agent, subject, until
INSERT INTO subject_cooldown (agent, subject, until) VALUES (?, ?, ?);

-- name: activations.UPDATE_COOLDOWN
-- takes: until, of_agent, of_subject
UPDATE subject_cooldown SET until=? WHERE subject_cooldown.agent = ? AND subject_cooldown.subject = ?;

-- name: activations.WORKERS
SELECT worker.id, worker.pid, worker.host, worker.started_at, worker.seen_at
FROM worker;

-- name: activations.INSERT_WORKER
-- takes: id, pid, host, started_at, seen_at
INSERT INTO worker (id, pid, host, started_at, seen_at) VALUES (?, ?, ?, ?, ?);

-- name: activations.SEE_WORKER
-- takes: seen_at, key
UPDATE worker SET seen_at=? WHERE worker.id = ?;

-- name: activations.DELETE_WORKER
-- takes: id
DELETE FROM worker WHERE worker.id = ?;

-- name: activations.NEWEST
-- takes: agent, agent, limit, param_1
-- of these fixed: {"param_1": 0}
SELECT activation.id, activation.agent, activation.watch_id, activation.subject, activation.state, activation.reason, activation.crossed_at, activation.created_at, activation.started_at, activation.finished_at, activation.retry_at, activation.attempt, activation.interruptions, activation.error, activation.worker, activation.lease_until, activation.fence, activation.chain_length, activation.marks_absorbed, activation.marks_deposited, activation.split_from, activation.split_after_call
FROM activation
WHERE ? = '' OR activation.agent = ? ORDER BY activation.id DESC
LIMIT ? + 0 OFFSET ?;

-- name: deployments.CURRENT
-- takes: param_1
-- of these fixed: {"param_1": 0}
SELECT deployment.version, deployment.content
FROM deployment ORDER BY deployment.version DESC
LIMIT 1 OFFSET ?;

-- name: deployments.VERSIONS
SELECT deployment.version, deployment.deployed_at, deployment.content
FROM deployment ORDER BY deployment.version;

-- name: deployments.INSERT_DEPLOYMENT
-- takes: version, deployed_at, content
INSERT INTO deployment (version, deployed_at, content) VALUES (?, ?, ?);

-- name: deployments.SET_VERSION
-- takes: at, version
UPDATE board SET last_recorded_at=?, version=?;

-- name: deployments.KIND_ROW
-- takes: name
SELECT kind.weight, kind.floor, kind.law
FROM kind
WHERE kind.name = ?;

-- name: deployments.LAW_CHANGES
SELECT law_change.kind, law_change.law, law_change.new_law, law_change.changed_at
FROM law_change;

-- name: deployments.LAW_CHANGE
-- takes: kind, law
SELECT law_change.new_law, law_change.changed_at
FROM law_change
WHERE law_change.kind = ? AND law_change.law = ?;

-- name: deployments.INSERT_LAW_CHANGE
-- takes: kind, law, new_law, changed_at
INSERT INTO law_change (kind, law, new_law, changed_at) VALUES (?, ?, ?, ?);

-- name: deployments.DELETE_LAW_CHANGE
-- takes: kind, law
DELETE FROM law_change WHERE law_change.kind = ? AND law_change.law = ?;

-- name: deployments.DELETE_FLOOR_CHANGES
-- takes: kind
DELETE FROM law_change WHERE law_change.kind = ? AND law_change.law = law_change.new_law;

-- name: deployments.INSERT_BOARD
-- takes: id, uid, created_at, last_recorded_at, version, paused, paused_because
INSERT INTO board (id, uid, created_at, last_recorded_at, version, paused, paused_because) VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: deployments.UPDATE_BOARD_TIME
-- takes: last_recorded_at, key
UPDATE board SET last_recorded_at=? WHERE board.id = ?;

-- name: forgetting.MARKS_OF
-- takes: subject
SELECT mark.id, mark.kind, mark.subject, mark.payload, mark.author, mark.intensity, mark.law, mark.anchored_at, mark.event_id, mark.deposited_at, mark.reinforced_at, mark.reinforcements, mark.evaporates_at, mark.order_key
FROM mark
WHERE mark.subject = ? ORDER BY mark.id;

-- name: forgetting.COUNT_EVENTS
-- takes: subject
SELECT count(*) AS count_1
FROM event
WHERE event.subject = ?;

-- name: forgetting.ACTIVATIONS
-- takes: subject, subject, subject
SELECT activation.id, activation.agent, activation.watch_id, activation.subject, activation.state, activation.reason, activation.crossed_at, activation.created_at, activation.started_at, activation.finished_at, activation.retry_at, activation.attempt, activation.interruptions, activation.error, activation.worker, activation.lease_until, activation.fence, activation.chain_length, activation.marks_absorbed, activation.marks_deposited, activation.split_from, activation.split_after_call
FROM activation
WHERE activation.id IN (SELECT activation_input.activation_id
FROM activation_input
WHERE activation_input.mark_id IN (SELECT event.mark_id
FROM event
WHERE event.subject = ?) UNION SELECT activation.id
FROM activation
WHERE activation.subject = ? UNION SELECT event.activation_id
FROM event
WHERE event.subject = ? AND event.activation_id IS NOT NULL) ORDER BY activation.id;

-- name: forgetting.CALLS_NAMING
-- takes: pattern, pattern, pattern
SELECT model_call.id
FROM model_call
WHERE model_call.body LIKE ? ESCAPE '\' OR model_call.reply LIKE ? ESCAPE '\' OR model_call.error LIKE ? ESCAPE '\';

-- name: forgetting.CALLS_OF
-- takes: activation_id
SELECT model_call.id
FROM model_call
WHERE model_call.activation_id = ?;

-- name: forgetting.NAMED_ELSEWHERE
-- takes: pattern, subject
SELECT DISTINCT event.mark_id
FROM event
WHERE event.payload LIKE ? ESCAPE '\' AND event.subject != ? ORDER BY event.mark_id;

-- name: forgetting.CLOSE_CROSSINGS
-- takes: at, of_subject
UPDATE crossing SET state='withdrawn', closed_at=? WHERE crossing.subject = ? AND crossing.state = 'waiting';

-- name: forgetting.RENAME_CROSSINGS
-- takes: to, of_subject
UPDATE crossing SET subject=? WHERE crossing.subject = ?;

-- name: forgetting.RENAME_ACTIVATIONS
-- takes: to, of_subject
UPDATE activation SET subject=? WHERE activation.subject = ?;

-- name: forgetting.ERASE_ERROR
-- takes: instead, key
UPDATE activation SET error=? WHERE activation.id = ?;

-- name: forgetting.ERASE_EVENTS
-- takes: to, of_subject
UPDATE event SET subject=?, payload=NULL WHERE event.subject = ?;

-- name: forgetting.ERASE_CALL
-- takes: key
UPDATE model_call SET state=CASE WHEN (model_call.state = 'planned') THEN 'failed' WHEN (model_call.state = 'answered') THEN 'unusable' WHEN (model_call.state = 'sent') THEN 'unknown' ELSE model_call.state END, body='', marks=-1, reply=NULL, error=NULL WHERE model_call.id = ?;

-- name: forgetting.DELETE_KEYS
-- takes: subject
DELETE FROM deposit_key WHERE deposit_key.mark_id IN (SELECT event.mark_id
FROM event
WHERE event.subject = ?);

-- name: forgetting.DELETE_COOLDOWNS
-- takes: subject
DELETE FROM subject_cooldown WHERE subject_cooldown.subject = ?;

-- name: forgetting.DELETE_PREDICTED_OF_SUBJECT
-- takes: subject
DELETE FROM predicted_crossing WHERE predicted_crossing.subject = ?;

-- name: journal.INSERT_CALL
-- takes: activation_id, agent, model, api, state, body, marks, planned_at, sent_at, answered_at, applied_at, reserved, reply, request_id, custom_id, submission, batch_id, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, cost, direct_cost, error, would_hold
INSERT INTO model_call (activation_id, agent, model, api, state, body, marks, planned_at, sent_at, answered_at, applied_at, reserved, reply, request_id, custom_id, submission, batch_id, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, cost, direct_cost, error, would_hold) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: journal.LAST_CALL_ID
SELECT max(model_call.id) AS max_1
FROM model_call;

-- name: journal.GET_CALL
-- takes: id
SELECT model_call.id, model_call.activation_id, model_call.agent, model_call.model, model_call.api, model_call.state, model_call.body, model_call.marks, model_call.planned_at, model_call.sent_at, model_call.answered_at, model_call.applied_at, model_call.reserved, model_call.reply, model_call.request_id, model_call.custom_id, model_call.submission, model_call.batch_id, model_call.input_tokens, model_call.cache_read_tokens, model_call.cache_write_tokens, model_call.output_tokens, model_call.cost, model_call.direct_cost, model_call.error, model_call.would_hold
FROM model_call
WHERE model_call.id = ?;

-- name: journal.CALLS_OF
-- takes: activation_id
SELECT model_call.id, model_call.activation_id, model_call.agent, model_call.model, model_call.api, model_call.state, model_call.body, model_call.marks, model_call.planned_at, model_call.sent_at, model_call.answered_at, model_call.applied_at, model_call.reserved, model_call.reply, model_call.request_id, model_call.custom_id, model_call.submission, model_call.batch_id, model_call.input_tokens, model_call.cache_read_tokens, model_call.cache_write_tokens, model_call.output_tokens, model_call.cost, model_call.direct_cost, model_call.error, model_call.would_hold
FROM model_call
WHERE model_call.activation_id = ? ORDER BY model_call.id DESC;

-- name: journal.SEND_CALL
-- takes: state, sent_at, reserved, custom_id, submission, would_hold, key
UPDATE model_call SET state=?, sent_at=?, reserved=?, custom_id=?, submission=?, would_hold=? WHERE model_call.id = ?;

-- name: journal.ANSWER_CALL
-- takes: state, answered_at, reserved, reply, request_id, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, cost, direct_cost, error, key
UPDATE model_call SET state=?, answered_at=?, reserved=?, reply=?, request_id=?, input_tokens=?, cache_read_tokens=?, cache_write_tokens=?, output_tokens=?, cost=?, direct_cost=?, error=? WHERE model_call.id = ?;

-- name: journal.NOTE_CALL
-- takes: error, key
UPDATE model_call SET error=? WHERE model_call.id = ?;

-- name: journal.END_CALL
-- takes: state, reserved, request_id, error, key
UPDATE model_call SET state=?, reserved=?, request_id=?, error=? WHERE model_call.id = ?;

-- name: journal.RECORD_COST
-- takes: state, reserved, cost, direct_cost, key
UPDATE model_call SET state=?, reserved=?, cost=?, direct_cost=? WHERE model_call.id = ?;

-- name: journal.APPLY_CALL
-- takes: at, activation
UPDATE model_call SET state='applied', applied_at=? WHERE model_call.id = (SELECT max(model_call.id) AS max_1
FROM model_call
WHERE model_call.activation_id = ? AND model_call.state = 'answered');

-- name: journal.SPARE_CALLS
-- takes: why, activation
UPDATE model_call SET state='unusable', error=? WHERE model_call.activation_id = ? AND model_call.state = 'answered';

-- name: journal.REOPEN_CALLS
-- takes: activation
UPDATE model_call SET state='failed' WHERE model_call.activation_id = ? AND model_call.state = 'rejected';

-- name: journal.FORGET_NOTES
-- takes: error, activation
-- of these fixed: {"error": null}
UPDATE model_call SET error=? WHERE model_call.activation_id = ? AND model_call.state = 'planned';

-- name: journal.FORGET_ALL_NOTES
-- takes: error
-- of these fixed: {"error": null}
UPDATE model_call SET error=? WHERE model_call.state IN ('planned', 'sent', 'answered', 'unknown') AND model_call.state = 'planned' AND model_call.error IS NOT NULL;

-- name: journal.SPENT
-- takes: hour, hour, day
SELECT coalesce(sum(coalesce(model_call.cost, 0) + model_call.reserved), 0) AS coalesce_1, coalesce(sum(CASE WHEN (model_call.state = 'failed') THEN 0 ELSE 1 END), 0) AS coalesce_2, coalesce(sum(CASE WHEN (model_call.sent_at >= ?) THEN coalesce(model_call.cost, 0) + model_call.reserved ELSE 0 END), 0) AS coalesce_3, coalesce(sum(CASE WHEN (model_call.sent_at >= ?) THEN CASE WHEN (model_call.state = 'failed') THEN 0 ELSE 1 END ELSE 0 END), 0) AS coalesce_4
FROM model_call
WHERE model_call.sent_at >= ?;

-- name: journal.SPENT_BY
-- takes: hour, hour, day, agent
SELECT coalesce(sum(coalesce(model_call.cost, 0) + model_call.reserved), 0) AS coalesce_1, coalesce(sum(CASE WHEN (model_call.state = 'failed') THEN 0 ELSE 1 END), 0) AS coalesce_2, coalesce(sum(CASE WHEN (model_call.sent_at >= ?) THEN coalesce(model_call.cost, 0) + model_call.reserved ELSE 0 END), 0) AS coalesce_3, coalesce(sum(CASE WHEN (model_call.sent_at >= ?) THEN CASE WHEN (model_call.state = 'failed') THEN 0 ELSE 1 END ELSE 0 END), 0) AS coalesce_4
FROM model_call
WHERE model_call.sent_at >= ? AND model_call.agent = ?;

-- name: journal.SPENT_FOR
-- takes: activation_id, up_to
SELECT coalesce(sum(coalesce(model_call.cost, 0) + model_call.reserved), 0) AS coalesce_1, coalesce(sum(CASE WHEN (model_call.state = 'failed') THEN 0 ELSE 1 END), 0) AS coalesce_2
FROM model_call
WHERE model_call.activation_id = ? AND model_call.sent_at IS NOT NULL AND model_call.id <= ?;

-- name: journal.TO_SUBMIT
-- takes: limit, param_1
-- of these fixed: {"param_1": 0}
SELECT model_call.id, model_call.activation_id, model_call.agent, model_call.model, model_call.api, model_call.state, model_call.body, model_call.marks, model_call.planned_at, model_call.sent_at, model_call.answered_at, model_call.applied_at, model_call.reserved, model_call.reply, model_call.request_id, model_call.custom_id, model_call.submission, model_call.batch_id, model_call.input_tokens, model_call.cache_read_tokens, model_call.cache_write_tokens, model_call.output_tokens, model_call.cost, model_call.direct_cost, model_call.error, model_call.would_hold
FROM model_call JOIN activation ON activation.id = model_call.activation_id
WHERE model_call.state IN ('planned', 'sent', 'answered', 'unknown') AND model_call.api = 'batch' AND model_call.state = 'planned' AND activation.state = 'held' AND activation.retry_at IS NULL ORDER BY model_call.id
LIMIT ? + 0 OFFSET ?;

-- name: journal.SUBMITTED
SELECT model_call.id, model_call.activation_id, model_call.agent, model_call.model, model_call.api, model_call.state, model_call.body, model_call.marks, model_call.planned_at, model_call.sent_at, model_call.answered_at, model_call.applied_at, model_call.reserved, model_call.reply, model_call.request_id, model_call.custom_id, model_call.submission, model_call.batch_id, model_call.input_tokens, model_call.cache_read_tokens, model_call.cache_write_tokens, model_call.output_tokens, model_call.cost, model_call.direct_cost, model_call.error, model_call.would_hold
FROM model_call
WHERE model_call.state IN ('planned', 'sent', 'answered', 'unknown') AND model_call.api = 'batch' AND model_call.state = 'sent' ORDER BY model_call.id;

-- name: journal.OPEN_BATCH_CALLS
SELECT model_call.agent, count(*) AS count_1
FROM model_call JOIN activation ON activation.id = model_call.activation_id
WHERE model_call.state IN ('planned', 'sent', 'answered', 'unknown') AND model_call.api = 'batch' AND (model_call.state = 'sent' OR model_call.state = 'planned' AND model_call.error IS NULL) AND activation.state = 'held' AND activation.retry_at IS NULL GROUP BY model_call.agent;

-- name: journal.NAME_BATCH
-- takes: batch_id, of_submission
UPDATE model_call SET batch_id=? WHERE model_call.submission = ? AND model_call.state IN ('planned', 'sent', 'answered', 'unknown') AND model_call.api = 'batch' AND model_call.state = 'sent';

-- name: journal.ANSWERED_BATCH_CALLS
SELECT activation.id
FROM model_call JOIN activation ON activation.id = model_call.activation_id
WHERE model_call.state IN ('planned', 'sent', 'answered', 'unknown') AND model_call.api = 'batch' AND model_call.state = 'answered' AND activation.state = 'held';

-- name: journal.COUNT_OPEN
SELECT model_call.state, count(*) AS count_1
FROM model_call
WHERE model_call.state IN ('planned', 'sent', 'answered', 'unknown') GROUP BY model_call.state;

-- name: journal.RESERVED
SELECT coalesce(sum(model_call.reserved), 0) AS coalesce_1
FROM model_call
WHERE model_call.state IN ('planned', 'sent', 'answered', 'unknown');

-- name: journal.NEWEST
-- takes: limit, param_1
-- of these fixed: {"param_1": 0}
SELECT model_call.id, model_call.activation_id, model_call.agent, model_call.model, model_call.api, model_call.state, model_call.body, model_call.marks, model_call.planned_at, model_call.sent_at, model_call.answered_at, model_call.applied_at, model_call.reserved, model_call.reply, model_call.request_id, model_call.custom_id, model_call.submission, model_call.batch_id, model_call.input_tokens, model_call.cache_read_tokens, model_call.cache_write_tokens, model_call.output_tokens, model_call.cost, model_call.direct_cost, model_call.error, model_call.would_hold
FROM model_call ORDER BY model_call.id DESC
LIMIT ? + 0 OFFSET ?;

-- name: journal.COSTS
-- takes: since
SELECT costs.day, costs.agent, costs.calls, costs.input_tokens, costs.cache_read_tokens, costs.cache_write_tokens, costs.output_tokens, costs.usd, costs.marks_deposited, costs.usd_per_mark, costs.share_from_cache, costs.usd_direct, costs.unknown, costs.usd_reserved
FROM costs
WHERE costs.day >= ? ORDER BY costs.day, costs.agent;

-- name: marks.PRESENT
SELECT board.version, board.last_recorded_at, event.id, event.recorded_at, (SELECT min(mark.evaporates_at) AS min_1
FROM mark) AS anon_1
FROM board LEFT OUTER JOIN event ON event.id = (SELECT max(ids.id) AS max_1
FROM event AS ids);

-- name: marks.RECORD_TIME
-- takes: at
UPDATE board SET last_recorded_at=?;

-- name: marks.INSERT_EVENT
-- takes: id, recorded_at, mark_id, kind, subject, event, intensity, law, evaporates_at, author, activation_id, payload
INSERT INTO event (id, recorded_at, mark_id, kind, subject, event, intensity, law, evaporates_at, author, activation_id, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: marks.INSERT_MARK
-- takes: id, kind, subject, payload, author, intensity, law, anchored_at, event_id, deposited_at, reinforced_at, reinforcements, evaporates_at, order_key
INSERT INTO mark (id, kind, subject, payload, author, intensity, law, anchored_at, event_id, deposited_at, reinforced_at, reinforcements, evaporates_at, order_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: marks.UPDATE_MARK
-- takes: payload, author, intensity, law, anchored_at, event_id, reinforced_at, reinforcements, evaporates_at, order_key, key
UPDATE mark SET payload=?, author=?, intensity=?, law=?, anchored_at=?, event_id=?, reinforced_at=?, reinforcements=?, evaporates_at=?, order_key=? WHERE mark.id = ?;

-- name: marks.REBASE_MARK
-- takes: intensity, law, anchored_at, evaporates_at, order_key, key
UPDATE mark SET intensity=?, law=?, anchored_at=?, evaporates_at=?, order_key=? WHERE mark.id = ?;

-- name: marks.DELETE_MARK
-- takes: id
DELETE FROM mark WHERE mark.id = ?;

-- name: marks.FIND_MARK
-- takes: kind, subject
SELECT mark.id, mark.kind, mark.subject, mark.payload, mark.author, mark.intensity, mark.law, mark.anchored_at, mark.event_id, mark.deposited_at, mark.reinforced_at, mark.reinforcements, mark.evaporates_at, mark.order_key
FROM mark
WHERE mark.kind = ? AND mark.subject = ? ORDER BY mark.id DESC;

-- name: marks.GET_MARK
-- takes: id
SELECT mark.id, mark.kind, mark.subject, mark.payload, mark.author, mark.intensity, mark.law, mark.anchored_at, mark.event_id, mark.deposited_at, mark.reinforced_at, mark.reinforcements, mark.evaporates_at, mark.order_key
FROM mark
WHERE mark.id = ?;

-- name: marks.MARKS_OF_SUBJECT
-- takes: kind, subject
SELECT mark.id, mark.kind, mark.subject, mark.payload, mark.author, mark.intensity, mark.law, mark.anchored_at, mark.event_id, mark.deposited_at, mark.reinforced_at, mark.reinforcements, mark.evaporates_at, mark.order_key
FROM mark
WHERE mark.kind = ? AND mark.subject = ? ORDER BY mark.id DESC;

-- name: marks.MARKS_AFTER
-- takes: kind, after, up_to, limit, param_1
-- of these fixed: {"param_1": 0}
SELECT mark.id, mark.kind, mark.subject, mark.payload, mark.author, mark.intensity, mark.law, mark.anchored_at, mark.event_id, mark.deposited_at, mark.reinforced_at, mark.reinforcements, mark.evaporates_at, mark.order_key
FROM mark
WHERE mark.kind = ? AND mark.event_id > ? AND mark.event_id <= ? ORDER BY mark.event_id
LIMIT ? + 0 OFFSET ?;

-- name: marks.MARKS_OF_KIND
-- takes: kind
SELECT mark.id, mark.kind, mark.subject, mark.payload, mark.author, mark.intensity, mark.law, mark.anchored_at, mark.event_id, mark.deposited_at, mark.reinforced_at, mark.reinforcements, mark.evaporates_at, mark.order_key
FROM mark
WHERE mark.kind = ?;

-- name: marks.UNDER_LAW
-- takes: kind, law, at, at, limit, param_1
-- of these fixed: {"param_1": 0}
SELECT mark.id, mark.kind, mark.subject, mark.payload, mark.author, mark.intensity, mark.law, mark.anchored_at, mark.event_id, mark.deposited_at, mark.reinforced_at, mark.reinforcements, mark.evaporates_at, mark.order_key
FROM mark
WHERE mark.kind = ? AND mark.law = ? AND mark.anchored_at < ? AND (mark.evaporates_at IS NULL OR mark.evaporates_at > ?)
LIMIT ? + 0 OFFSET ?;

-- name: marks.DEPOSITED_SINCE
-- takes: since
SELECT mark.id, mark.kind, mark.subject, mark.payload, mark.author, mark.intensity, mark.law, mark.anchored_at, mark.event_id, mark.deposited_at, mark.reinforced_at, mark.reinforcements, mark.evaporates_at, mark.order_key
FROM mark
WHERE mark.event_id > ? ORDER BY mark.event_id;

-- name: marks.EVAPORATED
-- takes: now, limit, param_1
-- of these fixed: {"param_1": 0}
SELECT mark.id, mark.kind, mark.subject, mark.payload, mark.author, mark.intensity, mark.law, mark.anchored_at, mark.event_id, mark.deposited_at, mark.reinforced_at, mark.reinforcements, mark.evaporates_at, mark.order_key
FROM mark
WHERE mark.evaporates_at <= ? ORDER BY mark.evaporates_at
LIMIT ? + 0 OFFSET ?;

-- name: marks.NEXT_EVAPORATION
SELECT min(mark.evaporates_at) AS min_1
FROM mark;

-- name: marks.COUNT_LIVE
-- takes: now
SELECT mark.kind, count(*) AS count_1
FROM mark
WHERE mark.evaporates_at IS NULL OR mark.evaporates_at > ? GROUP BY mark.kind ORDER BY mark.kind;

-- name: marks.FORGET_ABSORBED
-- takes: mark_id
DELETE FROM absorbed WHERE absorbed.mark_id = ?;

-- name: marks.FIND_KEY
-- takes: key
SELECT deposit_key.mark_id, deposit_key.event_id
FROM deposit_key
WHERE deposit_key."key" = ?;

-- name: marks.INSERT_KEY
-- takes: key, mark_id, event_id, at
INSERT INTO deposit_key ("key", mark_id, event_id, at) VALUES (?, ?, ?, ?);

-- name: marks.FIND_UNIQUE
-- takes: kind, value
SELECT unique_value.mark_id
FROM unique_value
WHERE unique_value.kind = ? AND unique_value.value = ?;

-- name: marks.INSERT_UNIQUE
-- takes: kind, value, mark_id
INSERT INTO unique_value (kind, value, mark_id) VALUES (?, ?, ?);

-- name: marks.DELETE_UNIQUE
-- takes: mark_id
DELETE FROM unique_value WHERE unique_value.mark_id = ?;

-- name: marks.FIND_LAW
-- takes: law
SELECT law.law
FROM law
WHERE law.law = ?;

-- name: marks.INSERT_LAW
-- takes: law, name, a, b, spec
INSERT INTO law (law, name, a, b, spec) VALUES (?, ?, ?, ?, ?);

-- name: marks.INSERT_SEGMENT
-- takes: law, age, share, slope
INSERT INTO law_segment (law, age, share, slope) VALUES (?, ?, ?, ?);

-- name: marks.INSERT_KIND
-- takes: name, weight, floor, law
INSERT INTO kind (name, weight, floor, law) VALUES (?, ?, ?, ?);

-- name: marks.UPDATE_KIND
-- takes: weight, floor, law, key
UPDATE kind SET weight=?, floor=?, law=? WHERE kind.name = ?;

-- name: marks.GET_LAW
-- takes: law
SELECT law.spec
FROM law
WHERE law.law = ?;

-- name: marks.GET_EVENT
-- takes: id
SELECT event.id, event.recorded_at, event.mark_id, event.kind, event.subject, event.event, event.intensity, event.law, event.evaporates_at, event.author, event.activation_id, event.payload
FROM event
WHERE event.id = ?;

-- name: marks.EVENTS_OF_SUBJECT
-- takes: subject
SELECT event.id, event.recorded_at, event.mark_id, event.kind, event.subject, event.event, event.intensity, event.law, event.evaporates_at, event.author, event.activation_id, event.payload
FROM event
WHERE event.subject = ? ORDER BY event.id;

-- name: marks.NEXT_SUBJECT
-- takes: after
SELECT min(event.subject) AS min_1
FROM event
WHERE event.subject > ?;

-- name: marks.DEPTH_BEHIND
-- takes: id
SELECT event.activation_id
FROM event
WHERE event.id = ?;

-- name: marks.AT_INSTANT
-- takes: at, at
SELECT event.id, event.recorded_at, event.mark_id, event.kind, event.subject, event.event, event.intensity, event.law, event.evaporates_at, event.author, event.activation_id, event.payload
FROM event
WHERE event.recorded_at <= ? AND (event.event NOT IN ('evaporated', 'withdrawn')) AND NOT (EXISTS (SELECT later.id
FROM event AS later
WHERE later.subject = event.subject AND later.mark_id = event.mark_id AND later.id > event.id AND later.recorded_at <= ?)) ORDER BY event.id;

-- name: marks.GONE_SINCE
-- takes: kind, since
SELECT event.id, event.recorded_at, event.mark_id, event.kind, event.subject, event.event, event.intensity, event.law, event.evaporates_at, event.author, event.activation_id, event.payload
FROM event
WHERE event.kind = ? AND event.id > ? AND event.event = 'evaporated' ORDER BY event.id;

-- name: marks.LAST_DEPOSIT
-- takes: subject, mark_id, param_1
-- of these fixed: {"param_1": 0}
SELECT event.id, event.recorded_at, event.mark_id, event.kind, event.subject, event.event, event.intensity, event.law, event.evaporates_at, event.author, event.activation_id, event.payload
FROM event
WHERE event.subject = ? AND event.mark_id = ? AND event.event IN ('deposited', 'reinforced') ORDER BY event.id DESC
LIMIT 1 OFFSET ?;

-- name: marks.COUNT_REINFORCEMENTS
-- takes: subject, mark_id
SELECT count(*) AS count_1
FROM event
WHERE event.subject = ? AND event.mark_id = ? AND event.event = 'reinforced';

-- name: marks.LIVE[]
-- takes: as_of, param_1, param_2, param_3
-- of these fixed: {"param_1": 0, "param_2": 0, "param_3": 0}
WITH clock AS MATERIALIZED
(SELECT ? AS as_of)
SELECT live.id, live.kind, live.subject, live.payload, live.author, live.intensity, live.law, live.anchored_at, live.event_id, live.deposited_at, live.reinforced_at, live.reinforcements, live.evaporates_at, live.order_key, live.weight, live.strength
FROM (SELECT faded.id AS id, faded.kind AS kind, faded.subject AS subject, faded.payload AS payload, faded.author AS author, faded.intensity AS intensity, faded.law AS law, faded.anchored_at AS anchored_at, faded.event_id AS event_id, faded.deposited_at AS deposited_at, faded.reinforced_at AS reinforced_at, faded.reinforcements AS reinforcements, faded.evaporates_at AS evaporates_at, faded.order_key AS order_key, faded.weight AS weight, faded.floor AS floor, faded.as_of AS as_of, faded.law_name AS law_name, faded.a AS a, faded.b AS b, faded.age AS age, faded.next_law AS next_law, faded.next_name AS next_name, faded.next_a AS next_a, faded.next_b AS next_b, faded.next_age AS next_age, faded.changed_at AS changed_at, faded.share AS share, faded.weight * faded.intensity * faded.share AS strength
FROM (SELECT dated.id AS id, dated.kind AS kind, dated.subject AS subject, dated.payload AS payload, dated.author AS author, dated.intensity AS intensity, dated.law AS law, dated.anchored_at AS anchored_at, dated.event_id AS event_id, dated.deposited_at AS deposited_at, dated.reinforced_at AS reinforced_at, dated.reinforcements AS reinforcements, dated.evaporates_at AS evaporates_at, dated.order_key AS order_key, dated.weight AS weight, dated.floor AS floor, dated.as_of AS as_of, dated.law_name AS law_name, dated.a AS a, dated.b AS b, dated.age AS age, dated.next_law AS next_law, dated.next_name AS next_name, dated.next_a AS next_a, dated.next_b AS next_b, dated.next_age AS next_age, dated.changed_at AS changed_at, CASE WHEN (dated.next_age IS NULL) THEN CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END ELSE CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END * CASE WHEN (dated.next_name = 'exponential') THEN power(2.0, (-dated.next_age) / (dated.next_a + 0.0)) WHEN (dated.next_name = 'linear') THEN CASE WHEN (dated.next_a <= dated.next_age) THEN 0.0 ELSE 1.0 - dated.next_age / (dated.next_a + 0.0) END WHEN (dated.next_name = 'power') THEN power(1.0 + dated.next_age / (dated.next_a + 0.0), -dated.next_b) WHEN (dated.next_name = 'step') THEN CASE WHEN (dated.next_a > dated.next_age) THEN 1.0 ELSE 0.0 END WHEN (dated.next_name = 'curve') THEN (SELECT law_segment_2.share + law_segment_2.slope * (dated.next_age - law_segment_2.age) AS anon_2
FROM law_segment AS law_segment_2
WHERE law_segment_2.law = dated.next_law AND law_segment_2.age <= dated.next_age ORDER BY law_segment_2.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.next_name = 'never') THEN 1.0 END END AS share
FROM (SELECT mark.id AS id, mark.kind AS kind, mark.subject AS subject, mark.payload AS payload, mark.author AS author, mark.intensity AS intensity, mark.law AS law, mark.anchored_at AS anchored_at, mark.event_id AS event_id, mark.deposited_at AS deposited_at, mark.reinforced_at AS reinforced_at, mark.reinforcements AS reinforcements, mark.evaporates_at AS evaporates_at, mark.order_key AS order_key, kind.weight AS weight, kind.floor AS floor, clock.as_of AS as_of, law.name AS law_name, law.a AS a, law.b AS b, CASE WHEN (CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END > mark.anchored_at) THEN CAST(CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END - mark.anchored_at AS FLOAT) ELSE 0.0 END AS age, follower.law AS next_law, follower.name AS next_name, follower.a AS next_a, follower.b AS next_b, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN CASE WHEN (law_change.changed_at < clock.as_of) THEN CAST(clock.as_of - law_change.changed_at AS FLOAT) ELSE 0.0 END END AS next_age, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of) THEN law_change.changed_at END AS changed_at
FROM mark JOIN kind ON kind.name = mark.kind JOIN law ON law.law = mark.law LEFT OUTER JOIN law_change ON law_change.kind = mark.kind AND law_change.law = mark.law LEFT OUTER JOIN law AS follower ON follower.law = law_change.new_law JOIN clock ON 1 = 1) AS dated) AS faded
WHERE (faded.evaporates_at IS NULL OR faded.evaporates_at > coalesce(faded.changed_at, faded.as_of)) AND (faded.changed_at IS NULL OR faded.intensity * faded.share >= faded.floor AND faded.intensity * faded.share > 0.0)) AS live ORDER BY live.strength DESC, live.id;

-- name: marks.LIVE[limit]
-- takes: as_of, param_1, param_2, param_3, limit, param_4
-- of these fixed: {"param_1": 0, "param_2": 0, "param_3": 0, "param_4": 0}
WITH clock AS MATERIALIZED
(SELECT ? AS as_of)
SELECT live.id, live.kind, live.subject, live.payload, live.author, live.intensity, live.law, live.anchored_at, live.event_id, live.deposited_at, live.reinforced_at, live.reinforcements, live.evaporates_at, live.order_key, live.weight, live.strength
FROM (SELECT faded.id AS id, faded.kind AS kind, faded.subject AS subject, faded.payload AS payload, faded.author AS author, faded.intensity AS intensity, faded.law AS law, faded.anchored_at AS anchored_at, faded.event_id AS event_id, faded.deposited_at AS deposited_at, faded.reinforced_at AS reinforced_at, faded.reinforcements AS reinforcements, faded.evaporates_at AS evaporates_at, faded.order_key AS order_key, faded.weight AS weight, faded.floor AS floor, faded.as_of AS as_of, faded.law_name AS law_name, faded.a AS a, faded.b AS b, faded.age AS age, faded.next_law AS next_law, faded.next_name AS next_name, faded.next_a AS next_a, faded.next_b AS next_b, faded.next_age AS next_age, faded.changed_at AS changed_at, faded.share AS share, faded.weight * faded.intensity * faded.share AS strength
FROM (SELECT dated.id AS id, dated.kind AS kind, dated.subject AS subject, dated.payload AS payload, dated.author AS author, dated.intensity AS intensity, dated.law AS law, dated.anchored_at AS anchored_at, dated.event_id AS event_id, dated.deposited_at AS deposited_at, dated.reinforced_at AS reinforced_at, dated.reinforcements AS reinforcements, dated.evaporates_at AS evaporates_at, dated.order_key AS order_key, dated.weight AS weight, dated.floor AS floor, dated.as_of AS as_of, dated.law_name AS law_name, dated.a AS a, dated.b AS b, dated.age AS age, dated.next_law AS next_law, dated.next_name AS next_name, dated.next_a AS next_a, dated.next_b AS next_b, dated.next_age AS next_age, dated.changed_at AS changed_at, CASE WHEN (dated.next_age IS NULL) THEN CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END ELSE CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END * CASE WHEN (dated.next_name = 'exponential') THEN power(2.0, (-dated.next_age) / (dated.next_a + 0.0)) WHEN (dated.next_name = 'linear') THEN CASE WHEN (dated.next_a <= dated.next_age) THEN 0.0 ELSE 1.0 - dated.next_age / (dated.next_a + 0.0) END WHEN (dated.next_name = 'power') THEN power(1.0 + dated.next_age / (dated.next_a + 0.0), -dated.next_b) WHEN (dated.next_name = 'step') THEN CASE WHEN (dated.next_a > dated.next_age) THEN 1.0 ELSE 0.0 END WHEN (dated.next_name = 'curve') THEN (SELECT law_segment_2.share + law_segment_2.slope * (dated.next_age - law_segment_2.age) AS anon_2
FROM law_segment AS law_segment_2
WHERE law_segment_2.law = dated.next_law AND law_segment_2.age <= dated.next_age ORDER BY law_segment_2.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.next_name = 'never') THEN 1.0 END END AS share
FROM (SELECT mark.id AS id, mark.kind AS kind, mark.subject AS subject, mark.payload AS payload, mark.author AS author, mark.intensity AS intensity, mark.law AS law, mark.anchored_at AS anchored_at, mark.event_id AS event_id, mark.deposited_at AS deposited_at, mark.reinforced_at AS reinforced_at, mark.reinforcements AS reinforcements, mark.evaporates_at AS evaporates_at, mark.order_key AS order_key, kind.weight AS weight, kind.floor AS floor, clock.as_of AS as_of, law.name AS law_name, law.a AS a, law.b AS b, CASE WHEN (CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END > mark.anchored_at) THEN CAST(CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END - mark.anchored_at AS FLOAT) ELSE 0.0 END AS age, follower.law AS next_law, follower.name AS next_name, follower.a AS next_a, follower.b AS next_b, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN CASE WHEN (law_change.changed_at < clock.as_of) THEN CAST(clock.as_of - law_change.changed_at AS FLOAT) ELSE 0.0 END END AS next_age, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of) THEN law_change.changed_at END AS changed_at
FROM mark JOIN kind ON kind.name = mark.kind JOIN law ON law.law = mark.law LEFT OUTER JOIN law_change ON law_change.kind = mark.kind AND law_change.law = mark.law LEFT OUTER JOIN law AS follower ON follower.law = law_change.new_law JOIN clock ON 1 = 1) AS dated) AS faded
WHERE (faded.evaporates_at IS NULL OR faded.evaporates_at > coalesce(faded.changed_at, faded.as_of)) AND (faded.changed_at IS NULL OR faded.intensity * faded.share >= faded.floor AND faded.intensity * faded.share > 0.0)) AS live ORDER BY live.strength DESC, live.id
LIMIT ? + 0 OFFSET ?;

-- name: marks.LIVE[min_strength]
-- takes: as_of, param_1, param_2, param_3, min_strength
-- of these fixed: {"param_1": 0, "param_2": 0, "param_3": 0}
WITH clock AS MATERIALIZED
(SELECT ? AS as_of)
SELECT live.id, live.kind, live.subject, live.payload, live.author, live.intensity, live.law, live.anchored_at, live.event_id, live.deposited_at, live.reinforced_at, live.reinforcements, live.evaporates_at, live.order_key, live.weight, live.strength
FROM (SELECT faded.id AS id, faded.kind AS kind, faded.subject AS subject, faded.payload AS payload, faded.author AS author, faded.intensity AS intensity, faded.law AS law, faded.anchored_at AS anchored_at, faded.event_id AS event_id, faded.deposited_at AS deposited_at, faded.reinforced_at AS reinforced_at, faded.reinforcements AS reinforcements, faded.evaporates_at AS evaporates_at, faded.order_key AS order_key, faded.weight AS weight, faded.floor AS floor, faded.as_of AS as_of, faded.law_name AS law_name, faded.a AS a, faded.b AS b, faded.age AS age, faded.next_law AS next_law, faded.next_name AS next_name, faded.next_a AS next_a, faded.next_b AS next_b, faded.next_age AS next_age, faded.changed_at AS changed_at, faded.share AS share, faded.weight * faded.intensity * faded.share AS strength
FROM (SELECT dated.id AS id, dated.kind AS kind, dated.subject AS subject, dated.payload AS payload, dated.author AS author, dated.intensity AS intensity, dated.law AS law, dated.anchored_at AS anchored_at, dated.event_id AS event_id, dated.deposited_at AS deposited_at, dated.reinforced_at AS reinforced_at, dated.reinforcements AS reinforcements, dated.evaporates_at AS evaporates_at, dated.order_key AS order_key, dated.weight AS weight, dated.floor AS floor, dated.as_of AS as_of, dated.law_name AS law_name, dated.a AS a, dated.b AS b, dated.age AS age, dated.next_law AS next_law, dated.next_name AS next_name, dated.next_a AS next_a, dated.next_b AS next_b, dated.next_age AS next_age, dated.changed_at AS changed_at, CASE WHEN (dated.next_age IS NULL) THEN CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END ELSE CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END * CASE WHEN (dated.next_name = 'exponential') THEN power(2.0, (-dated.next_age) / (dated.next_a + 0.0)) WHEN (dated.next_name = 'linear') THEN CASE WHEN (dated.next_a <= dated.next_age) THEN 0.0 ELSE 1.0 - dated.next_age / (dated.next_a + 0.0) END WHEN (dated.next_name = 'power') THEN power(1.0 + dated.next_age / (dated.next_a + 0.0), -dated.next_b) WHEN (dated.next_name = 'step') THEN CASE WHEN (dated.next_a > dated.next_age) THEN 1.0 ELSE 0.0 END WHEN (dated.next_name = 'curve') THEN (SELECT law_segment_2.share + law_segment_2.slope * (dated.next_age - law_segment_2.age) AS anon_2
FROM law_segment AS law_segment_2
WHERE law_segment_2.law = dated.next_law AND law_segment_2.age <= dated.next_age ORDER BY law_segment_2.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.next_name = 'never') THEN 1.0 END END AS share
FROM (SELECT mark.id AS id, mark.kind AS kind, mark.subject AS subject, mark.payload AS payload, mark.author AS author, mark.intensity AS intensity, mark.law AS law, mark.anchored_at AS anchored_at, mark.event_id AS event_id, mark.deposited_at AS deposited_at, mark.reinforced_at AS reinforced_at, mark.reinforcements AS reinforcements, mark.evaporates_at AS evaporates_at, mark.order_key AS order_key, kind.weight AS weight, kind.floor AS floor, clock.as_of AS as_of, law.name AS law_name, law.a AS a, law.b AS b, CASE WHEN (CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END > mark.anchored_at) THEN CAST(CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END - mark.anchored_at AS FLOAT) ELSE 0.0 END AS age, follower.law AS next_law, follower.name AS next_name, follower.a AS next_a, follower.b AS next_b, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN CASE WHEN (law_change.changed_at < clock.as_of) THEN CAST(clock.as_of - law_change.changed_at AS FLOAT) ELSE 0.0 END END AS next_age, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of) THEN law_change.changed_at END AS changed_at
FROM mark JOIN kind ON kind.name = mark.kind JOIN law ON law.law = mark.law LEFT OUTER JOIN law_change ON law_change.kind = mark.kind AND law_change.law = mark.law LEFT OUTER JOIN law AS follower ON follower.law = law_change.new_law JOIN clock ON 1 = 1) AS dated) AS faded
WHERE (faded.evaporates_at IS NULL OR faded.evaporates_at > coalesce(faded.changed_at, faded.as_of)) AND (faded.changed_at IS NULL OR faded.intensity * faded.share >= faded.floor AND faded.intensity * faded.share > 0.0)) AS live
WHERE live.strength >= ? ORDER BY live.strength DESC, live.id;

-- name: marks.LIVE[min_strength limit]
-- takes: as_of, param_1, param_2, param_3, min_strength, limit, param_4
-- of these fixed: {"param_1": 0, "param_2": 0, "param_3": 0, "param_4": 0}
WITH clock AS MATERIALIZED
(SELECT ? AS as_of)
SELECT live.id, live.kind, live.subject, live.payload, live.author, live.intensity, live.law, live.anchored_at, live.event_id, live.deposited_at, live.reinforced_at, live.reinforcements, live.evaporates_at, live.order_key, live.weight, live.strength
FROM (SELECT faded.id AS id, faded.kind AS kind, faded.subject AS subject, faded.payload AS payload, faded.author AS author, faded.intensity AS intensity, faded.law AS law, faded.anchored_at AS anchored_at, faded.event_id AS event_id, faded.deposited_at AS deposited_at, faded.reinforced_at AS reinforced_at, faded.reinforcements AS reinforcements, faded.evaporates_at AS evaporates_at, faded.order_key AS order_key, faded.weight AS weight, faded.floor AS floor, faded.as_of AS as_of, faded.law_name AS law_name, faded.a AS a, faded.b AS b, faded.age AS age, faded.next_law AS next_law, faded.next_name AS next_name, faded.next_a AS next_a, faded.next_b AS next_b, faded.next_age AS next_age, faded.changed_at AS changed_at, faded.share AS share, faded.weight * faded.intensity * faded.share AS strength
FROM (SELECT dated.id AS id, dated.kind AS kind, dated.subject AS subject, dated.payload AS payload, dated.author AS author, dated.intensity AS intensity, dated.law AS law, dated.anchored_at AS anchored_at, dated.event_id AS event_id, dated.deposited_at AS deposited_at, dated.reinforced_at AS reinforced_at, dated.reinforcements AS reinforcements, dated.evaporates_at AS evaporates_at, dated.order_key AS order_key, dated.weight AS weight, dated.floor AS floor, dated.as_of AS as_of, dated.law_name AS law_name, dated.a AS a, dated.b AS b, dated.age AS age, dated.next_law AS next_law, dated.next_name AS next_name, dated.next_a AS next_a, dated.next_b AS next_b, dated.next_age AS next_age, dated.changed_at AS changed_at, CASE WHEN (dated.next_age IS NULL) THEN CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END ELSE CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END * CASE WHEN (dated.next_name = 'exponential') THEN power(2.0, (-dated.next_age) / (dated.next_a + 0.0)) WHEN (dated.next_name = 'linear') THEN CASE WHEN (dated.next_a <= dated.next_age) THEN 0.0 ELSE 1.0 - dated.next_age / (dated.next_a + 0.0) END WHEN (dated.next_name = 'power') THEN power(1.0 + dated.next_age / (dated.next_a + 0.0), -dated.next_b) WHEN (dated.next_name = 'step') THEN CASE WHEN (dated.next_a > dated.next_age) THEN 1.0 ELSE 0.0 END WHEN (dated.next_name = 'curve') THEN (SELECT law_segment_2.share + law_segment_2.slope * (dated.next_age - law_segment_2.age) AS anon_2
FROM law_segment AS law_segment_2
WHERE law_segment_2.law = dated.next_law AND law_segment_2.age <= dated.next_age ORDER BY law_segment_2.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.next_name = 'never') THEN 1.0 END END AS share
FROM (SELECT mark.id AS id, mark.kind AS kind, mark.subject AS subject, mark.payload AS payload, mark.author AS author, mark.intensity AS intensity, mark.law AS law, mark.anchored_at AS anchored_at, mark.event_id AS event_id, mark.deposited_at AS deposited_at, mark.reinforced_at AS reinforced_at, mark.reinforcements AS reinforcements, mark.evaporates_at AS evaporates_at, mark.order_key AS order_key, kind.weight AS weight, kind.floor AS floor, clock.as_of AS as_of, law.name AS law_name, law.a AS a, law.b AS b, CASE WHEN (CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END > mark.anchored_at) THEN CAST(CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END - mark.anchored_at AS FLOAT) ELSE 0.0 END AS age, follower.law AS next_law, follower.name AS next_name, follower.a AS next_a, follower.b AS next_b, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN CASE WHEN (law_change.changed_at < clock.as_of) THEN CAST(clock.as_of - law_change.changed_at AS FLOAT) ELSE 0.0 END END AS next_age, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of) THEN law_change.changed_at END AS changed_at
FROM mark JOIN kind ON kind.name = mark.kind JOIN law ON law.law = mark.law LEFT OUTER JOIN law_change ON law_change.kind = mark.kind AND law_change.law = mark.law LEFT OUTER JOIN law AS follower ON follower.law = law_change.new_law JOIN clock ON 1 = 1) AS dated) AS faded
WHERE (faded.evaporates_at IS NULL OR faded.evaporates_at > coalesce(faded.changed_at, faded.as_of)) AND (faded.changed_at IS NULL OR faded.intensity * faded.share >= faded.floor AND faded.intensity * faded.share > 0.0)) AS live
WHERE live.strength >= ? ORDER BY live.strength DESC, live.id
LIMIT ? + 0 OFFSET ?;

-- name: marks.LIVE[subject]
-- takes: as_of, param_1, param_2, param_3, subject
-- of these fixed: {"param_1": 0, "param_2": 0, "param_3": 0}
WITH clock AS MATERIALIZED
(SELECT ? AS as_of)
SELECT live.id, live.kind, live.subject, live.payload, live.author, live.intensity, live.law, live.anchored_at, live.event_id, live.deposited_at, live.reinforced_at, live.reinforcements, live.evaporates_at, live.order_key, live.weight, live.strength
FROM (SELECT faded.id AS id, faded.kind AS kind, faded.subject AS subject, faded.payload AS payload, faded.author AS author, faded.intensity AS intensity, faded.law AS law, faded.anchored_at AS anchored_at, faded.event_id AS event_id, faded.deposited_at AS deposited_at, faded.reinforced_at AS reinforced_at, faded.reinforcements AS reinforcements, faded.evaporates_at AS evaporates_at, faded.order_key AS order_key, faded.weight AS weight, faded.floor AS floor, faded.as_of AS as_of, faded.law_name AS law_name, faded.a AS a, faded.b AS b, faded.age AS age, faded.next_law AS next_law, faded.next_name AS next_name, faded.next_a AS next_a, faded.next_b AS next_b, faded.next_age AS next_age, faded.changed_at AS changed_at, faded.share AS share, faded.weight * faded.intensity * faded.share AS strength
FROM (SELECT dated.id AS id, dated.kind AS kind, dated.subject AS subject, dated.payload AS payload, dated.author AS author, dated.intensity AS intensity, dated.law AS law, dated.anchored_at AS anchored_at, dated.event_id AS event_id, dated.deposited_at AS deposited_at, dated.reinforced_at AS reinforced_at, dated.reinforcements AS reinforcements, dated.evaporates_at AS evaporates_at, dated.order_key AS order_key, dated.weight AS weight, dated.floor AS floor, dated.as_of AS as_of, dated.law_name AS law_name, dated.a AS a, dated.b AS b, dated.age AS age, dated.next_law AS next_law, dated.next_name AS next_name, dated.next_a AS next_a, dated.next_b AS next_b, dated.next_age AS next_age, dated.changed_at AS changed_at, CASE WHEN (dated.next_age IS NULL) THEN CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END ELSE CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END * CASE WHEN (dated.next_name = 'exponential') THEN power(2.0, (-dated.next_age) / (dated.next_a + 0.0)) WHEN (dated.next_name = 'linear') THEN CASE WHEN (dated.next_a <= dated.next_age) THEN 0.0 ELSE 1.0 - dated.next_age / (dated.next_a + 0.0) END WHEN (dated.next_name = 'power') THEN power(1.0 + dated.next_age / (dated.next_a + 0.0), -dated.next_b) WHEN (dated.next_name = 'step') THEN CASE WHEN (dated.next_a > dated.next_age) THEN 1.0 ELSE 0.0 END WHEN (dated.next_name = 'curve') THEN (SELECT law_segment_2.share + law_segment_2.slope * (dated.next_age - law_segment_2.age) AS anon_2
FROM law_segment AS law_segment_2
WHERE law_segment_2.law = dated.next_law AND law_segment_2.age <= dated.next_age ORDER BY law_segment_2.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.next_name = 'never') THEN 1.0 END END AS share
FROM (SELECT mark.id AS id, mark.kind AS kind, mark.subject AS subject, mark.payload AS payload, mark.author AS author, mark.intensity AS intensity, mark.law AS law, mark.anchored_at AS anchored_at, mark.event_id AS event_id, mark.deposited_at AS deposited_at, mark.reinforced_at AS reinforced_at, mark.reinforcements AS reinforcements, mark.evaporates_at AS evaporates_at, mark.order_key AS order_key, kind.weight AS weight, kind.floor AS floor, clock.as_of AS as_of, law.name AS law_name, law.a AS a, law.b AS b, CASE WHEN (CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END > mark.anchored_at) THEN CAST(CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END - mark.anchored_at AS FLOAT) ELSE 0.0 END AS age, follower.law AS next_law, follower.name AS next_name, follower.a AS next_a, follower.b AS next_b, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN CASE WHEN (law_change.changed_at < clock.as_of) THEN CAST(clock.as_of - law_change.changed_at AS FLOAT) ELSE 0.0 END END AS next_age, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of) THEN law_change.changed_at END AS changed_at
FROM mark JOIN kind ON kind.name = mark.kind JOIN law ON law.law = mark.law LEFT OUTER JOIN law_change ON law_change.kind = mark.kind AND law_change.law = mark.law LEFT OUTER JOIN law AS follower ON follower.law = law_change.new_law JOIN clock ON 1 = 1) AS dated) AS faded
WHERE (faded.evaporates_at IS NULL OR faded.evaporates_at > coalesce(faded.changed_at, faded.as_of)) AND (faded.changed_at IS NULL OR faded.intensity * faded.share >= faded.floor AND faded.intensity * faded.share > 0.0)) AS live
WHERE live.subject = ? ORDER BY live.strength DESC, live.id;

-- name: marks.LIVE[subject limit]
-- takes: as_of, param_1, param_2, param_3, subject, limit, param_4
-- of these fixed: {"param_1": 0, "param_2": 0, "param_3": 0, "param_4": 0}
WITH clock AS MATERIALIZED
(SELECT ? AS as_of)
SELECT live.id, live.kind, live.subject, live.payload, live.author, live.intensity, live.law, live.anchored_at, live.event_id, live.deposited_at, live.reinforced_at, live.reinforcements, live.evaporates_at, live.order_key, live.weight, live.strength
FROM (SELECT faded.id AS id, faded.kind AS kind, faded.subject AS subject, faded.payload AS payload, faded.author AS author, faded.intensity AS intensity, faded.law AS law, faded.anchored_at AS anchored_at, faded.event_id AS event_id, faded.deposited_at AS deposited_at, faded.reinforced_at AS reinforced_at, faded.reinforcements AS reinforcements, faded.evaporates_at AS evaporates_at, faded.order_key AS order_key, faded.weight AS weight, faded.floor AS floor, faded.as_of AS as_of, faded.law_name AS law_name, faded.a AS a, faded.b AS b, faded.age AS age, faded.next_law AS next_law, faded.next_name AS next_name, faded.next_a AS next_a, faded.next_b AS next_b, faded.next_age AS next_age, faded.changed_at AS changed_at, faded.share AS share, faded.weight * faded.intensity * faded.share AS strength
FROM (SELECT dated.id AS id, dated.kind AS kind, dated.subject AS subject, dated.payload AS payload, dated.author AS author, dated.intensity AS intensity, dated.law AS law, dated.anchored_at AS anchored_at, dated.event_id AS event_id, dated.deposited_at AS deposited_at, dated.reinforced_at AS reinforced_at, dated.reinforcements AS reinforcements, dated.evaporates_at AS evaporates_at, dated.order_key AS order_key, dated.weight AS weight, dated.floor AS floor, dated.as_of AS as_of, dated.law_name AS law_name, dated.a AS a, dated.b AS b, dated.age AS age, dated.next_law AS next_law, dated.next_name AS next_name, dated.next_a AS next_a, dated.next_b AS next_b, dated.next_age AS next_age, dated.changed_at AS changed_at, CASE WHEN (dated.next_age IS NULL) THEN CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END ELSE CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END * CASE WHEN (dated.next_name = 'exponential') THEN power(2.0, (-dated.next_age) / (dated.next_a + 0.0)) WHEN (dated.next_name = 'linear') THEN CASE WHEN (dated.next_a <= dated.next_age) THEN 0.0 ELSE 1.0 - dated.next_age / (dated.next_a + 0.0) END WHEN (dated.next_name = 'power') THEN power(1.0 + dated.next_age / (dated.next_a + 0.0), -dated.next_b) WHEN (dated.next_name = 'step') THEN CASE WHEN (dated.next_a > dated.next_age) THEN 1.0 ELSE 0.0 END WHEN (dated.next_name = 'curve') THEN (SELECT law_segment_2.share + law_segment_2.slope * (dated.next_age - law_segment_2.age) AS anon_2
FROM law_segment AS law_segment_2
WHERE law_segment_2.law = dated.next_law AND law_segment_2.age <= dated.next_age ORDER BY law_segment_2.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.next_name = 'never') THEN 1.0 END END AS share
FROM (SELECT mark.id AS id, mark.kind AS kind, mark.subject AS subject, mark.payload AS payload, mark.author AS author, mark.intensity AS intensity, mark.law AS law, mark.anchored_at AS anchored_at, mark.event_id AS event_id, mark.deposited_at AS deposited_at, mark.reinforced_at AS reinforced_at, mark.reinforcements AS reinforcements, mark.evaporates_at AS evaporates_at, mark.order_key AS order_key, kind.weight AS weight, kind.floor AS floor, clock.as_of AS as_of, law.name AS law_name, law.a AS a, law.b AS b, CASE WHEN (CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END > mark.anchored_at) THEN CAST(CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END - mark.anchored_at AS FLOAT) ELSE 0.0 END AS age, follower.law AS next_law, follower.name AS next_name, follower.a AS next_a, follower.b AS next_b, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN CASE WHEN (law_change.changed_at < clock.as_of) THEN CAST(clock.as_of - law_change.changed_at AS FLOAT) ELSE 0.0 END END AS next_age, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of) THEN law_change.changed_at END AS changed_at
FROM mark JOIN kind ON kind.name = mark.kind JOIN law ON law.law = mark.law LEFT OUTER JOIN law_change ON law_change.kind = mark.kind AND law_change.law = mark.law LEFT OUTER JOIN law AS follower ON follower.law = law_change.new_law JOIN clock ON 1 = 1) AS dated) AS faded
WHERE (faded.evaporates_at IS NULL OR faded.evaporates_at > coalesce(faded.changed_at, faded.as_of)) AND (faded.changed_at IS NULL OR faded.intensity * faded.share >= faded.floor AND faded.intensity * faded.share > 0.0)) AS live
WHERE live.subject = ? ORDER BY live.strength DESC, live.id
LIMIT ? + 0 OFFSET ?;

-- name: marks.LIVE[subject min_strength]
-- takes: as_of, param_1, param_2, param_3, subject, min_strength
-- of these fixed: {"param_1": 0, "param_2": 0, "param_3": 0}
WITH clock AS MATERIALIZED
(SELECT ? AS as_of)
SELECT live.id, live.kind, live.subject, live.payload, live.author, live.intensity, live.law, live.anchored_at, live.event_id, live.deposited_at, live.reinforced_at, live.reinforcements, live.evaporates_at, live.order_key, live.weight, live.strength
FROM (SELECT faded.id AS id, faded.kind AS kind, faded.subject AS subject, faded.payload AS payload, faded.author AS author, faded.intensity AS intensity, faded.law AS law, faded.anchored_at AS anchored_at, faded.event_id AS event_id, faded.deposited_at AS deposited_at, faded.reinforced_at AS reinforced_at, faded.reinforcements AS reinforcements, faded.evaporates_at AS evaporates_at, faded.order_key AS order_key, faded.weight AS weight, faded.floor AS floor, faded.as_of AS as_of, faded.law_name AS law_name, faded.a AS a, faded.b AS b, faded.age AS age, faded.next_law AS next_law, faded.next_name AS next_name, faded.next_a AS next_a, faded.next_b AS next_b, faded.next_age AS next_age, faded.changed_at AS changed_at, faded.share AS share, faded.weight * faded.intensity * faded.share AS strength
FROM (SELECT dated.id AS id, dated.kind AS kind, dated.subject AS subject, dated.payload AS payload, dated.author AS author, dated.intensity AS intensity, dated.law AS law, dated.anchored_at AS anchored_at, dated.event_id AS event_id, dated.deposited_at AS deposited_at, dated.reinforced_at AS reinforced_at, dated.reinforcements AS reinforcements, dated.evaporates_at AS evaporates_at, dated.order_key AS order_key, dated.weight AS weight, dated.floor AS floor, dated.as_of AS as_of, dated.law_name AS law_name, dated.a AS a, dated.b AS b, dated.age AS age, dated.next_law AS next_law, dated.next_name AS next_name, dated.next_a AS next_a, dated.next_b AS next_b, dated.next_age AS next_age, dated.changed_at AS changed_at, CASE WHEN (dated.next_age IS NULL) THEN CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END ELSE CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END * CASE WHEN (dated.next_name = 'exponential') THEN power(2.0, (-dated.next_age) / (dated.next_a + 0.0)) WHEN (dated.next_name = 'linear') THEN CASE WHEN (dated.next_a <= dated.next_age) THEN 0.0 ELSE 1.0 - dated.next_age / (dated.next_a + 0.0) END WHEN (dated.next_name = 'power') THEN power(1.0 + dated.next_age / (dated.next_a + 0.0), -dated.next_b) WHEN (dated.next_name = 'step') THEN CASE WHEN (dated.next_a > dated.next_age) THEN 1.0 ELSE 0.0 END WHEN (dated.next_name = 'curve') THEN (SELECT law_segment_2.share + law_segment_2.slope * (dated.next_age - law_segment_2.age) AS anon_2
FROM law_segment AS law_segment_2
WHERE law_segment_2.law = dated.next_law AND law_segment_2.age <= dated.next_age ORDER BY law_segment_2.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.next_name = 'never') THEN 1.0 END END AS share
FROM (SELECT mark.id AS id, mark.kind AS kind, mark.subject AS subject, mark.payload AS payload, mark.author AS author, mark.intensity AS intensity, mark.law AS law, mark.anchored_at AS anchored_at, mark.event_id AS event_id, mark.deposited_at AS deposited_at, mark.reinforced_at AS reinforced_at, mark.reinforcements AS reinforcements, mark.evaporates_at AS evaporates_at, mark.order_key AS order_key, kind.weight AS weight, kind.floor AS floor, clock.as_of AS as_of, law.name AS law_name, law.a AS a, law.b AS b, CASE WHEN (CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END > mark.anchored_at) THEN CAST(CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END - mark.anchored_at AS FLOAT) ELSE 0.0 END AS age, follower.law AS next_law, follower.name AS next_name, follower.a AS next_a, follower.b AS next_b, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN CASE WHEN (law_change.changed_at < clock.as_of) THEN CAST(clock.as_of - law_change.changed_at AS FLOAT) ELSE 0.0 END END AS next_age, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of) THEN law_change.changed_at END AS changed_at
FROM mark JOIN kind ON kind.name = mark.kind JOIN law ON law.law = mark.law LEFT OUTER JOIN law_change ON law_change.kind = mark.kind AND law_change.law = mark.law LEFT OUTER JOIN law AS follower ON follower.law = law_change.new_law JOIN clock ON 1 = 1) AS dated) AS faded
WHERE (faded.evaporates_at IS NULL OR faded.evaporates_at > coalesce(faded.changed_at, faded.as_of)) AND (faded.changed_at IS NULL OR faded.intensity * faded.share >= faded.floor AND faded.intensity * faded.share > 0.0)) AS live
WHERE live.subject = ? AND live.strength >= ? ORDER BY live.strength DESC, live.id;

-- name: marks.LIVE[subject min_strength limit]
-- takes: as_of, param_1, param_2, param_3, subject, min_strength, limit, param_4
-- of these fixed: {"param_1": 0, "param_2": 0, "param_3": 0, "param_4": 0}
WITH clock AS MATERIALIZED
(SELECT ? AS as_of)
SELECT live.id, live.kind, live.subject, live.payload, live.author, live.intensity, live.law, live.anchored_at, live.event_id, live.deposited_at, live.reinforced_at, live.reinforcements, live.evaporates_at, live.order_key, live.weight, live.strength
FROM (SELECT faded.id AS id, faded.kind AS kind, faded.subject AS subject, faded.payload AS payload, faded.author AS author, faded.intensity AS intensity, faded.law AS law, faded.anchored_at AS anchored_at, faded.event_id AS event_id, faded.deposited_at AS deposited_at, faded.reinforced_at AS reinforced_at, faded.reinforcements AS reinforcements, faded.evaporates_at AS evaporates_at, faded.order_key AS order_key, faded.weight AS weight, faded.floor AS floor, faded.as_of AS as_of, faded.law_name AS law_name, faded.a AS a, faded.b AS b, faded.age AS age, faded.next_law AS next_law, faded.next_name AS next_name, faded.next_a AS next_a, faded.next_b AS next_b, faded.next_age AS next_age, faded.changed_at AS changed_at, faded.share AS share, faded.weight * faded.intensity * faded.share AS strength
FROM (SELECT dated.id AS id, dated.kind AS kind, dated.subject AS subject, dated.payload AS payload, dated.author AS author, dated.intensity AS intensity, dated.law AS law, dated.anchored_at AS anchored_at, dated.event_id AS event_id, dated.deposited_at AS deposited_at, dated.reinforced_at AS reinforced_at, dated.reinforcements AS reinforcements, dated.evaporates_at AS evaporates_at, dated.order_key AS order_key, dated.weight AS weight, dated.floor AS floor, dated.as_of AS as_of, dated.law_name AS law_name, dated.a AS a, dated.b AS b, dated.age AS age, dated.next_law AS next_law, dated.next_name AS next_name, dated.next_a AS next_a, dated.next_b AS next_b, dated.next_age AS next_age, dated.changed_at AS changed_at, CASE WHEN (dated.next_age IS NULL) THEN CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END ELSE CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END * CASE WHEN (dated.next_name = 'exponential') THEN power(2.0, (-dated.next_age) / (dated.next_a + 0.0)) WHEN (dated.next_name = 'linear') THEN CASE WHEN (dated.next_a <= dated.next_age) THEN 0.0 ELSE 1.0 - dated.next_age / (dated.next_a + 0.0) END WHEN (dated.next_name = 'power') THEN power(1.0 + dated.next_age / (dated.next_a + 0.0), -dated.next_b) WHEN (dated.next_name = 'step') THEN CASE WHEN (dated.next_a > dated.next_age) THEN 1.0 ELSE 0.0 END WHEN (dated.next_name = 'curve') THEN (SELECT law_segment_2.share + law_segment_2.slope * (dated.next_age - law_segment_2.age) AS anon_2
FROM law_segment AS law_segment_2
WHERE law_segment_2.law = dated.next_law AND law_segment_2.age <= dated.next_age ORDER BY law_segment_2.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.next_name = 'never') THEN 1.0 END END AS share
FROM (SELECT mark.id AS id, mark.kind AS kind, mark.subject AS subject, mark.payload AS payload, mark.author AS author, mark.intensity AS intensity, mark.law AS law, mark.anchored_at AS anchored_at, mark.event_id AS event_id, mark.deposited_at AS deposited_at, mark.reinforced_at AS reinforced_at, mark.reinforcements AS reinforcements, mark.evaporates_at AS evaporates_at, mark.order_key AS order_key, kind.weight AS weight, kind.floor AS floor, clock.as_of AS as_of, law.name AS law_name, law.a AS a, law.b AS b, CASE WHEN (CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END > mark.anchored_at) THEN CAST(CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END - mark.anchored_at AS FLOAT) ELSE 0.0 END AS age, follower.law AS next_law, follower.name AS next_name, follower.a AS next_a, follower.b AS next_b, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN CASE WHEN (law_change.changed_at < clock.as_of) THEN CAST(clock.as_of - law_change.changed_at AS FLOAT) ELSE 0.0 END END AS next_age, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of) THEN law_change.changed_at END AS changed_at
FROM mark JOIN kind ON kind.name = mark.kind JOIN law ON law.law = mark.law LEFT OUTER JOIN law_change ON law_change.kind = mark.kind AND law_change.law = mark.law LEFT OUTER JOIN law AS follower ON follower.law = law_change.new_law JOIN clock ON 1 = 1) AS dated) AS faded
WHERE (faded.evaporates_at IS NULL OR faded.evaporates_at > coalesce(faded.changed_at, faded.as_of)) AND (faded.changed_at IS NULL OR faded.intensity * faded.share >= faded.floor AND faded.intensity * faded.share > 0.0)) AS live
WHERE live.subject = ? AND live.strength >= ? ORDER BY live.strength DESC, live.id
LIMIT ? + 0 OFFSET ?;

-- name: marks.LIVE[kind]
-- takes: as_of, param_1, param_2, param_3, kind
-- of these fixed: {"param_1": 0, "param_2": 0, "param_3": 0}
WITH clock AS MATERIALIZED
(SELECT ? AS as_of)
SELECT live.id, live.kind, live.subject, live.payload, live.author, live.intensity, live.law, live.anchored_at, live.event_id, live.deposited_at, live.reinforced_at, live.reinforcements, live.evaporates_at, live.order_key, live.weight, live.strength
FROM (SELECT faded.id AS id, faded.kind AS kind, faded.subject AS subject, faded.payload AS payload, faded.author AS author, faded.intensity AS intensity, faded.law AS law, faded.anchored_at AS anchored_at, faded.event_id AS event_id, faded.deposited_at AS deposited_at, faded.reinforced_at AS reinforced_at, faded.reinforcements AS reinforcements, faded.evaporates_at AS evaporates_at, faded.order_key AS order_key, faded.weight AS weight, faded.floor AS floor, faded.as_of AS as_of, faded.law_name AS law_name, faded.a AS a, faded.b AS b, faded.age AS age, faded.next_law AS next_law, faded.next_name AS next_name, faded.next_a AS next_a, faded.next_b AS next_b, faded.next_age AS next_age, faded.changed_at AS changed_at, faded.share AS share, faded.weight * faded.intensity * faded.share AS strength
FROM (SELECT dated.id AS id, dated.kind AS kind, dated.subject AS subject, dated.payload AS payload, dated.author AS author, dated.intensity AS intensity, dated.law AS law, dated.anchored_at AS anchored_at, dated.event_id AS event_id, dated.deposited_at AS deposited_at, dated.reinforced_at AS reinforced_at, dated.reinforcements AS reinforcements, dated.evaporates_at AS evaporates_at, dated.order_key AS order_key, dated.weight AS weight, dated.floor AS floor, dated.as_of AS as_of, dated.law_name AS law_name, dated.a AS a, dated.b AS b, dated.age AS age, dated.next_law AS next_law, dated.next_name AS next_name, dated.next_a AS next_a, dated.next_b AS next_b, dated.next_age AS next_age, dated.changed_at AS changed_at, CASE WHEN (dated.next_age IS NULL) THEN CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END ELSE CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END * CASE WHEN (dated.next_name = 'exponential') THEN power(2.0, (-dated.next_age) / (dated.next_a + 0.0)) WHEN (dated.next_name = 'linear') THEN CASE WHEN (dated.next_a <= dated.next_age) THEN 0.0 ELSE 1.0 - dated.next_age / (dated.next_a + 0.0) END WHEN (dated.next_name = 'power') THEN power(1.0 + dated.next_age / (dated.next_a + 0.0), -dated.next_b) WHEN (dated.next_name = 'step') THEN CASE WHEN (dated.next_a > dated.next_age) THEN 1.0 ELSE 0.0 END WHEN (dated.next_name = 'curve') THEN (SELECT law_segment_2.share + law_segment_2.slope * (dated.next_age - law_segment_2.age) AS anon_2
FROM law_segment AS law_segment_2
WHERE law_segment_2.law = dated.next_law AND law_segment_2.age <= dated.next_age ORDER BY law_segment_2.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.next_name = 'never') THEN 1.0 END END AS share
FROM (SELECT mark.id AS id, mark.kind AS kind, mark.subject AS subject, mark.payload AS payload, mark.author AS author, mark.intensity AS intensity, mark.law AS law, mark.anchored_at AS anchored_at, mark.event_id AS event_id, mark.deposited_at AS deposited_at, mark.reinforced_at AS reinforced_at, mark.reinforcements AS reinforcements, mark.evaporates_at AS evaporates_at, mark.order_key AS order_key, kind.weight AS weight, kind.floor AS floor, clock.as_of AS as_of, law.name AS law_name, law.a AS a, law.b AS b, CASE WHEN (CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END > mark.anchored_at) THEN CAST(CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END - mark.anchored_at AS FLOAT) ELSE 0.0 END AS age, follower.law AS next_law, follower.name AS next_name, follower.a AS next_a, follower.b AS next_b, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN CASE WHEN (law_change.changed_at < clock.as_of) THEN CAST(clock.as_of - law_change.changed_at AS FLOAT) ELSE 0.0 END END AS next_age, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of) THEN law_change.changed_at END AS changed_at
FROM mark JOIN kind ON kind.name = mark.kind JOIN law ON law.law = mark.law LEFT OUTER JOIN law_change ON law_change.kind = mark.kind AND law_change.law = mark.law LEFT OUTER JOIN law AS follower ON follower.law = law_change.new_law JOIN clock ON 1 = 1) AS dated) AS faded
WHERE (faded.evaporates_at IS NULL OR faded.evaporates_at > coalesce(faded.changed_at, faded.as_of)) AND (faded.changed_at IS NULL OR faded.intensity * faded.share >= faded.floor AND faded.intensity * faded.share > 0.0)) AS live
WHERE live.kind = ? ORDER BY live.strength DESC, live.id;

-- name: marks.LIVE[kind limit]
-- takes: as_of, param_1, param_2, param_3, kind, limit, param_4
-- of these fixed: {"param_1": 0, "param_2": 0, "param_3": 0, "param_4": 0}
WITH clock AS MATERIALIZED
(SELECT ? AS as_of)
SELECT live.id, live.kind, live.subject, live.payload, live.author, live.intensity, live.law, live.anchored_at, live.event_id, live.deposited_at, live.reinforced_at, live.reinforcements, live.evaporates_at, live.order_key, live.weight, live.strength
FROM (SELECT faded.id AS id, faded.kind AS kind, faded.subject AS subject, faded.payload AS payload, faded.author AS author, faded.intensity AS intensity, faded.law AS law, faded.anchored_at AS anchored_at, faded.event_id AS event_id, faded.deposited_at AS deposited_at, faded.reinforced_at AS reinforced_at, faded.reinforcements AS reinforcements, faded.evaporates_at AS evaporates_at, faded.order_key AS order_key, faded.weight AS weight, faded.floor AS floor, faded.as_of AS as_of, faded.law_name AS law_name, faded.a AS a, faded.b AS b, faded.age AS age, faded.next_law AS next_law, faded.next_name AS next_name, faded.next_a AS next_a, faded.next_b AS next_b, faded.next_age AS next_age, faded.changed_at AS changed_at, faded.share AS share, faded.weight * faded.intensity * faded.share AS strength
FROM (SELECT dated.id AS id, dated.kind AS kind, dated.subject AS subject, dated.payload AS payload, dated.author AS author, dated.intensity AS intensity, dated.law AS law, dated.anchored_at AS anchored_at, dated.event_id AS event_id, dated.deposited_at AS deposited_at, dated.reinforced_at AS reinforced_at, dated.reinforcements AS reinforcements, dated.evaporates_at AS evaporates_at, dated.order_key AS order_key, dated.weight AS weight, dated.floor AS floor, dated.as_of AS as_of, dated.law_name AS law_name, dated.a AS a, dated.b AS b, dated.age AS age, dated.next_law AS next_law, dated.next_name AS next_name, dated.next_a AS next_a, dated.next_b AS next_b, dated.next_age AS next_age, dated.changed_at AS changed_at, CASE WHEN (dated.next_age IS NULL) THEN CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END ELSE CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END * CASE WHEN (dated.next_name = 'exponential') THEN power(2.0, (-dated.next_age) / (dated.next_a + 0.0)) WHEN (dated.next_name = 'linear') THEN CASE WHEN (dated.next_a <= dated.next_age) THEN 0.0 ELSE 1.0 - dated.next_age / (dated.next_a + 0.0) END WHEN (dated.next_name = 'power') THEN power(1.0 + dated.next_age / (dated.next_a + 0.0), -dated.next_b) WHEN (dated.next_name = 'step') THEN CASE WHEN (dated.next_a > dated.next_age) THEN 1.0 ELSE 0.0 END WHEN (dated.next_name = 'curve') THEN (SELECT law_segment_2.share + law_segment_2.slope * (dated.next_age - law_segment_2.age) AS anon_2
FROM law_segment AS law_segment_2
WHERE law_segment_2.law = dated.next_law AND law_segment_2.age <= dated.next_age ORDER BY law_segment_2.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.next_name = 'never') THEN 1.0 END END AS share
FROM (SELECT mark.id AS id, mark.kind AS kind, mark.subject AS subject, mark.payload AS payload, mark.author AS author, mark.intensity AS intensity, mark.law AS law, mark.anchored_at AS anchored_at, mark.event_id AS event_id, mark.deposited_at AS deposited_at, mark.reinforced_at AS reinforced_at, mark.reinforcements AS reinforcements, mark.evaporates_at AS evaporates_at, mark.order_key AS order_key, kind.weight AS weight, kind.floor AS floor, clock.as_of AS as_of, law.name AS law_name, law.a AS a, law.b AS b, CASE WHEN (CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END > mark.anchored_at) THEN CAST(CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END - mark.anchored_at AS FLOAT) ELSE 0.0 END AS age, follower.law AS next_law, follower.name AS next_name, follower.a AS next_a, follower.b AS next_b, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN CASE WHEN (law_change.changed_at < clock.as_of) THEN CAST(clock.as_of - law_change.changed_at AS FLOAT) ELSE 0.0 END END AS next_age, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of) THEN law_change.changed_at END AS changed_at
FROM mark JOIN kind ON kind.name = mark.kind JOIN law ON law.law = mark.law LEFT OUTER JOIN law_change ON law_change.kind = mark.kind AND law_change.law = mark.law LEFT OUTER JOIN law AS follower ON follower.law = law_change.new_law JOIN clock ON 1 = 1) AS dated) AS faded
WHERE (faded.evaporates_at IS NULL OR faded.evaporates_at > coalesce(faded.changed_at, faded.as_of)) AND (faded.changed_at IS NULL OR faded.intensity * faded.share >= faded.floor AND faded.intensity * faded.share > 0.0)) AS live
WHERE live.kind = ? ORDER BY live.strength DESC, live.id
LIMIT ? + 0 OFFSET ?;

-- name: marks.LIVE[kind min_strength]
-- takes: as_of, param_1, param_2, param_3, kind, min_strength
-- of these fixed: {"param_1": 0, "param_2": 0, "param_3": 0}
WITH clock AS MATERIALIZED
(SELECT ? AS as_of)
SELECT live.id, live.kind, live.subject, live.payload, live.author, live.intensity, live.law, live.anchored_at, live.event_id, live.deposited_at, live.reinforced_at, live.reinforcements, live.evaporates_at, live.order_key, live.weight, live.strength
FROM (SELECT faded.id AS id, faded.kind AS kind, faded.subject AS subject, faded.payload AS payload, faded.author AS author, faded.intensity AS intensity, faded.law AS law, faded.anchored_at AS anchored_at, faded.event_id AS event_id, faded.deposited_at AS deposited_at, faded.reinforced_at AS reinforced_at, faded.reinforcements AS reinforcements, faded.evaporates_at AS evaporates_at, faded.order_key AS order_key, faded.weight AS weight, faded.floor AS floor, faded.as_of AS as_of, faded.law_name AS law_name, faded.a AS a, faded.b AS b, faded.age AS age, faded.next_law AS next_law, faded.next_name AS next_name, faded.next_a AS next_a, faded.next_b AS next_b, faded.next_age AS next_age, faded.changed_at AS changed_at, faded.share AS share, faded.weight * faded.intensity * faded.share AS strength
FROM (SELECT dated.id AS id, dated.kind AS kind, dated.subject AS subject, dated.payload AS payload, dated.author AS author, dated.intensity AS intensity, dated.law AS law, dated.anchored_at AS anchored_at, dated.event_id AS event_id, dated.deposited_at AS deposited_at, dated.reinforced_at AS reinforced_at, dated.reinforcements AS reinforcements, dated.evaporates_at AS evaporates_at, dated.order_key AS order_key, dated.weight AS weight, dated.floor AS floor, dated.as_of AS as_of, dated.law_name AS law_name, dated.a AS a, dated.b AS b, dated.age AS age, dated.next_law AS next_law, dated.next_name AS next_name, dated.next_a AS next_a, dated.next_b AS next_b, dated.next_age AS next_age, dated.changed_at AS changed_at, CASE WHEN (dated.next_age IS NULL) THEN CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END ELSE CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END * CASE WHEN (dated.next_name = 'exponential') THEN power(2.0, (-dated.next_age) / (dated.next_a + 0.0)) WHEN (dated.next_name = 'linear') THEN CASE WHEN (dated.next_a <= dated.next_age) THEN 0.0 ELSE 1.0 - dated.next_age / (dated.next_a + 0.0) END WHEN (dated.next_name = 'power') THEN power(1.0 + dated.next_age / (dated.next_a + 0.0), -dated.next_b) WHEN (dated.next_name = 'step') THEN CASE WHEN (dated.next_a > dated.next_age) THEN 1.0 ELSE 0.0 END WHEN (dated.next_name = 'curve') THEN (SELECT law_segment_2.share + law_segment_2.slope * (dated.next_age - law_segment_2.age) AS anon_2
FROM law_segment AS law_segment_2
WHERE law_segment_2.law = dated.next_law AND law_segment_2.age <= dated.next_age ORDER BY law_segment_2.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.next_name = 'never') THEN 1.0 END END AS share
FROM (SELECT mark.id AS id, mark.kind AS kind, mark.subject AS subject, mark.payload AS payload, mark.author AS author, mark.intensity AS intensity, mark.law AS law, mark.anchored_at AS anchored_at, mark.event_id AS event_id, mark.deposited_at AS deposited_at, mark.reinforced_at AS reinforced_at, mark.reinforcements AS reinforcements, mark.evaporates_at AS evaporates_at, mark.order_key AS order_key, kind.weight AS weight, kind.floor AS floor, clock.as_of AS as_of, law.name AS law_name, law.a AS a, law.b AS b, CASE WHEN (CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END > mark.anchored_at) THEN CAST(CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END - mark.anchored_at AS FLOAT) ELSE 0.0 END AS age, follower.law AS next_law, follower.name AS next_name, follower.a AS next_a, follower.b AS next_b, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN CASE WHEN (law_change.changed_at < clock.as_of) THEN CAST(clock.as_of - law_change.changed_at AS FLOAT) ELSE 0.0 END END AS next_age, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of) THEN law_change.changed_at END AS changed_at
FROM mark JOIN kind ON kind.name = mark.kind JOIN law ON law.law = mark.law LEFT OUTER JOIN law_change ON law_change.kind = mark.kind AND law_change.law = mark.law LEFT OUTER JOIN law AS follower ON follower.law = law_change.new_law JOIN clock ON 1 = 1) AS dated) AS faded
WHERE (faded.evaporates_at IS NULL OR faded.evaporates_at > coalesce(faded.changed_at, faded.as_of)) AND (faded.changed_at IS NULL OR faded.intensity * faded.share >= faded.floor AND faded.intensity * faded.share > 0.0)) AS live
WHERE live.kind = ? AND live.strength >= ? ORDER BY live.strength DESC, live.id;

-- name: marks.LIVE[kind min_strength limit]
-- takes: as_of, param_1, param_2, param_3, kind, min_strength, limit, param_4
-- of these fixed: {"param_1": 0, "param_2": 0, "param_3": 0, "param_4": 0}
WITH clock AS MATERIALIZED
(SELECT ? AS as_of)
SELECT live.id, live.kind, live.subject, live.payload, live.author, live.intensity, live.law, live.anchored_at, live.event_id, live.deposited_at, live.reinforced_at, live.reinforcements, live.evaporates_at, live.order_key, live.weight, live.strength
FROM (SELECT faded.id AS id, faded.kind AS kind, faded.subject AS subject, faded.payload AS payload, faded.author AS author, faded.intensity AS intensity, faded.law AS law, faded.anchored_at AS anchored_at, faded.event_id AS event_id, faded.deposited_at AS deposited_at, faded.reinforced_at AS reinforced_at, faded.reinforcements AS reinforcements, faded.evaporates_at AS evaporates_at, faded.order_key AS order_key, faded.weight AS weight, faded.floor AS floor, faded.as_of AS as_of, faded.law_name AS law_name, faded.a AS a, faded.b AS b, faded.age AS age, faded.next_law AS next_law, faded.next_name AS next_name, faded.next_a AS next_a, faded.next_b AS next_b, faded.next_age AS next_age, faded.changed_at AS changed_at, faded.share AS share, faded.weight * faded.intensity * faded.share AS strength
FROM (SELECT dated.id AS id, dated.kind AS kind, dated.subject AS subject, dated.payload AS payload, dated.author AS author, dated.intensity AS intensity, dated.law AS law, dated.anchored_at AS anchored_at, dated.event_id AS event_id, dated.deposited_at AS deposited_at, dated.reinforced_at AS reinforced_at, dated.reinforcements AS reinforcements, dated.evaporates_at AS evaporates_at, dated.order_key AS order_key, dated.weight AS weight, dated.floor AS floor, dated.as_of AS as_of, dated.law_name AS law_name, dated.a AS a, dated.b AS b, dated.age AS age, dated.next_law AS next_law, dated.next_name AS next_name, dated.next_a AS next_a, dated.next_b AS next_b, dated.next_age AS next_age, dated.changed_at AS changed_at, CASE WHEN (dated.next_age IS NULL) THEN CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END ELSE CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END * CASE WHEN (dated.next_name = 'exponential') THEN power(2.0, (-dated.next_age) / (dated.next_a + 0.0)) WHEN (dated.next_name = 'linear') THEN CASE WHEN (dated.next_a <= dated.next_age) THEN 0.0 ELSE 1.0 - dated.next_age / (dated.next_a + 0.0) END WHEN (dated.next_name = 'power') THEN power(1.0 + dated.next_age / (dated.next_a + 0.0), -dated.next_b) WHEN (dated.next_name = 'step') THEN CASE WHEN (dated.next_a > dated.next_age) THEN 1.0 ELSE 0.0 END WHEN (dated.next_name = 'curve') THEN (SELECT law_segment_2.share + law_segment_2.slope * (dated.next_age - law_segment_2.age) AS anon_2
FROM law_segment AS law_segment_2
WHERE law_segment_2.law = dated.next_law AND law_segment_2.age <= dated.next_age ORDER BY law_segment_2.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.next_name = 'never') THEN 1.0 END END AS share
FROM (SELECT mark.id AS id, mark.kind AS kind, mark.subject AS subject, mark.payload AS payload, mark.author AS author, mark.intensity AS intensity, mark.law AS law, mark.anchored_at AS anchored_at, mark.event_id AS event_id, mark.deposited_at AS deposited_at, mark.reinforced_at AS reinforced_at, mark.reinforcements AS reinforcements, mark.evaporates_at AS evaporates_at, mark.order_key AS order_key, kind.weight AS weight, kind.floor AS floor, clock.as_of AS as_of, law.name AS law_name, law.a AS a, law.b AS b, CASE WHEN (CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END > mark.anchored_at) THEN CAST(CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END - mark.anchored_at AS FLOAT) ELSE 0.0 END AS age, follower.law AS next_law, follower.name AS next_name, follower.a AS next_a, follower.b AS next_b, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN CASE WHEN (law_change.changed_at < clock.as_of) THEN CAST(clock.as_of - law_change.changed_at AS FLOAT) ELSE 0.0 END END AS next_age, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of) THEN law_change.changed_at END AS changed_at
FROM mark JOIN kind ON kind.name = mark.kind JOIN law ON law.law = mark.law LEFT OUTER JOIN law_change ON law_change.kind = mark.kind AND law_change.law = mark.law LEFT OUTER JOIN law AS follower ON follower.law = law_change.new_law JOIN clock ON 1 = 1) AS dated) AS faded
WHERE (faded.evaporates_at IS NULL OR faded.evaporates_at > coalesce(faded.changed_at, faded.as_of)) AND (faded.changed_at IS NULL OR faded.intensity * faded.share >= faded.floor AND faded.intensity * faded.share > 0.0)) AS live
WHERE live.kind = ? AND live.strength >= ? ORDER BY live.strength DESC, live.id
LIMIT ? + 0 OFFSET ?;

-- name: marks.LIVE[kind subject]
-- takes: as_of, param_1, param_2, param_3, kind, subject
-- of these fixed: {"param_1": 0, "param_2": 0, "param_3": 0}
WITH clock AS MATERIALIZED
(SELECT ? AS as_of)
SELECT live.id, live.kind, live.subject, live.payload, live.author, live.intensity, live.law, live.anchored_at, live.event_id, live.deposited_at, live.reinforced_at, live.reinforcements, live.evaporates_at, live.order_key, live.weight, live.strength
FROM (SELECT faded.id AS id, faded.kind AS kind, faded.subject AS subject, faded.payload AS payload, faded.author AS author, faded.intensity AS intensity, faded.law AS law, faded.anchored_at AS anchored_at, faded.event_id AS event_id, faded.deposited_at AS deposited_at, faded.reinforced_at AS reinforced_at, faded.reinforcements AS reinforcements, faded.evaporates_at AS evaporates_at, faded.order_key AS order_key, faded.weight AS weight, faded.floor AS floor, faded.as_of AS as_of, faded.law_name AS law_name, faded.a AS a, faded.b AS b, faded.age AS age, faded.next_law AS next_law, faded.next_name AS next_name, faded.next_a AS next_a, faded.next_b AS next_b, faded.next_age AS next_age, faded.changed_at AS changed_at, faded.share AS share, faded.weight * faded.intensity * faded.share AS strength
FROM (SELECT dated.id AS id, dated.kind AS kind, dated.subject AS subject, dated.payload AS payload, dated.author AS author, dated.intensity AS intensity, dated.law AS law, dated.anchored_at AS anchored_at, dated.event_id AS event_id, dated.deposited_at AS deposited_at, dated.reinforced_at AS reinforced_at, dated.reinforcements AS reinforcements, dated.evaporates_at AS evaporates_at, dated.order_key AS order_key, dated.weight AS weight, dated.floor AS floor, dated.as_of AS as_of, dated.law_name AS law_name, dated.a AS a, dated.b AS b, dated.age AS age, dated.next_law AS next_law, dated.next_name AS next_name, dated.next_a AS next_a, dated.next_b AS next_b, dated.next_age AS next_age, dated.changed_at AS changed_at, CASE WHEN (dated.next_age IS NULL) THEN CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END ELSE CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END * CASE WHEN (dated.next_name = 'exponential') THEN power(2.0, (-dated.next_age) / (dated.next_a + 0.0)) WHEN (dated.next_name = 'linear') THEN CASE WHEN (dated.next_a <= dated.next_age) THEN 0.0 ELSE 1.0 - dated.next_age / (dated.next_a + 0.0) END WHEN (dated.next_name = 'power') THEN power(1.0 + dated.next_age / (dated.next_a + 0.0), -dated.next_b) WHEN (dated.next_name = 'step') THEN CASE WHEN (dated.next_a > dated.next_age) THEN 1.0 ELSE 0.0 END WHEN (dated.next_name = 'curve') THEN (SELECT law_segment_2.share + law_segment_2.slope * (dated.next_age - law_segment_2.age) AS anon_2
FROM law_segment AS law_segment_2
WHERE law_segment_2.law = dated.next_law AND law_segment_2.age <= dated.next_age ORDER BY law_segment_2.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.next_name = 'never') THEN 1.0 END END AS share
FROM (SELECT mark.id AS id, mark.kind AS kind, mark.subject AS subject, mark.payload AS payload, mark.author AS author, mark.intensity AS intensity, mark.law AS law, mark.anchored_at AS anchored_at, mark.event_id AS event_id, mark.deposited_at AS deposited_at, mark.reinforced_at AS reinforced_at, mark.reinforcements AS reinforcements, mark.evaporates_at AS evaporates_at, mark.order_key AS order_key, kind.weight AS weight, kind.floor AS floor, clock.as_of AS as_of, law.name AS law_name, law.a AS a, law.b AS b, CASE WHEN (CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END > mark.anchored_at) THEN CAST(CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END - mark.anchored_at AS FLOAT) ELSE 0.0 END AS age, follower.law AS next_law, follower.name AS next_name, follower.a AS next_a, follower.b AS next_b, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN CASE WHEN (law_change.changed_at < clock.as_of) THEN CAST(clock.as_of - law_change.changed_at AS FLOAT) ELSE 0.0 END END AS next_age, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of) THEN law_change.changed_at END AS changed_at
FROM mark JOIN kind ON kind.name = mark.kind JOIN law ON law.law = mark.law LEFT OUTER JOIN law_change ON law_change.kind = mark.kind AND law_change.law = mark.law LEFT OUTER JOIN law AS follower ON follower.law = law_change.new_law JOIN clock ON 1 = 1) AS dated) AS faded
WHERE (faded.evaporates_at IS NULL OR faded.evaporates_at > coalesce(faded.changed_at, faded.as_of)) AND (faded.changed_at IS NULL OR faded.intensity * faded.share >= faded.floor AND faded.intensity * faded.share > 0.0)) AS live
WHERE live.kind = ? AND live.subject = ? ORDER BY live.strength DESC, live.id;

-- name: marks.LIVE[kind subject limit]
-- takes: as_of, param_1, param_2, param_3, kind, subject, limit, param_4
-- of these fixed: {"param_1": 0, "param_2": 0, "param_3": 0, "param_4": 0}
WITH clock AS MATERIALIZED
(SELECT ? AS as_of)
SELECT live.id, live.kind, live.subject, live.payload, live.author, live.intensity, live.law, live.anchored_at, live.event_id, live.deposited_at, live.reinforced_at, live.reinforcements, live.evaporates_at, live.order_key, live.weight, live.strength
FROM (SELECT faded.id AS id, faded.kind AS kind, faded.subject AS subject, faded.payload AS payload, faded.author AS author, faded.intensity AS intensity, faded.law AS law, faded.anchored_at AS anchored_at, faded.event_id AS event_id, faded.deposited_at AS deposited_at, faded.reinforced_at AS reinforced_at, faded.reinforcements AS reinforcements, faded.evaporates_at AS evaporates_at, faded.order_key AS order_key, faded.weight AS weight, faded.floor AS floor, faded.as_of AS as_of, faded.law_name AS law_name, faded.a AS a, faded.b AS b, faded.age AS age, faded.next_law AS next_law, faded.next_name AS next_name, faded.next_a AS next_a, faded.next_b AS next_b, faded.next_age AS next_age, faded.changed_at AS changed_at, faded.share AS share, faded.weight * faded.intensity * faded.share AS strength
FROM (SELECT dated.id AS id, dated.kind AS kind, dated.subject AS subject, dated.payload AS payload, dated.author AS author, dated.intensity AS intensity, dated.law AS law, dated.anchored_at AS anchored_at, dated.event_id AS event_id, dated.deposited_at AS deposited_at, dated.reinforced_at AS reinforced_at, dated.reinforcements AS reinforcements, dated.evaporates_at AS evaporates_at, dated.order_key AS order_key, dated.weight AS weight, dated.floor AS floor, dated.as_of AS as_of, dated.law_name AS law_name, dated.a AS a, dated.b AS b, dated.age AS age, dated.next_law AS next_law, dated.next_name AS next_name, dated.next_a AS next_a, dated.next_b AS next_b, dated.next_age AS next_age, dated.changed_at AS changed_at, CASE WHEN (dated.next_age IS NULL) THEN CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END ELSE CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END * CASE WHEN (dated.next_name = 'exponential') THEN power(2.0, (-dated.next_age) / (dated.next_a + 0.0)) WHEN (dated.next_name = 'linear') THEN CASE WHEN (dated.next_a <= dated.next_age) THEN 0.0 ELSE 1.0 - dated.next_age / (dated.next_a + 0.0) END WHEN (dated.next_name = 'power') THEN power(1.0 + dated.next_age / (dated.next_a + 0.0), -dated.next_b) WHEN (dated.next_name = 'step') THEN CASE WHEN (dated.next_a > dated.next_age) THEN 1.0 ELSE 0.0 END WHEN (dated.next_name = 'curve') THEN (SELECT law_segment_2.share + law_segment_2.slope * (dated.next_age - law_segment_2.age) AS anon_2
FROM law_segment AS law_segment_2
WHERE law_segment_2.law = dated.next_law AND law_segment_2.age <= dated.next_age ORDER BY law_segment_2.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.next_name = 'never') THEN 1.0 END END AS share
FROM (SELECT mark.id AS id, mark.kind AS kind, mark.subject AS subject, mark.payload AS payload, mark.author AS author, mark.intensity AS intensity, mark.law AS law, mark.anchored_at AS anchored_at, mark.event_id AS event_id, mark.deposited_at AS deposited_at, mark.reinforced_at AS reinforced_at, mark.reinforcements AS reinforcements, mark.evaporates_at AS evaporates_at, mark.order_key AS order_key, kind.weight AS weight, kind.floor AS floor, clock.as_of AS as_of, law.name AS law_name, law.a AS a, law.b AS b, CASE WHEN (CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END > mark.anchored_at) THEN CAST(CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END - mark.anchored_at AS FLOAT) ELSE 0.0 END AS age, follower.law AS next_law, follower.name AS next_name, follower.a AS next_a, follower.b AS next_b, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN CASE WHEN (law_change.changed_at < clock.as_of) THEN CAST(clock.as_of - law_change.changed_at AS FLOAT) ELSE 0.0 END END AS next_age, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of) THEN law_change.changed_at END AS changed_at
FROM mark JOIN kind ON kind.name = mark.kind JOIN law ON law.law = mark.law LEFT OUTER JOIN law_change ON law_change.kind = mark.kind AND law_change.law = mark.law LEFT OUTER JOIN law AS follower ON follower.law = law_change.new_law JOIN clock ON 1 = 1) AS dated) AS faded
WHERE (faded.evaporates_at IS NULL OR faded.evaporates_at > coalesce(faded.changed_at, faded.as_of)) AND (faded.changed_at IS NULL OR faded.intensity * faded.share >= faded.floor AND faded.intensity * faded.share > 0.0)) AS live
WHERE live.kind = ? AND live.subject = ? ORDER BY live.strength DESC, live.id
LIMIT ? + 0 OFFSET ?;

-- name: marks.LIVE[kind subject min_strength]
-- takes: as_of, param_1, param_2, param_3, kind, subject, min_strength
-- of these fixed: {"param_1": 0, "param_2": 0, "param_3": 0}
WITH clock AS MATERIALIZED
(SELECT ? AS as_of)
SELECT live.id, live.kind, live.subject, live.payload, live.author, live.intensity, live.law, live.anchored_at, live.event_id, live.deposited_at, live.reinforced_at, live.reinforcements, live.evaporates_at, live.order_key, live.weight, live.strength
FROM (SELECT faded.id AS id, faded.kind AS kind, faded.subject AS subject, faded.payload AS payload, faded.author AS author, faded.intensity AS intensity, faded.law AS law, faded.anchored_at AS anchored_at, faded.event_id AS event_id, faded.deposited_at AS deposited_at, faded.reinforced_at AS reinforced_at, faded.reinforcements AS reinforcements, faded.evaporates_at AS evaporates_at, faded.order_key AS order_key, faded.weight AS weight, faded.floor AS floor, faded.as_of AS as_of, faded.law_name AS law_name, faded.a AS a, faded.b AS b, faded.age AS age, faded.next_law AS next_law, faded.next_name AS next_name, faded.next_a AS next_a, faded.next_b AS next_b, faded.next_age AS next_age, faded.changed_at AS changed_at, faded.share AS share, faded.weight * faded.intensity * faded.share AS strength
FROM (SELECT dated.id AS id, dated.kind AS kind, dated.subject AS subject, dated.payload AS payload, dated.author AS author, dated.intensity AS intensity, dated.law AS law, dated.anchored_at AS anchored_at, dated.event_id AS event_id, dated.deposited_at AS deposited_at, dated.reinforced_at AS reinforced_at, dated.reinforcements AS reinforcements, dated.evaporates_at AS evaporates_at, dated.order_key AS order_key, dated.weight AS weight, dated.floor AS floor, dated.as_of AS as_of, dated.law_name AS law_name, dated.a AS a, dated.b AS b, dated.age AS age, dated.next_law AS next_law, dated.next_name AS next_name, dated.next_a AS next_a, dated.next_b AS next_b, dated.next_age AS next_age, dated.changed_at AS changed_at, CASE WHEN (dated.next_age IS NULL) THEN CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END ELSE CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END * CASE WHEN (dated.next_name = 'exponential') THEN power(2.0, (-dated.next_age) / (dated.next_a + 0.0)) WHEN (dated.next_name = 'linear') THEN CASE WHEN (dated.next_a <= dated.next_age) THEN 0.0 ELSE 1.0 - dated.next_age / (dated.next_a + 0.0) END WHEN (dated.next_name = 'power') THEN power(1.0 + dated.next_age / (dated.next_a + 0.0), -dated.next_b) WHEN (dated.next_name = 'step') THEN CASE WHEN (dated.next_a > dated.next_age) THEN 1.0 ELSE 0.0 END WHEN (dated.next_name = 'curve') THEN (SELECT law_segment_2.share + law_segment_2.slope * (dated.next_age - law_segment_2.age) AS anon_2
FROM law_segment AS law_segment_2
WHERE law_segment_2.law = dated.next_law AND law_segment_2.age <= dated.next_age ORDER BY law_segment_2.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.next_name = 'never') THEN 1.0 END END AS share
FROM (SELECT mark.id AS id, mark.kind AS kind, mark.subject AS subject, mark.payload AS payload, mark.author AS author, mark.intensity AS intensity, mark.law AS law, mark.anchored_at AS anchored_at, mark.event_id AS event_id, mark.deposited_at AS deposited_at, mark.reinforced_at AS reinforced_at, mark.reinforcements AS reinforcements, mark.evaporates_at AS evaporates_at, mark.order_key AS order_key, kind.weight AS weight, kind.floor AS floor, clock.as_of AS as_of, law.name AS law_name, law.a AS a, law.b AS b, CASE WHEN (CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END > mark.anchored_at) THEN CAST(CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END - mark.anchored_at AS FLOAT) ELSE 0.0 END AS age, follower.law AS next_law, follower.name AS next_name, follower.a AS next_a, follower.b AS next_b, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN CASE WHEN (law_change.changed_at < clock.as_of) THEN CAST(clock.as_of - law_change.changed_at AS FLOAT) ELSE 0.0 END END AS next_age, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of) THEN law_change.changed_at END AS changed_at
FROM mark JOIN kind ON kind.name = mark.kind JOIN law ON law.law = mark.law LEFT OUTER JOIN law_change ON law_change.kind = mark.kind AND law_change.law = mark.law LEFT OUTER JOIN law AS follower ON follower.law = law_change.new_law JOIN clock ON 1 = 1) AS dated) AS faded
WHERE (faded.evaporates_at IS NULL OR faded.evaporates_at > coalesce(faded.changed_at, faded.as_of)) AND (faded.changed_at IS NULL OR faded.intensity * faded.share >= faded.floor AND faded.intensity * faded.share > 0.0)) AS live
WHERE live.kind = ? AND live.subject = ? AND live.strength >= ? ORDER BY live.strength DESC, live.id;

-- name: marks.LIVE[kind subject min_strength limit]
-- takes: as_of, param_1, param_2, param_3, kind, subject, min_strength, limit, param_4
-- of these fixed: {"param_1": 0, "param_2": 0, "param_3": 0, "param_4": 0}
WITH clock AS MATERIALIZED
(SELECT ? AS as_of)
SELECT live.id, live.kind, live.subject, live.payload, live.author, live.intensity, live.law, live.anchored_at, live.event_id, live.deposited_at, live.reinforced_at, live.reinforcements, live.evaporates_at, live.order_key, live.weight, live.strength
FROM (SELECT faded.id AS id, faded.kind AS kind, faded.subject AS subject, faded.payload AS payload, faded.author AS author, faded.intensity AS intensity, faded.law AS law, faded.anchored_at AS anchored_at, faded.event_id AS event_id, faded.deposited_at AS deposited_at, faded.reinforced_at AS reinforced_at, faded.reinforcements AS reinforcements, faded.evaporates_at AS evaporates_at, faded.order_key AS order_key, faded.weight AS weight, faded.floor AS floor, faded.as_of AS as_of, faded.law_name AS law_name, faded.a AS a, faded.b AS b, faded.age AS age, faded.next_law AS next_law, faded.next_name AS next_name, faded.next_a AS next_a, faded.next_b AS next_b, faded.next_age AS next_age, faded.changed_at AS changed_at, faded.share AS share, faded.weight * faded.intensity * faded.share AS strength
FROM (SELECT dated.id AS id, dated.kind AS kind, dated.subject AS subject, dated.payload AS payload, dated.author AS author, dated.intensity AS intensity, dated.law AS law, dated.anchored_at AS anchored_at, dated.event_id AS event_id, dated.deposited_at AS deposited_at, dated.reinforced_at AS reinforced_at, dated.reinforcements AS reinforcements, dated.evaporates_at AS evaporates_at, dated.order_key AS order_key, dated.weight AS weight, dated.floor AS floor, dated.as_of AS as_of, dated.law_name AS law_name, dated.a AS a, dated.b AS b, dated.age AS age, dated.next_law AS next_law, dated.next_name AS next_name, dated.next_a AS next_a, dated.next_b AS next_b, dated.next_age AS next_age, dated.changed_at AS changed_at, CASE WHEN (dated.next_age IS NULL) THEN CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END ELSE CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END * CASE WHEN (dated.next_name = 'exponential') THEN power(2.0, (-dated.next_age) / (dated.next_a + 0.0)) WHEN (dated.next_name = 'linear') THEN CASE WHEN (dated.next_a <= dated.next_age) THEN 0.0 ELSE 1.0 - dated.next_age / (dated.next_a + 0.0) END WHEN (dated.next_name = 'power') THEN power(1.0 + dated.next_age / (dated.next_a + 0.0), -dated.next_b) WHEN (dated.next_name = 'step') THEN CASE WHEN (dated.next_a > dated.next_age) THEN 1.0 ELSE 0.0 END WHEN (dated.next_name = 'curve') THEN (SELECT law_segment_2.share + law_segment_2.slope * (dated.next_age - law_segment_2.age) AS anon_2
FROM law_segment AS law_segment_2
WHERE law_segment_2.law = dated.next_law AND law_segment_2.age <= dated.next_age ORDER BY law_segment_2.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.next_name = 'never') THEN 1.0 END END AS share
FROM (SELECT mark.id AS id, mark.kind AS kind, mark.subject AS subject, mark.payload AS payload, mark.author AS author, mark.intensity AS intensity, mark.law AS law, mark.anchored_at AS anchored_at, mark.event_id AS event_id, mark.deposited_at AS deposited_at, mark.reinforced_at AS reinforced_at, mark.reinforcements AS reinforcements, mark.evaporates_at AS evaporates_at, mark.order_key AS order_key, kind.weight AS weight, kind.floor AS floor, clock.as_of AS as_of, law.name AS law_name, law.a AS a, law.b AS b, CASE WHEN (CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END > mark.anchored_at) THEN CAST(CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END - mark.anchored_at AS FLOAT) ELSE 0.0 END AS age, follower.law AS next_law, follower.name AS next_name, follower.a AS next_a, follower.b AS next_b, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN CASE WHEN (law_change.changed_at < clock.as_of) THEN CAST(clock.as_of - law_change.changed_at AS FLOAT) ELSE 0.0 END END AS next_age, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of) THEN law_change.changed_at END AS changed_at
FROM mark JOIN kind ON kind.name = mark.kind JOIN law ON law.law = mark.law LEFT OUTER JOIN law_change ON law_change.kind = mark.kind AND law_change.law = mark.law LEFT OUTER JOIN law AS follower ON follower.law = law_change.new_law JOIN clock ON 1 = 1) AS dated) AS faded
WHERE (faded.evaporates_at IS NULL OR faded.evaporates_at > coalesce(faded.changed_at, faded.as_of)) AND (faded.changed_at IS NULL OR faded.intensity * faded.share >= faded.floor AND faded.intensity * faded.share > 0.0)) AS live
WHERE live.kind = ? AND live.subject = ? AND live.strength >= ? ORDER BY live.strength DESC, live.id
LIMIT ? + 0 OFFSET ?;

-- name: marks.LIVE[kind law limit]
-- takes: as_of, param_1, param_2, param_3, kind, law, limit, param_4
-- of these fixed: {"param_1": 0, "param_2": 0, "param_3": 0, "param_4": 0}
WITH clock AS MATERIALIZED
(SELECT ? AS as_of)
SELECT live.id, live.kind, live.subject, live.payload, live.author, live.intensity, live.law, live.anchored_at, live.event_id, live.deposited_at, live.reinforced_at, live.reinforcements, live.evaporates_at, live.order_key, live.weight, live.strength
FROM (SELECT faded.id AS id, faded.kind AS kind, faded.subject AS subject, faded.payload AS payload, faded.author AS author, faded.intensity AS intensity, faded.law AS law, faded.anchored_at AS anchored_at, faded.event_id AS event_id, faded.deposited_at AS deposited_at, faded.reinforced_at AS reinforced_at, faded.reinforcements AS reinforcements, faded.evaporates_at AS evaporates_at, faded.order_key AS order_key, faded.weight AS weight, faded.floor AS floor, faded.as_of AS as_of, faded.law_name AS law_name, faded.a AS a, faded.b AS b, faded.age AS age, faded.next_law AS next_law, faded.next_name AS next_name, faded.next_a AS next_a, faded.next_b AS next_b, faded.next_age AS next_age, faded.changed_at AS changed_at, faded.share AS share, faded.weight * faded.intensity * faded.share AS strength
FROM (SELECT dated.id AS id, dated.kind AS kind, dated.subject AS subject, dated.payload AS payload, dated.author AS author, dated.intensity AS intensity, dated.law AS law, dated.anchored_at AS anchored_at, dated.event_id AS event_id, dated.deposited_at AS deposited_at, dated.reinforced_at AS reinforced_at, dated.reinforcements AS reinforcements, dated.evaporates_at AS evaporates_at, dated.order_key AS order_key, dated.weight AS weight, dated.floor AS floor, dated.as_of AS as_of, dated.law_name AS law_name, dated.a AS a, dated.b AS b, dated.age AS age, dated.next_law AS next_law, dated.next_name AS next_name, dated.next_a AS next_a, dated.next_b AS next_b, dated.next_age AS next_age, dated.changed_at AS changed_at, CASE WHEN (dated.next_age IS NULL) THEN CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END ELSE CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END * CASE WHEN (dated.next_name = 'exponential') THEN power(2.0, (-dated.next_age) / (dated.next_a + 0.0)) WHEN (dated.next_name = 'linear') THEN CASE WHEN (dated.next_a <= dated.next_age) THEN 0.0 ELSE 1.0 - dated.next_age / (dated.next_a + 0.0) END WHEN (dated.next_name = 'power') THEN power(1.0 + dated.next_age / (dated.next_a + 0.0), -dated.next_b) WHEN (dated.next_name = 'step') THEN CASE WHEN (dated.next_a > dated.next_age) THEN 1.0 ELSE 0.0 END WHEN (dated.next_name = 'curve') THEN (SELECT law_segment_2.share + law_segment_2.slope * (dated.next_age - law_segment_2.age) AS anon_2
FROM law_segment AS law_segment_2
WHERE law_segment_2.law = dated.next_law AND law_segment_2.age <= dated.next_age ORDER BY law_segment_2.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.next_name = 'never') THEN 1.0 END END AS share
FROM (SELECT mark.id AS id, mark.kind AS kind, mark.subject AS subject, mark.payload AS payload, mark.author AS author, mark.intensity AS intensity, mark.law AS law, mark.anchored_at AS anchored_at, mark.event_id AS event_id, mark.deposited_at AS deposited_at, mark.reinforced_at AS reinforced_at, mark.reinforcements AS reinforcements, mark.evaporates_at AS evaporates_at, mark.order_key AS order_key, kind.weight AS weight, kind.floor AS floor, clock.as_of AS as_of, law.name AS law_name, law.a AS a, law.b AS b, CASE WHEN (CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END > mark.anchored_at) THEN CAST(CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END - mark.anchored_at AS FLOAT) ELSE 0.0 END AS age, follower.law AS next_law, follower.name AS next_name, follower.a AS next_a, follower.b AS next_b, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN CASE WHEN (law_change.changed_at < clock.as_of) THEN CAST(clock.as_of - law_change.changed_at AS FLOAT) ELSE 0.0 END END AS next_age, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of) THEN law_change.changed_at END AS changed_at
FROM mark JOIN kind ON kind.name = mark.kind JOIN law ON law.law = mark.law LEFT OUTER JOIN law_change ON law_change.kind = mark.kind AND law_change.law = mark.law LEFT OUTER JOIN law AS follower ON follower.law = law_change.new_law JOIN clock ON 1 = 1) AS dated) AS faded
WHERE (faded.evaporates_at IS NULL OR faded.evaporates_at > coalesce(faded.changed_at, faded.as_of)) AND (faded.changed_at IS NULL OR faded.intensity * faded.share >= faded.floor AND faded.intensity * faded.share > 0.0)) AS live
WHERE live.kind = ? AND live.law = ? ORDER BY live.strength DESC, live.id
LIMIT ? + 0 OFFSET ?;

-- name: marks.LIVE_IN_ORDER
-- takes: as_of, param_1, param_2, param_3, kind, law, limit, param_4
-- of these fixed: {"param_1": 0, "param_2": 0, "param_3": 0, "param_4": 0}
WITH clock AS MATERIALIZED
(SELECT ? AS as_of)
SELECT live.id, live.kind, live.subject, live.payload, live.author, live.intensity, live.law, live.anchored_at, live.event_id, live.deposited_at, live.reinforced_at, live.reinforcements, live.evaporates_at, live.order_key, live.weight, live.strength
FROM (SELECT faded.id AS id, faded.kind AS kind, faded.subject AS subject, faded.payload AS payload, faded.author AS author, faded.intensity AS intensity, faded.law AS law, faded.anchored_at AS anchored_at, faded.event_id AS event_id, faded.deposited_at AS deposited_at, faded.reinforced_at AS reinforced_at, faded.reinforcements AS reinforcements, faded.evaporates_at AS evaporates_at, faded.order_key AS order_key, faded.weight AS weight, faded.floor AS floor, faded.as_of AS as_of, faded.law_name AS law_name, faded.a AS a, faded.b AS b, faded.age AS age, faded.next_law AS next_law, faded.next_name AS next_name, faded.next_a AS next_a, faded.next_b AS next_b, faded.next_age AS next_age, faded.changed_at AS changed_at, faded.share AS share, faded.weight * faded.intensity * faded.share AS strength
FROM (SELECT dated.id AS id, dated.kind AS kind, dated.subject AS subject, dated.payload AS payload, dated.author AS author, dated.intensity AS intensity, dated.law AS law, dated.anchored_at AS anchored_at, dated.event_id AS event_id, dated.deposited_at AS deposited_at, dated.reinforced_at AS reinforced_at, dated.reinforcements AS reinforcements, dated.evaporates_at AS evaporates_at, dated.order_key AS order_key, dated.weight AS weight, dated.floor AS floor, dated.as_of AS as_of, dated.law_name AS law_name, dated.a AS a, dated.b AS b, dated.age AS age, dated.next_law AS next_law, dated.next_name AS next_name, dated.next_a AS next_a, dated.next_b AS next_b, dated.next_age AS next_age, dated.changed_at AS changed_at, CASE WHEN (dated.next_age IS NULL) THEN CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END ELSE CASE WHEN (dated.law_name = 'exponential') THEN power(2.0, (-dated.age) / (dated.a + 0.0)) WHEN (dated.law_name = 'linear') THEN CASE WHEN (dated.a <= dated.age) THEN 0.0 ELSE 1.0 - dated.age / (dated.a + 0.0) END WHEN (dated.law_name = 'power') THEN power(1.0 + dated.age / (dated.a + 0.0), -dated.b) WHEN (dated.law_name = 'step') THEN CASE WHEN (dated.a > dated.age) THEN 1.0 ELSE 0.0 END WHEN (dated.law_name = 'curve') THEN (SELECT law_segment_1.share + law_segment_1.slope * (dated.age - law_segment_1.age) AS anon_1
FROM law_segment AS law_segment_1
WHERE law_segment_1.law = dated.law AND law_segment_1.age <= dated.age ORDER BY law_segment_1.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.law_name = 'never') THEN 1.0 END * CASE WHEN (dated.next_name = 'exponential') THEN power(2.0, (-dated.next_age) / (dated.next_a + 0.0)) WHEN (dated.next_name = 'linear') THEN CASE WHEN (dated.next_a <= dated.next_age) THEN 0.0 ELSE 1.0 - dated.next_age / (dated.next_a + 0.0) END WHEN (dated.next_name = 'power') THEN power(1.0 + dated.next_age / (dated.next_a + 0.0), -dated.next_b) WHEN (dated.next_name = 'step') THEN CASE WHEN (dated.next_a > dated.next_age) THEN 1.0 ELSE 0.0 END WHEN (dated.next_name = 'curve') THEN (SELECT law_segment_2.share + law_segment_2.slope * (dated.next_age - law_segment_2.age) AS anon_2
FROM law_segment AS law_segment_2
WHERE law_segment_2.law = dated.next_law AND law_segment_2.age <= dated.next_age ORDER BY law_segment_2.age DESC
LIMIT 1 OFFSET ?) WHEN (dated.next_name = 'never') THEN 1.0 END END AS share
FROM (SELECT mark.id AS id, mark.kind AS kind, mark.subject AS subject, mark.payload AS payload, mark.author AS author, mark.intensity AS intensity, mark.law AS law, mark.anchored_at AS anchored_at, mark.event_id AS event_id, mark.deposited_at AS deposited_at, mark.reinforced_at AS reinforced_at, mark.reinforcements AS reinforcements, mark.evaporates_at AS evaporates_at, mark.order_key AS order_key, kind.weight AS weight, kind.floor AS floor, clock.as_of AS as_of, law.name AS law_name, law.a AS a, law.b AS b, CASE WHEN (CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END > mark.anchored_at) THEN CAST(CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN law_change.changed_at ELSE clock.as_of END - mark.anchored_at AS FLOAT) ELSE 0.0 END AS age, follower.law AS next_law, follower.name AS next_name, follower.a AS next_a, follower.b AS next_b, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of AND law_change.new_law != mark.law) THEN CASE WHEN (law_change.changed_at < clock.as_of) THEN CAST(clock.as_of - law_change.changed_at AS FLOAT) ELSE 0.0 END END AS next_age, CASE WHEN (mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of) THEN law_change.changed_at END AS changed_at
FROM mark JOIN kind ON kind.name = mark.kind JOIN law ON law.law = mark.law LEFT OUTER JOIN law_change ON law_change.kind = mark.kind AND law_change.law = mark.law LEFT OUTER JOIN law AS follower ON follower.law = law_change.new_law JOIN clock ON 1 = 1) AS dated) AS faded
WHERE (faded.evaporates_at IS NULL OR faded.evaporates_at > coalesce(faded.changed_at, faded.as_of)) AND (faded.changed_at IS NULL OR faded.intensity * faded.share >= faded.floor AND faded.intensity * faded.share > 0.0)) AS live
WHERE live.kind = ? AND live.law = ? ORDER BY live.order_key DESC, live.id DESC
LIMIT ? + 0 OFFSET ?;

-- name: marks.LAWS_IN_USE
-- takes: kind, after, param_1
-- of these fixed: {"param_1": 0}
SELECT mark.law
FROM mark
WHERE mark.kind = ? AND mark.law > ? ORDER BY mark.law
LIMIT 1 OFFSET ?;

-- name: marks.STIMULI
-- takes: watch_id, kind, subject, now, not_author
SELECT mark.id, mark.kind, mark.subject, mark.payload, mark.author, mark.intensity, mark.law, mark.anchored_at, mark.event_id, mark.deposited_at, mark.reinforced_at, mark.reinforcements, mark.evaporates_at, mark.order_key, absorbed.event_id AS event_id_1
FROM mark LEFT OUTER JOIN absorbed ON absorbed.watch_id = ? AND absorbed.mark_id = mark.id
WHERE mark.kind = ? AND mark.subject = ? AND (mark.evaporates_at IS NULL OR mark.evaporates_at > ?) AND mark.event_id > coalesce(absorbed.event_id, 0) AND mark.author != ?;

-- name: marks.BOARD_STIMULI
-- takes: watch_id, kind, watermark, now, not_author
SELECT mark.id, mark.kind, mark.subject, mark.payload, mark.author, mark.intensity, mark.law, mark.anchored_at, mark.event_id, mark.deposited_at, mark.reinforced_at, mark.reinforcements, mark.evaporates_at, mark.order_key, absorbed.event_id AS event_id_1
FROM mark LEFT OUTER JOIN absorbed ON absorbed.watch_id = ? AND absorbed.mark_id = mark.id
WHERE mark.kind = ? AND mark.event_id > ? AND (mark.evaporates_at IS NULL OR mark.evaporates_at > ?) AND mark.event_id > coalesce(absorbed.event_id, 0) AND mark.author != ?;

-- name: marks.STIMULI_SUMMED[exponential]
-- takes: anchor, length, watch_id, kind, law, up_to, watch_id, not_author
SELECT count(*) AS count_1, coalesce(sum(mark.intensity * power(2.0, CAST(mark.anchored_at - ? AS FLOAT) / (? + 0.0))), CAST(0.0 AS FLOAT)) AS coalesce_1, coalesce(sum(CAST(0.0 AS FLOAT)), CAST(0.0 AS FLOAT)) AS coalesce_2
FROM mark LEFT OUTER JOIN absorbed ON absorbed.watch_id = ? AND absorbed.mark_id = mark.id
WHERE mark.kind = ? AND mark.law = ? AND (mark.evaporates_at + 0 IS NULL OR mark.evaporates_at + 0 > ?) AND mark.event_id + 0 > (SELECT watch.watermark
FROM watch
WHERE watch.id = ?) AND mark.event_id + 0 > coalesce(absorbed.event_id, 0) AND mark.author != ?;

-- name: marks.STIMULI_SUMMED[linear]
-- takes: anchor, length, watch_id, kind, law, up_to, watch_id, not_author
SELECT count(*) AS count_1, coalesce(sum(mark.intensity), CAST(0.0 AS FLOAT)) AS coalesce_1, coalesce(sum((mark.intensity * CAST(mark.anchored_at - ? AS FLOAT)) / (? + 0.0)), CAST(0.0 AS FLOAT)) AS coalesce_2
FROM mark LEFT OUTER JOIN absorbed ON absorbed.watch_id = ? AND absorbed.mark_id = mark.id
WHERE mark.kind = ? AND mark.law = ? AND (mark.evaporates_at + 0 IS NULL OR mark.evaporates_at + 0 > ?) AND mark.event_id + 0 > (SELECT watch.watermark
FROM watch
WHERE watch.id = ?) AND mark.event_id + 0 > coalesce(absorbed.event_id, 0) AND mark.author != ?;

-- name: marks.STIMULI_SUMMED[other]
-- takes: watch_id, kind, law, up_to, watch_id, not_author
SELECT count(*) AS count_1, coalesce(sum(mark.intensity), CAST(0.0 AS FLOAT)) AS coalesce_1, coalesce(sum(CAST(0.0 AS FLOAT)), CAST(0.0 AS FLOAT)) AS coalesce_2
FROM mark LEFT OUTER JOIN absorbed ON absorbed.watch_id = ? AND absorbed.mark_id = mark.id
WHERE mark.kind = ? AND mark.law = ? AND (mark.evaporates_at + 0 IS NULL OR mark.evaporates_at + 0 > ?) AND mark.event_id + 0 > (SELECT watch.watermark
FROM watch
WHERE watch.id = ?) AND mark.event_id + 0 > coalesce(absorbed.event_id, 0) AND mark.author != ?;

-- name: marks.EXPIRED_SUMMED[exponential]
-- takes: anchor, length, watch_id, after, up_to, kind, law, watch_id, not_author
SELECT count(*) AS count_1, coalesce(sum(mark.intensity * power(2.0, CAST(mark.anchored_at - ? AS FLOAT) / (? + 0.0))), CAST(0.0 AS FLOAT)) AS coalesce_1, coalesce(sum(CAST(0.0 AS FLOAT)), CAST(0.0 AS FLOAT)) AS coalesce_2
FROM mark LEFT OUTER JOIN absorbed ON absorbed.watch_id = ? AND absorbed.mark_id = mark.id
WHERE mark.evaporates_at > ? AND mark.evaporates_at <= ? AND (mark.kind || '') = ? AND (mark.law || '') = ? AND mark.event_id + 0 > (SELECT watch.watermark
FROM watch
WHERE watch.id = ?) AND mark.event_id + 0 > coalesce(absorbed.event_id, 0) AND mark.author != ?;

-- name: marks.EXPIRED_SUMMED[linear]
-- takes: anchor, length, watch_id, after, up_to, kind, law, watch_id, not_author
SELECT count(*) AS count_1, coalesce(sum(mark.intensity), CAST(0.0 AS FLOAT)) AS coalesce_1, coalesce(sum((mark.intensity * CAST(mark.anchored_at - ? AS FLOAT)) / (? + 0.0)), CAST(0.0 AS FLOAT)) AS coalesce_2
FROM mark LEFT OUTER JOIN absorbed ON absorbed.watch_id = ? AND absorbed.mark_id = mark.id
WHERE mark.evaporates_at > ? AND mark.evaporates_at <= ? AND (mark.kind || '') = ? AND (mark.law || '') = ? AND mark.event_id + 0 > (SELECT watch.watermark
FROM watch
WHERE watch.id = ?) AND mark.event_id + 0 > coalesce(absorbed.event_id, 0) AND mark.author != ?;

-- name: marks.EXPIRED_SUMMED[other]
-- takes: watch_id, after, up_to, kind, law, watch_id, not_author
SELECT count(*) AS count_1, coalesce(sum(mark.intensity), CAST(0.0 AS FLOAT)) AS coalesce_1, coalesce(sum(CAST(0.0 AS FLOAT)), CAST(0.0 AS FLOAT)) AS coalesce_2
FROM mark LEFT OUTER JOIN absorbed ON absorbed.watch_id = ? AND absorbed.mark_id = mark.id
WHERE mark.evaporates_at > ? AND mark.evaporates_at <= ? AND (mark.kind || '') = ? AND (mark.law || '') = ? AND mark.event_id + 0 > (SELECT watch.watermark
FROM watch
WHERE watch.id = ?) AND mark.event_id + 0 > coalesce(absorbed.event_id, 0) AND mark.author != ?;

-- name: marks.EXPIRED_STIMULI
-- takes: watch_id, after, up_to, kind, law, watch_id, not_author
SELECT mark.id, mark.kind, mark.subject, mark.payload, mark.author, mark.intensity, mark.law, mark.anchored_at, mark.event_id, mark.deposited_at, mark.reinforced_at, mark.reinforcements, mark.evaporates_at, mark.order_key, absorbed.event_id AS event_id_1
FROM mark LEFT OUTER JOIN absorbed ON absorbed.watch_id = ? AND absorbed.mark_id = mark.id
WHERE mark.evaporates_at > ? AND mark.evaporates_at <= ? AND (mark.kind || '') = ? AND (mark.law || '') = ? AND mark.event_id + 0 > (SELECT watch.watermark
FROM watch
WHERE watch.id = ?) AND mark.event_id > coalesce(absorbed.event_id, 0) AND mark.author != ?;

-- name: retention.OLDEST_EVENT
-- takes: param_1
-- of these fixed: {"param_1": 0}
SELECT event.recorded_at
FROM event ORDER BY event.id
LIMIT 1 OFFSET ?;

-- name: retention.OLD_EVENTS
-- takes: before, limit, param_1
-- of these fixed: {"param_1": 0}
DELETE FROM event WHERE event.id IN (SELECT event.id
FROM event
WHERE event.recorded_at < ? AND event.id < (SELECT max(later.id) AS max_1
FROM event AS later) AND NOT (EXISTS (SELECT mark.id
FROM mark
WHERE mark.id = event.mark_id)) AND NOT (EXISTS (SELECT activation.id
FROM activation JOIN activation_input ON activation_input.activation_id = activation.id
WHERE activation_input.mark_id = event.mark_id AND activation.state IN ('ready', 'running', 'held', 'dead', 'quarantined'))) AND NOT (EXISTS (SELECT crossing.id
FROM crossing
WHERE crossing.subject IN (event.subject, '') AND crossing.state = 'waiting')) ORDER BY event.id
LIMIT ? + 0 OFFSET ?);

-- name: retention.OLD_ACTIVATIONS
-- takes: before, limit, param_1
-- of these fixed: {"param_1": 0}
SELECT activation.id
FROM activation
WHERE activation.state IN ('done', 'faded', 'skipped', 'discarded') AND activation.finished_at < ? ORDER BY activation.finished_at
LIMIT ? + 0 OFFSET ?;

-- name: retention.DELETE_ACTIVATION
-- takes: id
DELETE FROM activation WHERE activation.id = ?;

-- name: retention.DELETE_INPUTS
-- takes: id
DELETE FROM activation_input WHERE activation_input.activation_id = ?;

-- name: retention.DELETE_CROSSINGS
-- takes: id
DELETE FROM crossing WHERE crossing.activation_id = ?;

-- name: retention.DELETE_CALLS
-- takes: id
DELETE FROM model_call WHERE model_call.activation_id = ?;

-- name: retention.OLD_CROSSINGS
-- takes: before, limit, param_1
-- of these fixed: {"param_1": 0}
DELETE FROM crossing WHERE crossing.id IN (SELECT crossing.id
FROM crossing
WHERE crossing.state = 'withdrawn' AND crossing.closed_at < ?
LIMIT ? + 0 OFFSET ?);

-- name: retention.OLD_KEYS
-- takes: before, limit, param_1
-- of these fixed: {"param_1": 0}
DELETE FROM deposit_key WHERE deposit_key."key" IN (SELECT deposit_key."key"
FROM deposit_key
WHERE deposit_key.at < ?
LIMIT ? + 0 OFFSET ?);

-- name: retention.OLD_CALLS
-- takes: before, limit, param_1
-- of these fixed: {"param_1": 0}
DELETE FROM model_call WHERE model_call.id IN (SELECT model_call.id
FROM model_call
WHERE model_call.state IN ('applied', 'failed', 'rejected', 'unusable', 'cost_recorded') AND model_call.planned_at < ?
LIMIT ? + 0 OFFSET ?);

-- name: retention.OLD_COOLDOWNS
-- takes: now, limit, param_1
-- of these fixed: {"param_1": 0}
DELETE FROM subject_cooldown WHERE (subject_cooldown.agent, subject_cooldown.subject) IN (SELECT subject_cooldown.agent, subject_cooldown.subject
FROM subject_cooldown
WHERE subject_cooldown.until <= ?
LIMIT ? + 0 OFFSET ?);

-- name: retention.COUNT_LAWS
SELECT count(*) AS count_1
FROM law;

-- name: retention.UNUSED_LAWS
-- takes: limit, param_1
-- of these fixed: {"param_1": 0}
SELECT law.law
FROM law
WHERE (law.law NOT IN (SELECT kind.law
FROM kind)) AND (law.law NOT IN (SELECT law_change.law
FROM law_change)) AND (law.law NOT IN (SELECT law_change.new_law
FROM law_change)) AND (law.law NOT IN (SELECT board_total.law
FROM board_total)) AND (law.law NOT IN (SELECT crossing.law
FROM crossing
WHERE crossing.state = 'waiting')) AND (law.law NOT IN (SELECT event.law
FROM event))
LIMIT ? + 0 OFFSET ?;

-- name: retention.DELETE_SEGMENTS
-- takes: key, since, key
DELETE FROM law_segment WHERE law_segment.law IN (SELECT law.law
FROM law
WHERE (law.law NOT IN (SELECT kind.law
FROM kind)) AND (law.law NOT IN (SELECT law_change.law
FROM law_change)) AND (law.law NOT IN (SELECT law_change.new_law
FROM law_change)) AND (law.law NOT IN (SELECT board_total.law
FROM board_total)) AND law.law = ? AND NOT (EXISTS (SELECT event.id
FROM event
WHERE event.id > ? AND event.law = ?)));

-- name: retention.DELETE_LAW
-- takes: key, since, key
DELETE FROM law WHERE (law.law NOT IN (SELECT kind.law
FROM kind)) AND (law.law NOT IN (SELECT law_change.law
FROM law_change)) AND (law.law NOT IN (SELECT law_change.new_law
FROM law_change)) AND (law.law NOT IN (SELECT board_total.law
FROM board_total)) AND law.law = ? AND NOT (EXISTS (SELECT event.id
FROM event
WHERE event.id > ? AND event.law = ?));

-- name: watching.ALL_WATCHES
SELECT watch.id, watch.agent, watch.name, watch.active
FROM watch;

-- name: watching.INSERT_WATCH
-- takes: agent, name, condition, active, watermark
INSERT INTO watch (agent, name, condition, active, watermark) VALUES (?, ?, ?, ?, ?);

-- name: watching.FIND_WATCH
-- takes: agent, name
SELECT watch.id
FROM watch
WHERE watch.agent = ? AND watch.name = ?;

-- name: watching.SET_ACTIVE
-- takes: active, key
UPDATE watch SET active=? WHERE watch.id = ?;

-- name: watching.SET_CONDITION
-- takes: condition, active, key
UPDATE watch SET condition=?, active=? WHERE watch.id = ?;

-- name: watching.RENAME_AGENT
-- takes: agent, former
UPDATE watch SET agent=? WHERE watch.agent = ?;

-- name: watching.WATERMARK
-- takes: id
SELECT watch.watermark
FROM watch
WHERE watch.id = ?;

-- name: watching.SET_WATERMARK
-- takes: watermark, key
UPDATE watch SET watermark=? WHERE watch.id = ?;

-- name: watching.FORMER_CONDITION
-- takes: id
SELECT watch.condition, watch.watermark
FROM watch
WHERE watch.id = ?;

-- name: watching.ABSORBED
-- takes: watch_id, mark_id
SELECT absorbed.event_id
FROM absorbed
WHERE absorbed.watch_id = ? AND absorbed.mark_id = ?;

-- name: watching.INSERT_ABSORBED
-- takes: watch_id, mark_id, event_id, activation_id
INSERT INTO absorbed (watch_id, mark_id, event_id, activation_id) VALUES (?, ?, ?, ?);

-- name: watching.UPDATE_ABSORBED
-- takes: event_id, activation_id, watch_id, mark_id
UPDATE absorbed SET event_id=?, activation_id=? WHERE absorbed.watch_id = ? AND absorbed.mark_id = ?;

-- name: watching.UNABSORB
-- takes: watch_id, mark_id, activation_id
DELETE FROM absorbed WHERE absorbed.watch_id = ? AND absorbed.mark_id = ? AND absorbed.activation_id = ?;

-- name: watching.DROP_ABSORBED_UP_TO
-- takes: watch_id, watermark
DELETE FROM absorbed WHERE absorbed.watch_id = ? AND absorbed.event_id <= ?;

-- name: watching.FORGET_ABSORBED_OF
-- takes: watch_id, author
DELETE FROM absorbed WHERE absorbed.watch_id = ? AND absorbed.mark_id IN (SELECT mark.id
FROM mark
WHERE mark.author = ?);

-- name: watching.ABSORB_OWN_MARKS
-- takes: watch_id, author
INSERT INTO absorbed (watch_id, mark_id, event_id, activation_id) SELECT ? AS anon_1, mark.id, mark.event_id, 0
FROM mark
WHERE mark.author = ?;

-- name: watching.ABSORB_UP_TO
-- takes: watch_id, kind, watermark, watch_id
INSERT INTO absorbed (watch_id, mark_id, event_id, activation_id) SELECT ? AS anon_1, mark.id, mark.event_id, 0
FROM mark
WHERE mark.kind = ? AND mark.event_id <= ? AND NOT (EXISTS (SELECT absorbed.mark_id
FROM absorbed
WHERE absorbed.watch_id = ? AND absorbed.mark_id = mark.id));

-- name: watching.ABSORB_INPUTS
-- takes: watch_id, kind, watch_id, watch_id
INSERT INTO absorbed (watch_id, mark_id, event_id, activation_id) SELECT ? AS anon_1, mark.id, mark.event_id, 0
FROM mark
WHERE mark.kind = ? AND (EXISTS (SELECT activation_input.activation_id
FROM activation_input JOIN activation ON activation.id = activation_input.activation_id
WHERE activation_input.mark_id = mark.id AND activation_input.event_id >= mark.event_id AND activation_input.role = 'absorbed' AND activation.watch_id = ?)) AND NOT (EXISTS (SELECT absorbed.mark_id
FROM absorbed
WHERE absorbed.watch_id = ? AND absorbed.mark_id = mark.id));

-- name: watching.INSERT_CROSSING
-- takes: watch_id, subject, mark_id, state, crossed_at, noticed_at, value, threshold, marks, urgent, ready_at, held_by, law, order_key, event_id, activation_id, closed_at
INSERT INTO crossing (watch_id, subject, mark_id, state, crossed_at, noticed_at, value, threshold, marks, urgent, ready_at, held_by, law, order_key, event_id, activation_id, closed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: watching.RENEW_CROSSING
-- takes: marks, urgent, urgent, ready_at, ready_at, law, order_key, event_id, watch, of_subject, of_mark
UPDATE crossing SET marks=?, urgent=CASE WHEN (crossing.urgent > ?) THEN crossing.urgent ELSE ? END, ready_at=CASE WHEN (crossing.held_by IS NOT NULL) THEN crossing.ready_at WHEN (crossing.ready_at < ?) THEN crossing.ready_at ELSE ? END, law=?, order_key=?, event_id=? WHERE crossing.watch_id = ? AND crossing.subject = ? AND crossing.mark_id = ? AND crossing.state = 'waiting';

-- name: watching.CROSSED_SINCE
-- takes: watch_id, subject, mark_id, since, param_1
-- of these fixed: {"param_1": 0}
SELECT crossing.id
FROM crossing
WHERE crossing.watch_id = ? AND crossing.subject = ? AND crossing.mark_id = ? AND crossing.crossed_at >= ?
LIMIT 1 OFFSET ?;

-- name: watching.WAITING
-- takes: watch_id, subject, mark_id, param_1
-- of these fixed: {"param_1": 0}
SELECT crossing.id, crossing.watch_id, crossing.subject, crossing.mark_id, crossing.state, crossing.crossed_at, crossing.noticed_at, crossing.value, crossing.threshold, crossing.marks, crossing.urgent, crossing.ready_at, crossing.held_by, crossing.law, crossing.order_key, crossing.event_id, crossing.activation_id, crossing.closed_at
FROM crossing
WHERE crossing.watch_id = ? AND crossing.subject = ? AND crossing.mark_id = ? AND crossing.state = 'waiting'
LIMIT 1 OFFSET ?;

-- name: watching.READY
-- takes: watch_id, now
SELECT min(crossing.ready_at) AS min_1
FROM crossing
WHERE crossing.watch_id = ? AND crossing.state = 'waiting' AND crossing.ready_at <= ?;

-- name: watching.NEXT_READY
-- takes: watch_id, now
SELECT min(crossing.ready_at) AS min_1
FROM crossing
WHERE crossing.watch_id = ? AND crossing.state = 'waiting' AND crossing.ready_at > ?;

-- name: watching.NEXT_WATCH_WAITING
-- takes: after
SELECT min(crossing.watch_id) AS min_1
FROM crossing
WHERE crossing.state = 'waiting' AND crossing.watch_id > ?;

-- name: watching.COUNT_BATCH
-- takes: watch_id, limit, param_1
-- of these fixed: {"param_1": 0}
SELECT coalesce(sum(anon_1.marks), 0) AS coalesce_1
FROM (SELECT crossing.marks AS marks
FROM crossing
WHERE crossing.watch_id = ? AND crossing.state = 'waiting' AND crossing.held_by IS NULL
LIMIT ? + 0 OFFSET ?) AS anon_1;

-- name: watching.CANDIDATES_OF_LAW
-- takes: watch_id, now, law, limit, param_1
-- of these fixed: {"param_1": 0}
SELECT crossing.id, crossing.watch_id, crossing.subject, crossing.mark_id, crossing.state, crossing.crossed_at, crossing.noticed_at, crossing.value, crossing.threshold, crossing.marks, crossing.urgent, crossing.ready_at, crossing.held_by, crossing.law, crossing.order_key, crossing.event_id, crossing.activation_id, crossing.closed_at
FROM crossing
WHERE crossing.watch_id = ? AND crossing.state = 'waiting' AND (crossing.held_by IS NULL OR crossing.ready_at <= ?) AND crossing.law = ? ORDER BY crossing.order_key DESC, crossing.id
LIMIT ? + 0 OFFSET ?;

-- name: watching.NEXT_LAW_WAITING
-- takes: watch_id, after
SELECT min(crossing.law) AS min_1
FROM crossing
WHERE crossing.watch_id = ? AND crossing.state = 'waiting' AND crossing.law > ?;

-- name: watching.HOLD_CROSSING
-- takes: ready_at, held_by, key
UPDATE crossing SET ready_at=?, held_by=? WHERE crossing.id = ?;

-- name: watching.CLOSE_CROSSING
-- takes: state, activation_id, closed_at, key
UPDATE crossing SET state=?, activation_id=?, closed_at=? WHERE crossing.id = ?;

-- name: watching.RELEASE_SUBJECT
-- takes: at, full, at, batch_window, at, batch_window, at, held_by, watch, of_subject
-- of these fixed: {"held_by": null}
UPDATE crossing SET ready_at=CASE WHEN (crossing.urgent = 1) THEN ? WHEN (crossing.marks >= ?) THEN ? WHEN (crossing.noticed_at + ? > ?) THEN crossing.noticed_at + ? ELSE ? END, held_by=? WHERE crossing.watch_id = ? AND crossing.subject = ? AND crossing.state = 'waiting' AND crossing.held_by = 'guard';

-- name: watching.RELEASE_WATCH
-- takes: at, full, at, batch_window, at, batch_window, at, held_by, watch
-- of these fixed: {"held_by": null}
UPDATE crossing SET ready_at=CASE WHEN (crossing.urgent = 1) THEN ? WHEN (crossing.marks >= ?) THEN ? WHEN (crossing.noticed_at + ? > ?) THEN crossing.noticed_at + ? ELSE ? END, held_by=? WHERE crossing.watch_id = ? AND crossing.state = 'waiting' AND crossing.held_by = 'guard';

-- name: watching.WAITING_OF_WATCH
-- takes: watch_id
SELECT crossing.id, crossing.watch_id, crossing.subject, crossing.mark_id, crossing.state, crossing.crossed_at, crossing.noticed_at, crossing.value, crossing.threshold, crossing.marks, crossing.urgent, crossing.ready_at, crossing.held_by, crossing.law, crossing.order_key, crossing.event_id, crossing.activation_id, crossing.closed_at
FROM crossing
WHERE crossing.watch_id = ? AND crossing.state = 'waiting' ORDER BY crossing.id;

-- name: watching.WAITING_OF_SUBJECT
-- takes: watch_id, subject
SELECT crossing.id, crossing.watch_id, crossing.subject, crossing.mark_id, crossing.state, crossing.crossed_at, crossing.noticed_at, crossing.value, crossing.threshold, crossing.marks, crossing.urgent, crossing.ready_at, crossing.held_by, crossing.law, crossing.order_key, crossing.event_id, crossing.activation_id, crossing.closed_at
FROM crossing
WHERE crossing.watch_id = ? AND crossing.subject = ? AND crossing.state = 'waiting' ORDER BY crossing.id;

-- name: watching.WAITING_OF_MARK
-- takes: subject, mark_id
SELECT crossing.id, crossing.watch_id, crossing.subject, crossing.mark_id, crossing.state, crossing.crossed_at, crossing.noticed_at, crossing.value, crossing.threshold, crossing.marks, crossing.urgent, crossing.ready_at, crossing.held_by, crossing.law, crossing.order_key, crossing.event_id, crossing.activation_id, crossing.closed_at
FROM crossing
WHERE crossing.subject = ? AND crossing.mark_id = ? AND crossing.state = 'waiting' ORDER BY crossing.id;

-- name: watching.CLOSE_WATCH
-- takes: at, watch
UPDATE crossing SET state='withdrawn', closed_at=? WHERE crossing.watch_id = ? AND crossing.state = 'waiting';

-- name: watching.FINISH_CROSSINGS
-- takes: state, at, activation
UPDATE crossing SET state=?, closed_at=? WHERE crossing.activation_id = ?;

-- name: watching.MOVE_CROSSING
-- takes: to_id, from_id, of_mark
UPDATE crossing SET activation_id=? WHERE crossing.activation_id = ? AND crossing.mark_id = ?;

-- name: watching.COUNT_WAITING
SELECT crossing.watch_id, count(*) AS count_1, min(crossing.crossed_at) AS min_1
FROM crossing
WHERE crossing.state = 'waiting' GROUP BY crossing.watch_id;

-- name: watching.CLAIMED_SUBJECTS
-- takes: activation_id
SELECT DISTINCT crossing.subject
FROM crossing
WHERE crossing.activation_id = ?;

-- name: watching.PREDICTED
-- takes: watch_id, subject, mark_id
SELECT predicted_crossing.due_at
FROM predicted_crossing
WHERE predicted_crossing.watch_id = ? AND predicted_crossing.subject = ? AND predicted_crossing.mark_id = ?;

-- name: watching.INSERT_PREDICTED
-- takes: watch_id, subject, mark_id, due_at
INSERT INTO predicted_crossing (watch_id, subject, mark_id, due_at) VALUES (?, ?, ?, ?);

-- name: watching.UPDATE_PREDICTED
-- takes: due_at, watch, of_subject, of_mark
UPDATE predicted_crossing SET due_at=? WHERE predicted_crossing.watch_id = ? AND predicted_crossing.subject = ? AND predicted_crossing.mark_id = ?;

-- name: watching.DELETE_PREDICTED
-- takes: watch_id, subject, mark_id
DELETE FROM predicted_crossing WHERE predicted_crossing.watch_id = ? AND predicted_crossing.subject = ? AND predicted_crossing.mark_id = ?;

-- name: watching.DELETE_PREDICTED_OF_WATCH
-- takes: watch_id
DELETE FROM predicted_crossing WHERE predicted_crossing.watch_id = ?;

-- name: watching.DELETE_FALLS_OF_MARK
-- takes: mark_id
DELETE FROM predicted_crossing WHERE predicted_crossing.mark_id = ?;

-- name: watching.DUE_PREDICTED
-- takes: now, limit, param_1
-- of these fixed: {"param_1": 0}
SELECT predicted_crossing.watch_id, predicted_crossing.subject, predicted_crossing.mark_id, predicted_crossing.due_at
FROM predicted_crossing
WHERE predicted_crossing.due_at <= ? ORDER BY predicted_crossing.due_at
LIMIT ? + 0 OFFSET ?;

-- name: watching.DUE_PREDICTED_OF
-- takes: watch_id, subject, now
SELECT predicted_crossing.watch_id, predicted_crossing.subject, predicted_crossing.mark_id, predicted_crossing.due_at
FROM predicted_crossing
WHERE predicted_crossing.watch_id = ? AND predicted_crossing.subject = ? AND predicted_crossing.due_at <= ? ORDER BY predicted_crossing.due_at;

-- name: watching.DUE_PREDICTED_OF_WATCH
-- takes: watch_id, now
SELECT predicted_crossing.watch_id, predicted_crossing.subject, predicted_crossing.mark_id, predicted_crossing.due_at
FROM predicted_crossing
WHERE predicted_crossing.watch_id = ? AND predicted_crossing.due_at <= ? ORDER BY predicted_crossing.due_at;

-- name: watching.PREDICTED_OF
-- takes: watch_id, subject
SELECT predicted_crossing.mark_id, predicted_crossing.due_at
FROM predicted_crossing
WHERE predicted_crossing.watch_id = ? AND predicted_crossing.subject = ? ORDER BY predicted_crossing.due_at;

-- name: watching.NEXT_PREDICTED
SELECT min(predicted_crossing.due_at) AS min_1
FROM predicted_crossing;

-- name: watching.TOTALS
-- takes: watch_id
SELECT board_total.kind, board_total.law, board_total.marks, board_total.sum0, board_total.sum1, board_total.anchor, board_total.evaporated_through
FROM board_total
WHERE board_total.watch_id = ?;

-- name: watching.INSERT_TOTAL
-- takes: watch_id, kind, law, marks, sum0, sum1, anchor, evaporated_through
INSERT INTO board_total (watch_id, kind, law, marks, sum0, sum1, anchor, evaporated_through) VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: watching.UPDATE_TOTAL
-- takes: marks, sum0, sum1, anchor, evaporated_through, watch, of_kind, of_law
UPDATE board_total SET marks=?, sum0=?, sum1=?, anchor=?, evaporated_through=? WHERE board_total.watch_id = ? AND board_total.kind = ? AND board_total.law = ?;

-- name: watching.DELETE_TOTALS
-- takes: watch_id
DELETE FROM board_total WHERE board_total.watch_id = ?;

-- name: watching.BACKFILLS
SELECT backfill.id, backfill.task, backfill.name, backfill.at, backfill.up_to, backfill.position
FROM backfill ORDER BY backfill.id;

-- name: watching.INSERT_BACKFILL
-- takes: task, name, at, up_to, position
INSERT INTO backfill (task, name, at, up_to, position) VALUES (?, ?, ?, ?, ?);

-- name: watching.MOVE_BACKFILL
-- takes: position, key
UPDATE backfill SET position=? WHERE backfill.id = ?;

-- name: watching.DELETE_BACKFILL
-- takes: id
DELETE FROM backfill WHERE backfill.id = ?;

-- name: watching.LAST_EVENT
SELECT max(event.id) AS max_1
FROM event;
