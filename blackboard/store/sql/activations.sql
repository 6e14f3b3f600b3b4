-- Activations and their inputs, cooldowns and pauses of agents, and workers.

-- fragment: new_activation
INSERT INTO activation (id, agent, watch_id, scope, state, reason, crossed_at, created_at, started_at, finished_at,
  retry_at, attempt, interruptions, error, worker, lease_until, fence, chain_length, marks_absorbed, marks_deposited, split_from,
  split_after_call, deaths, scheduled_for, conflicts, reads_again, read_at)
VALUES (:id, :agent, :watch_id, :scope, :state, :reason, :crossed_at, :created_at, :started_at, :finished_at,
  :retry_at, :attempt, :interruptions, :error, :worker, :lease_until, :fence, :chain_length, :marks_absorbed, :marks_deposited,
  :split_from, :split_after_call, :deaths, :scheduled_for, :conflicts, :reads_again, :read_at)

-- name: insert_activation
-- Write a new activation that is not running.
{new_activation};

-- name: insert_running_activation (takes slot)
-- Write a new activation that runs.
{new_activation};

-- name: last_activation_id -> Id
-- The id of the newest activation.
SELECT max(id) AS id FROM activation;

-- name: get_activation -> ActivationRow
-- One activation by its id.
SELECT {activation.*} FROM activation WHERE activation.id = :id;

-- name: run_to_end -> RunToEnd
-- One activation by its id, whether others were split off from it, and whether it has an answer that it has not used.
SELECT {activation.*},
  EXISTS (SELECT 1 FROM activation AS part WHERE part.split_from IS NOT NULL AND part.split_from = :id) AS has_parts,
  EXISTS (
    SELECT 1 FROM model_call WHERE model_call.activation_id = :id AND model_call.state = 'answered'
  ) AS has_answer
FROM activation
WHERE activation.id = :id;

-- name: split_from -> ActivationRow
-- The activations that were split off another.
SELECT {activation.*}
FROM activation
WHERE activation.split_from IS NOT NULL AND activation.split_from = :id
ORDER BY activation.id;

-- fragment: new_state
UPDATE activation
SET state = :state, started_at = :started_at, finished_at = :finished_at, retry_at = :retry_at, error = :error,
  attempt = :attempt, interruptions = :interruptions, worker = :worker, lease_until = :lease_until, fence = :fence,
  marks_deposited = :marks_deposited, deaths = :deaths, conflicts = :conflicts, reads_again = :reads_again,
  read_at = :read_at
WHERE id = :id

-- name: set_state
-- Change the state of an activation, with the columns that describe an attempt.
{new_state};

-- name: start_activation (takes slot)
-- Give an activation to a worker.
{new_state};

-- name: finish_activation (frees slot)
-- Write that an activation is done.
{new_state};

-- name: set_lease (quiet)
-- Set the end of the lease of an activation.
UPDATE activation SET lease_until = :until WHERE id = :id;

-- name: set_result_digest (quiet)
-- Set the digest of the result with which an activation was finished.
UPDATE activation SET result_digest = :digest WHERE id = :id;

-- name: set_traceparent (quiet)
-- Set the trace context that the remote worker of an activation was given.
UPDATE activation SET traceparent = :traceparent WHERE id = :id;

-- name: waking_traceparents -> str
-- The trace contexts of the deposits that woke an agent, latest first. These are the deposits on the marks that an
-- activation absorbed, since the last activation of the watch that absorbed the same marks.
SELECT event.traceparent
FROM activation_input
JOIN activation ON activation.id = activation_input.activation_id
JOIN event ON event.subject = (SELECT given.subject FROM event AS given WHERE given.id = activation_input.event_id)
  AND event.mark_id = activation_input.mark_id
WHERE activation_input.activation_id = :activation_id AND activation_input.role = 'absorbed'
  AND event.traceparent IS NOT NULL AND event.id <= activation_input.event_id
  AND event.id > coalesce((
    SELECT max(earlier.event_id)
    FROM activation_input AS earlier
    JOIN activation AS before ON before.id = earlier.activation_id
    WHERE earlier.mark_id = activation_input.mark_id AND earlier.activation_id < activation.id
      AND earlier.role = 'absorbed' AND before.watch_id = activation.watch_id
  ), 0)
