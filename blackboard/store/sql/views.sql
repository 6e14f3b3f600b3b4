-- The views that people query; `view_columns` promises their columns. They need no function of this program.

-- fragment: instant(at)
-- An instant as ISO 8601 text in UTC. The remainder of an instant before 1970 is negative.
strftime('%Y-%m-%dT%H:%M:%S', ({at} - {microseconds({at})}) / 1000000, 'unixepoch')
  || printf('.%06dZ', {microseconds({at})})

-- fragment: instant(at) (postgresql)
to_char(to_timestamp(({at} - {microseconds({at})}) / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
  || '.' || lpad(({microseconds({at})})::text, 6, '0') || 'Z'

-- fragment: microseconds(at)
-- The microseconds of an instant within its second.
(({at} % 1000000 + 1000000) % 1000000)

-- fragment: day(at)
-- The day of an instant, as ISO 8601 text in UTC.
date({at} / 1000000, 'unixepoch')

-- fragment: day(at) (postgresql)
to_char(to_timestamp({at} / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD')

-- fragment: usd(amount)
-- Micro-dollars as US dollars. A sum of integers and a decimal fraction are decimals on PostgreSQL, not floats.
CAST({amount} AS FLOAT) / 1000000.0

-- fragment: seconds(duration)
-- Microseconds as seconds.
CAST({duration} AS FLOAT) / 1000000.0

-- fragment: number(value)
-- A float as text.
CAST({value} AS TEXT)

-- fragment: number(value) (postgresql)
-- As a decimal it has 15 digits, as in the text of SQLite, which writes `2.0` for 2.
CAST(round(CAST({value} AS numeric), greatest(scale(CAST({value} AS numeric)), 1)) AS text)

-- fragment: clock
-- The database's clock in microseconds since the epoch. SQLite's clock counts milliseconds.
(CAST(strftime('%s', 'now') AS INTEGER) * 1000000 + CAST(round(substr(strftime('%f', 'now'), 4) * 1000) AS INTEGER))

-- fragment: clock (postgresql)
CAST(extract(epoch FROM statement_timestamp()) * 1000000 AS bigint)

-- fragment: greatest
-- The name of the function that returns its largest argument.
max

-- fragment: greatest (postgresql)
greatest

-- fragment: recorded
-- The last instant that the board recorded.
{greatest}(b.last_recorded_at, coalesce((SELECT e.recorded_at FROM event e ORDER BY e.id DESC LIMIT 1), 0))

-- fragment: board_clock
-- The board's time: the later of the database's clock and the last recorded instant. A clock that is ahead of that
-- instant by more than {leap} is not believed. The daemon's setting of the same name does not count here.
SELECT CASE WHEN {clock} - {recorded} > {leap} THEN {recorded} ELSE {greatest}({clock}, {recorded}) END AS as_of
FROM board b
WHERE b.id = 1

-- fragment: board_clock (postgresql)
-- The same. OFFSET 0 keeps the last recorded instant from being read in each place that uses it.
SELECT CASE WHEN {clock} - last.recorded > {leap} THEN last.recorded ELSE {greatest}({clock}, last.recorded) END AS as_of
FROM (SELECT {recorded} AS recorded FROM board b WHERE b.id = 1 OFFSET 0) AS last

-- fragment: with_clock
WITH clock AS MATERIALIZED ({board_clock})

-- fragment: with_clock (postgresql)
-- A view with a WITH is planned by itself, so no ORDER BY with a LIMIT reaches an index.

-- fragment: clock_row (postgresql)
-- OFFSET 0 keeps the clock from being read once for each row.
({board_clock} OFFSET 0) AS clock

-- name: live_marks
-- The live marks with their strength at the board's time.
{with_clock}
SELECT live.id, live.kind, live.subject, live.payload, live.author, live.weight, live.intensity, live.strength,
  live.law, live.order_key, {instant(live.deposited_at)} AS deposited_at,
  {instant(live.reinforced_at)} AS reinforced_at, {instant(live.anchored_at)} AS fades_from,
  {instant(live.evaporates_at)} AS evaporates_at, {instant(live.as_of)} AS as_of,
  CASE WHEN live.as_of > live.anchored_at THEN {seconds(live.as_of - live.anchored_at)} ELSE 0.0 END AS age_seconds,
  live.reinforcements, live.activation_id, live.own_law, {instant(live.occurred_at)} AS occurred_at,
  {instant(live.reinforced_at)} AS recorded_at, live.event_id
FROM ({live_marks}) AS live;

-- name: searchable_marks
-- The live marks whose text is searched. On SQLite, `WHERE words MATCH '...'` searches them in the language of FTS5 and
-- gives each its relevance and its score, which is relevance times strength. Until a kind is searched, it is empty.
{with_clock}
SELECT live.id, live.kind, live.subject, live.payload, live.author, live.strength,
  [with_index: f.text AS text, f.search_index AS words, -f.rank AS relevance, -f.rank * live.strength AS score]
  [without_index: NULL AS text, NULL AS words, NULL AS relevance, NULL AS score]
FROM
  [with_index: search_index f CROSS JOIN search_kind k ON k.number = f.rowid >> 40 AND k.phase <> 'removed' CROSS JOIN]
  ({live_marks}) AS live
WHERE
  [with_index: live.id = f.rowid & 1099511627775]
  [without_index: 1 = 0];

-- name: searchable_marks (postgresql)
{with_clock}
SELECT live.id, live.kind, live.subject, live.payload, live.author, live.strength,
  CAST(NULL AS TEXT) AS text,
  [with_index: f.words,]
  [without_index: CAST('' AS tsvector) AS words,]
  CAST(NULL AS FLOAT) AS relevance, CAST(NULL AS FLOAT) AS score
FROM ({live_marks}) AS live
  [with_index: JOIN search_kind k ON k.kind = live.kind AND k.phase <> 'removed' JOIN search_index f ON f.id = (CAST(k.number AS BIGINT) << 40) + live.id]
  [without_index: WHERE 1 = 0];

-- fragment: tag_text(key)
-- The value after the key of a tag, as text.
CASE WHEN {key} LIKE '"%' THEN json_extract({key}, '$') ELSE {key} END

-- fragment: tag_text(key) (postgresql)
-- PostgreSQL cannot hold the character with the code 0, so a text with it stays as JSON.
CASE WHEN {key} LIKE '"%' AND position('\u0000' in {key}) = 0 THEN CAST({key} AS jsonb) #>> '{}' ELSE {key} END

-- name: mark_tags
-- The tags of the live marks. A long text is shown as its digest.
{with_clock}
SELECT t.mark_id, t.kind, t.name, {tag_text(t.value)} AS value,
  CASE WHEN substr(t.value, 1, 1) IN ('"', '#') THEN 'text'
    WHEN t.value IN ('true', 'false') THEN 'boolean'
    ELSE 'number'
  END AS type
FROM ({live_marks}) AS live
JOIN mark_tag t ON t.mark_id = live.id;

-- name: mark_history
-- The events of all marks.
SELECT e.id, {instant(e.recorded_at)} AS recorded_at, e.mark_id, e.kind, e.subject, e.event, e.intensity, e.author,
  e.activation_id, e.payload, {instant(e.occurred_at)} AS occurred_at, e.traceparent
FROM event e;

-- name: needs
-- The needs that wait for an answer.
{with_clock}
SELECT live.id, live.subject, live.payload, live.author, live.activation_id,
  {instant(live.reinforced_at)} AS asked_at, nullif(open_need.assignee, '') AS assignee,
  {instant(open_need.due_at)} AS due_at,
  CASE WHEN open_need.due_at <= live.as_of THEN 1 ELSE 0 END AS overdue, open_need.answerable_by
FROM ({live_marks}) AS live
LEFT JOIN open_need ON open_need.mark_id = live.id
WHERE live.kind = 'need';

-- fragment: agenda_of_crossing(state)
-- The columns that both parts of the agenda compute alike.
c.id, w.agent, w.name AS watch, {subject_of(c.scope)} AS subject, nullif(c.mark_id, 0) AS mark_id,
  '{state}' AS state,
  w.condition || ': ' || CASE WHEN c.measure = 'schedule' THEN 'due at ' || {instant(c.crossed_at)}
    ELSE coalesce(c.measure || ' = ', '') || {number(c.value)} END AS reason, c.value, c.threshold,
  {instant(c.crossed_at)} AS crossed_at, {instant(c.noticed_at)} AS noticed_at

-- fragment: group_columns(scope)
-- The tag and the value of a group; NULL for other scopes.
{group_tag({scope})} AS group_tag, {group_value({scope})} AS group_value

-- fragment: group_value(scope)
-- The value that the marks of a group share, as text; NULL for other scopes.
CASE WHEN NOT {is_group({scope})} THEN NULL
  WHEN {group_key({scope})} LIKE '"%' THEN json_extract({group_key({scope})}, '$')
  ELSE {group_key({scope})}
END

-- fragment: group_value(scope) (postgresql)
-- As in `tag_text`.
CASE WHEN NOT {is_group({scope})} THEN NULL
  WHEN {group_key({scope})} LIKE '"%' AND position('\u0000' in {group_key({scope})}) = 0
    THEN CAST({group_key({scope})} AS jsonb) #>> '{}'
  ELSE {group_key({scope})}
END

-- name: agenda
-- The waiting crossings, and those whose activation was deferred because of a budget, a busy provider or a failure.
-- While one activation of a watch waits for its budget, the watch starts no other.
SELECT {agenda_of_crossing(waiting)}, CASE WHEN w.active = 1 THEN {instant(c.ready_at)} END AS ready_at,
  CASE WHEN w.active = 0 THEN 'its agent is gone' ELSE coalesce(c.held_by, (
    SELECT max(activation.error)
    FROM activation
    WHERE {is_unfinished} AND activation.state = 'held' AND activation.agent = w.agent
      AND activation.retry_at IS NOT NULL AND activation.watch_id = w.id
  )) END AS held_by, {group_columns(c.scope)}
FROM crossing c
JOIN watch w ON w.id = c.watch_id
WHERE c.state = 'waiting'
UNION ALL
SELECT {agenda_of_crossing(deferred)}, {shown_retry_at} AS ready_at,
  CASE WHEN {agent_is_gone} THEN 'its agent is gone' ELSE activation.error END AS held_by,
  {group_columns(c.scope)}
FROM activation
JOIN crossing c ON c.activation_id = activation.id
JOIN watch w ON w.id = c.watch_id
WHERE {is_unfinished} AND activation.state IN ('ready', 'held') AND c.state = 'claimed';

-- fragment: shown_retry_at
-- No instant lets work of a gone agent continue.
CASE WHEN activation.state IN ('ready', 'held') AND {agent_is_gone} THEN NULL ELSE {instant(activation.retry_at)} END

-- fragment: ids_of_marks
-- The marks that an activation absorbs, as a JSON array.
(
  SELECT json_group_array(input.mark_id)
  FROM (
    SELECT activation_input.mark_id
    FROM activation_input
    WHERE activation_input.activation_id = activation.id AND activation_input.role = 'absorbed'
    ORDER BY activation_input.mark_id
  ) AS input
)

-- fragment: ids_of_marks (postgresql)
(
  SELECT coalesce(json_agg(activation_input.mark_id ORDER BY activation_input.mark_id), '[]')::text
  FROM activation_input
  WHERE activation_input.activation_id = activation.id AND activation_input.role = 'absorbed'
)

-- name: activations
-- Every activation.
SELECT activation.id, activation.agent, w.name AS watch, {subject_of(activation.scope)} AS subject, {shown_state} AS state, activation.reason,
  {instant(activation.crossed_at)} AS crossed_at, {instant(activation.started_at)} AS started_at,
  {instant(activation.finished_at)} AS finished_at, activation.attempt, {shown_error} AS error,
  activation.marks_absorbed, activation.marks_deposited, {shown_retry_at} AS retry_at,
  activation.interruptions, activation.chain_length, activation.worker, {ids_of_marks} AS mark_ids,
  {instant(activation.scheduled_for)} AS scheduled_for, {group_columns(activation.scope)}
FROM activation
JOIN watch w ON w.id = activation.watch_id;

-- name: activation_marks
-- The marks that each activation was given or has read, as they were then.
SELECT i.activation_id, activation.agent, w.name AS watch, {shown_state} AS state,
  CASE WHEN i.role = 'absorbed' THEN 'given' ELSE i.role END AS role, i.mark_id, coalesce(e.kind, m.kind) AS kind,
  coalesce(e.subject, m.subject) AS subject, i.strength, i.event_id,
  CASE WHEN e.shown_event_id IS NULL THEN e.payload ELSE s.payload END AS payload
FROM activation_input i
JOIN activation ON activation.id = i.activation_id
JOIN watch w ON w.id = activation.watch_id
LEFT JOIN event e ON e.id = i.event_id
LEFT JOIN event s ON s.id = e.shown_event_id
LEFT JOIN mark m ON m.id = i.mark_id;

-- fragment: last_of_schedule(column)
-- A column of the newest crossing of a schedule that no longer waits.
(
  SELECT crossing.{column}
  FROM crossing
  WHERE crossing.scope = '' AND crossing.watch_id = w.id AND crossing.state <> 'waiting'
    AND crossing.measure = 'schedule'
  ORDER BY crossing.id DESC
  LIMIT 1
)

-- name: activity
-- What agents, people and programs did.
SELECT a.id, {instant(a.recorded_at)} AS recorded_at, a.event, a.agent, w.name AS watch,
  {subject_of(a.scope)} AS subject, a.activation_id, a.crossing_id, a.mark_id, a.old_state, a.state, a.author, a.token,
  a.version, {group_columns(a.scope)}
FROM activity_event a
LEFT JOIN watch w ON w.id = a.watch_id;

-- name: schedules
-- The schedules of the agents, with the instants before and after now.
SELECT s.agent, s.watch, s.schedule, {instant(s.scheduled_from)} AS scheduled_from, {instant(s.next_at)} AS next_at,
  {instant(s.waits_since)} AS waits_since, {instant(s.last_at)} AS last_at,
  {seconds(s.last_noticed_at - s.last_at)} AS last_late_seconds
FROM (
  SELECT w.agent, w.name AS watch, w.condition AS schedule, w.scheduled_from,
    (
      SELECT predicted_crossing.due_at
      FROM predicted_crossing
      WHERE predicted_crossing.watch_id = w.id AND predicted_crossing.scope = '' AND predicted_crossing.mark_id = 0
    ) AS next_at,
    (
      SELECT crossing.crossed_at
      FROM crossing
      WHERE crossing.watch_id = w.id AND crossing.scope = '' AND crossing.mark_id = 0 AND crossing.state = 'waiting'
    ) AS waits_since,
    {last_of_schedule(crossed_at)} AS last_at, {last_of_schedule(noticed_at)} AS last_noticed_at
  FROM watch w
  WHERE w.active = 1 AND w.scheduled_from IS NOT NULL
) s;

-- name: watch_states
-- The stored states of watches over time.
SELECT w.agent, w.name AS watch, {subject_of(s.scope)} AS subject, nullif(s.mark_id, 0) AS mark_id,
  {instant(s.began_at)} AS began_at, {instant(s.crossed_at)} AS crossed_at, {instant(p.due_at)} AS next_at,
  {group_columns(s.scope)}
FROM watch_state s
JOIN watch w ON w.id = s.watch_id
LEFT JOIN predicted_crossing p ON p.watch_id = s.watch_id AND p.scope = s.scope AND p.mark_id = s.mark_id;

-- name: outbox
-- The messages that people outside are told.
SELECT o.id, o.message_id, o.sink, o.topic, {subject_of(o.scope)} AS subject, o.agent, o.mark_id, o.activation_id,
  o.crossing_id, o.state, o.attempts, {instant(o.created_at)} AS created_at,
  CASE WHEN o.state = 'waiting' THEN {instant(o.due_at)} END AS due_at, {instant(o.finished_at)} AS finished_at, o.error,
  o.content
FROM message o;

-- name: provenance
-- The marks that an activation deposited, each with the marks that the activation was given.
SELECT e.mark_id, e.activation_id, i.mark_id AS parent_mark_id
FROM event e
JOIN activation_input i ON i.activation_id = e.activation_id
WHERE e.activation_id IS NOT NULL AND e.event IN ('deposited', 'reinforced');

-- name: model_calls
-- Every model call.
SELECT m.id, m.activation_id, m.agent, m.model, m.api, m.state, m.marks, m.input_tokens, m.cache_read_tokens,
  m.cache_write_tokens, m.output_tokens, {usd(m.cost)} AS cost_usd, {usd(m.reserved)} AS reserved_usd,
  {instant(m.planned_at)} AS planned_at, {instant(m.sent_at)} AS sent_at, {instant(m.answered_at)} AS answered_at,
  {instant(m.applied_at)} AS applied_at, {seconds(m.answered_at - m.sent_at)} AS latency_seconds, m.request_id,
  m.batch_id, m.error, m.would_hold
FROM model_call m;

-- name: costs
-- The costs of each day and agent.
SELECT c.day, c.agent, c.calls, c.input_tokens, c.cache_read_tokens, c.cache_write_tokens, c.output_tokens,
  {usd(c.cost)} AS usd, c.marks_deposited, {usd(c.cost)} / nullif(c.marks_deposited, 0) AS usd_per_mark,
  CAST(c.cache_read_tokens AS FLOAT) / nullif(c.input_tokens + c.cache_read_tokens + c.cache_write_tokens, 0)
    AS share_from_cache,
  {usd(c.direct)} AS usd_direct, c.unknown, {usd(c.reserved)} AS usd_reserved
FROM (
  SELECT {day(m.sent_at)} AS day, m.agent, count(*) AS calls,
    sum(coalesce(m.input_tokens, 0)) AS input_tokens, sum(coalesce(m.cache_read_tokens, 0)) AS cache_read_tokens,
    sum(coalesce(m.cache_write_tokens, 0)) AS cache_write_tokens, sum(coalesce(m.output_tokens, 0)) AS output_tokens,
    sum(coalesce(m.cost, 0)) AS cost, sum(coalesce(m.direct_cost, 0)) AS direct,
    sum(CASE WHEN m.state = 'applied' THEN a.marks_deposited ELSE 0 END) AS marks_deposited,
    sum(CASE WHEN m.state = 'unknown' THEN 1 ELSE 0 END) AS unknown, sum(m.reserved) AS reserved
  FROM model_call m
  JOIN activation a ON a.id = m.activation_id
  WHERE m.sent_at IS NOT NULL AND m.state <> 'failed'
  GROUP BY 1, 2
) c;