ORDER BY event.id DESC
LIMIT :limit + 0;

-- name: running_of_agent -> ActivationRow
-- The running activations of an agent.
SELECT {activation.*}
FROM activation
WHERE {is_unfinished} AND activation.state = 'running' AND activation.agent = :agent
ORDER BY activation.id;

-- name: extend_leases (quiet)
-- Extend the leases of a worker's running activations.
UPDATE activation SET lease_until = :until WHERE {is_unfinished} AND state = 'running' AND worker = :worker;

-- fragment: is_deferred
{is_unfinished} AND activation.state IN ('ready', 'held')

-- fragment: is_suspect
-- The exact condition of a partial index. Without {{is_unfinished}}, SQLite uses no other index.
activation.deaths >= 2 AND activation.state IN ('ready', 'held')

-- name: next_due -> ActivationRow
-- The first due activation of an agent among those that were deferred, without those that must run alone.
SELECT {activation.*}
FROM activation
WHERE {is_deferred} AND activation.agent = :agent AND activation.retry_at <= :now
  AND coalesce(activation.deaths, 0) < 2
ORDER BY activation.retry_at, activation.id
LIMIT 1;

-- name: next_suspect -> ActivationRow
-- The first due activation of an agent among those that must run alone.
SELECT {activation.*}
FROM activation
WHERE {is_suspect} AND activation.agent = :agent AND activation.retry_at <= :now
ORDER BY activation.retry_at, activation.id
LIMIT 1;

-- name: agents_with_suspects -> str
-- The agents with a due activation that must run alone.
SELECT DISTINCT activation.agent FROM activation WHERE {is_suspect} AND activation.retry_at <= :now;

-- name: clear_deaths (quiet)
-- Count the deaths of an activation's worker from 0 again.
UPDATE activation SET deaths = NULL WHERE id = :id AND deaths > 0;

-- name: deferred_crossings -> DeferredCrossing
-- The crossings whose activation was deferred, with the reason and the instant of the retry, and their watches, which
-- may be gone.
SELECT {crossing.*}, watch.agent, watch.name AS watch, watch.condition, activation.error, activation.retry_at
FROM activation
JOIN crossing ON crossing.activation_id = activation.id
JOIN watch ON watch.id = crossing.watch_id
WHERE {is_deferred} AND crossing.state = 'claimed'
  [limit: ORDER BY crossing.value DESC, crossing.id LIMIT :limit + 0];

-- name: deferred_work -> DeferredWork
-- The agents with activations that were deferred, and when the next of each is due.
SELECT activation.agent, min(CASE WHEN activation.retry_at > :now THEN activation.retry_at END) AS next_retry
FROM activation
WHERE {is_deferred}
GROUP BY activation.agent;

-- name: agent_load -> AgentLoad
-- The number of running activations of an agent, and whether others are due or held for a while.
SELECT
  (SELECT count(*)
    FROM activation
    WHERE {is_unfinished} AND activation.state = 'running' AND activation.agent = :agent) AS running,
  EXISTS (
    SELECT 1
    FROM activation
    WHERE {is_deferred} AND activation.agent = :agent AND activation.retry_at <= :now
      AND coalesce(activation.deaths, 0) < 2
  ) AS has_due,
  EXISTS (
    SELECT 1
    FROM activation
    WHERE {is_unfinished} AND activation.state = 'held' AND activation.agent = :agent AND activation.retry_at > :now
  ) AS has_held;

-- name: running -> ActivationRow
-- All running activations.
SELECT {activation.*} FROM activation WHERE {is_unfinished} AND activation.state = 'running';

-- name: unfinished_in_state -> ActivationRow
-- The activations in one of the unfinished states.
SELECT {activation.*} FROM activation WHERE {is_unfinished} AND activation.state = :state ORDER BY activation.id;

-- name: in_state -> ActivationRow
-- The activations in any state, oldest first.
SELECT {activation.*} FROM activation WHERE activation.state = :state ORDER BY activation.id;

-- name: newest -> ActivationRow
-- The newest activations, of an agent or in some of the states that people see.
SELECT {activation.*}
FROM activation
WHERE 1 = 1
  [agent: AND activation.agent = :agent]
  [states: AND {is_in({shown_state}, :states)}]
  [before: AND activation.id < :before]
ORDER BY activation.id DESC
LIMIT :limit + 0;

-- name: count_by_state -> StateCount
-- The number of activations of each agent in each state.
SELECT agent, state, count(*) AS number FROM activation GROUP BY agent, state ORDER BY agent, state;

-- name: count_unfinished -> StateCount
-- The number of activations of each agent in each state that can still change.
SELECT agent, state, count(*) AS number FROM activation WHERE {is_unfinished} GROUP BY agent, state;

-- name: ended_since -> EndedActivation
-- The activations that ended after an instant; of very many, the newest.
SELECT id, agent, state, crossed_at, created_at, started_at, finished_at
FROM activation
WHERE finished_at > :since
  [limit: ORDER BY finished_at DESC LIMIT :limit + 0];

-- name: count_since -> int
-- The number of activations of an agent that began after an instant.
SELECT count(*) AS count
FROM activation
WHERE agent = :agent AND created_at > :since AND state NOT IN ('quarantined', 'faded', 'skipped');

-- name: nth_newest -> Instant
-- The start of the activation of an agent that has a given number of newer activations.
SELECT created_at
FROM activation
WHERE agent = :agent AND created_at > :since AND state NOT IN ('quarantined', 'faded', 'skipped')
ORDER BY created_at DESC
LIMIT 1 OFFSET :number + 0;

-- name: held_of_watch -> ActivationRow
-- An activation of a watch that a budget or a paused model holds until an instant. An activation whose last call was
-- refused or unusable does not count: the model is to be tried with other activations.
SELECT {activation.*}
FROM activation
WHERE {is_unfinished} AND activation.state = 'held' AND activation.agent = :agent AND activation.retry_at > :now
  AND activation.watch_id = :watch_id
  AND NOT EXISTS (
    SELECT 1
    FROM model_call
    WHERE model_call.state IN ('rejected', 'unusable')
      AND model_call.id = (SELECT max(last.id) FROM model_call AS last WHERE last.activation_id = activation.id)
  )
LIMIT 1;

-- name: defer_until
-- Defer an activation further.
UPDATE activation SET retry_at = :at, error = coalesce(error, :reason) WHERE id = :id AND state IN ('ready', 'held');

-- name: held_for_a_while -> ActivationRow
-- The activations that a budget or a paused model holds.
SELECT {activation.*}
FROM activation
WHERE {is_unfinished} AND activation.state = 'held'
  AND (
    activation.retry_at IS NOT NULL
    OR activation.id IN (
      SELECT model_call.activation_id
      FROM model_call
      WHERE {is_open} AND model_call.state = 'planned' AND (model_call.api = 'messages' OR model_call.error IS NOT NULL)
    )
  );

-- fragment: awaits_budget
-- The activation has a planned call that a budget holds, not only the Batch API.
EXISTS (
  SELECT 1
  FROM model_call
  WHERE model_call.activation_id = activation.id AND {is_open} AND model_call.state = 'planned' AND model_call.api = :api
    AND (model_call.api = 'messages' OR model_call.error IS NOT NULL OR activation.retry_at IS NOT NULL)
)

-- name: held_by_budget -> ActivationRow
-- The activations whose call a budget holds.
SELECT {activation.*} FROM activation WHERE {is_unfinished} AND activation.state = 'held' AND {awaits_budget};

-- name: submit_again
-- Make every call that a budget holds ready for the Batch API. Its activation stays held.
UPDATE activation SET retry_at = NULL WHERE {is_unfinished} AND state = 'held' AND {awaits_budget};

-- name: explain_held (quiet)
-- Set why an activation is held, and until when.
UPDATE activation SET error = :error, retry_at = :until WHERE id = :id AND state = 'held';

-- name: insert_input
-- Record a mark as input of an activation.
INSERT INTO activation_input (activation_id, mark_id, role, event_id, strength, relevance)
VALUES (:activation_id, :mark_id, :role, :event_id, :strength, :relevance);

-- name: inputs -> InputEvent
-- The inputs of an activation, strongest first and then what a search found, best first. Each has its event, which may
-- have been deleted.
SELECT {event.*}, activation_input.mark_id, activation_input.role, activation_input.strength, activation_input.relevance
FROM activation_input
LEFT JOIN event ON event.id = activation_input.event_id
WHERE activation_input.activation_id = :activation_id
ORDER BY activation_input.relevance IS NOT NULL,
  coalesce(activation_input.relevance, 1.0) * activation_input.strength DESC, activation_input.mark_id;

-- name: marks_behind -> MarkBehind
-- The marks that an activation absorbed or read, each up to the event of its state, which may have been deleted.
SELECT activation_input.mark_id, event.id AS event_id, coalesce(event.subject, '') AS subject,
  coalesce(event.kind, '') AS kind
FROM activation_input
LEFT JOIN event ON event.id = activation_input.event_id
WHERE activation_input.activation_id = :activation_id;

-- name: subjects_of_inputs -> str
-- The subjects of the marks that an activation absorbs.
SELECT DISTINCT event.subject
FROM activation_input
JOIN event ON event.id = activation_input.event_id
WHERE activation_input.activation_id = :activation_id AND activation_input.role = 'absorbed';

-- name: unfinished_of_subject -> ActivationRow
-- The unfinished activations of a watch with a mark of a subject, newest first.
SELECT DISTINCT {activation.*}
FROM event
JOIN activation_input ON activation_input.mark_id = event.mark_id AND activation_input.event_id = event.id
JOIN activation ON activation.id = activation_input.activation_id
WHERE event.subject = :subject AND activation_input.role = 'absorbed'
  AND activation.watch_id = :watch_id AND {is_unfinished}
ORDER BY activation.id DESC;

-- name: last_absorbed_event -> Id | None
-- The last event through which activations of a watch absorbed a mark.
SELECT max(activation_input.event_id) AS event_id
FROM activation_input
JOIN activation ON activation.id = activation_input.activation_id
WHERE activation_input.mark_id = :mark_id AND activation_input.role = 'absorbed' AND activation.watch_id = :watch_id;

-- name: agents_at_work -> str
-- The agents with an activation that was given a mark, and that runs or is ready. A held activation does not count.
SELECT DISTINCT activation.agent
FROM activation_input
JOIN activation ON activation.id = activation_input.activation_id
WHERE activation_input.mark_id = :mark_id AND activation_input.role = 'absorbed'
  AND activation.state IN ('ready', 'running');

-- name: delete_input
-- Delete one input of an activation.
DELETE FROM activation_input WHERE activation_id = :activation_id AND mark_id = :mark_id;

-- name: renew_input
-- Give an activation a mark in its state after another event.
UPDATE activation_input SET event_id = :event_id, strength = :strength
WHERE activation_id = :activation_id AND mark_id = :mark_id;

-- name: delete_reads
-- Delete the marks that an activation has read in addition.
DELETE FROM activation_input WHERE activation_id = :activation_id AND role = 'read';

-- name: move_input
-- Move one mark of an activation to another one.
UPDATE activation_input SET activation_id = :to_id WHERE activation_id = :from_id AND mark_id = :mark_id;

-- name: copy_reads
-- Copy the marks that an activation only reads to another one.
INSERT INTO activation_input (activation_id, mark_id, role, event_id, strength, relevance)
SELECT :to_id, mark_id, role, event_id, strength, relevance
FROM activation_input
WHERE activation_id = :from_id AND role = 'read';

-- name: absorbed_marks -> Id
-- The marks that an activation absorbs.
SELECT mark_id FROM activation_input WHERE activation_id = :activation_id AND role = 'absorbed' ORDER BY mark_id;

-- name: set_marks
-- Set the number of marks that an activation absorbs, and the scope that they share.
UPDATE activation SET marks_absorbed = :marks_absorbed, scope = :scope WHERE id = :id;

-- name: give_back_attempts
-- Set the attempts of an agent's unfinished activations back; a running activation is then in its first attempt.
UPDATE activation
SET attempt = CASE state WHEN 'running' THEN 1 ELSE 0 END
WHERE {is_unfinished} AND state IN ('ready', 'running', 'held') AND agent = :agent;

-- name: agent_states -> AgentStateRow
-- Pause, cooldown and failures of all agents.
SELECT {agent_state.*} FROM agent_state;

-- name: get_agent_state -> AgentStateRow
-- Pause, cooldown and failures of one agent.
SELECT {agent_state.*} FROM agent_state WHERE agent_state.agent = :agent;

-- name: set_cooldown
-- Set an agent's cooldown and its failures in a row.
INSERT INTO agent_state (agent, paused, cooldown_until, failures) VALUES (:agent, 0, :cooldown_until, :failures)
ON CONFLICT (agent) DO UPDATE SET cooldown_until = excluded.cooldown_until, failures = excluded.failures;

-- name: set_pause (notifies)
-- Pause or resume an agent.
INSERT INTO agent_state (agent, paused, paused_because, failures) VALUES (:agent, :paused, :paused_because, 0)
ON CONFLICT (agent) DO UPDATE SET paused = excluded.paused, paused_because = excluded.paused_because;

-- name: set_served_at
-- Record when a worker that served an agent was last seen.
INSERT INTO agent_state (agent, paused, failures, served_at) VALUES (:agent, 0, 0, :served_at)
ON CONFLICT (agent) DO UPDATE
SET served_at = CASE WHEN agent_state.served_at > excluded.served_at THEN agent_state.served_at ELSE excluded.served_at END;

-- name: rename_agent_state
-- Rename an agent in its state.
UPDATE agent_state SET agent = :agent WHERE agent = :former;

-- name: rename_unfinished
-- Rename an agent in its unfinished activations.
UPDATE activation SET agent = :agent WHERE agent = :former AND {is_unfinished};

-- name: rename_subject_cooldowns
-- Rename an agent in its cooldowns for subjects.
UPDATE subject_cooldown SET agent = :agent WHERE agent = :former;

-- name: delete_subject_cooldowns
-- Delete an agent's cooldowns for subjects.
DELETE FROM subject_cooldown WHERE agent = :agent;

-- name: end_subject_cooldown
-- End the cooldown of an agent for a subject or group.
DELETE FROM subject_cooldown WHERE agent = :agent AND scope = :scope;

-- name: get_subject_cooldown -> Instant
-- The end of the cooldown of an agent for a subject or group.
SELECT until FROM subject_cooldown WHERE agent = :agent AND scope = :scope;

-- name: set_subject_cooldown
-- Begin or prolong a cooldown for a subject or group.
INSERT INTO subject_cooldown (agent, scope, until) VALUES (:agent, :scope, :until)
ON CONFLICT (agent, scope) DO UPDATE SET until = excluded.until;

-- name: board -> BoardRow
-- The board itself.
SELECT {board.*} FROM board;

-- name: board_uid -> str
-- The id of the board, in a file of any version.
SELECT uid FROM board;

-- name: pause_board (notifies)
-- Pause or resume the whole board.
UPDATE board SET paused = :paused, paused_because = :paused_because;

-- name: workers -> WorkerRow
-- The registered workers.
SELECT {worker.*} FROM worker;

-- name: insert_worker (notifies)
-- Register a worker.
INSERT INTO worker (id, pid, host, started_at, seen_at, version, agents, schema, model, lock_key)
VALUES (:id, :pid, :host, :started_at, :seen_at, :version, :agents, :schema, :model, :lock_key);

-- name: set_agents_of_worker
-- Record which agents a worker serves after it has reloaded its deployment.
UPDATE worker SET agents = :agents WHERE id = :id;

-- name: see_worker
-- Record that a worker was alive at an instant, and the model that answered its agents then.
UPDATE worker SET seen_at = :seen_at, model = :model WHERE id = :id;

-- name: delete_worker
-- Remove a worker.
DELETE FROM worker WHERE id = :id;
