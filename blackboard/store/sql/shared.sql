-- Fragments that all files may use, as {name} or {name(arguments)}.
--
-- Every statement writes LIMIT :limit + 0, because SQLite plans a statement anew, at some cost, each time a value is
-- bound to a bare parameter after LIMIT.

-- fragment: is_live(at)
-- A mark is live until it evaporates. `MarkRow.is_live` says the same in Python, and a test compares the two.
{lives_past(mark.evaporates_at, {at})}

-- fragment: lives_past(evaporates_at, at)
({evaporates_at} IS NULL OR {evaporates_at} > {at})

-- fragment: is_in(column, list)
-- Whether a list contains the column's value. SQLite takes the list as a JSON text, PostgreSQL as an array.
{column} IN (SELECT value FROM json_each({list}))

-- fragment: is_in(column, list) (postgresql)
{column} = ANY({list})

-- fragment: is_unfinished
-- The exact condition of a partial index, so that SQLite uses the index.
activation.state IN ('ready', 'running', 'held', 'dead', 'quarantined')

-- fragment: agent_is_gone
-- Whether the active deployment has no watch of the activation's agent, and so not the agent.
NOT EXISTS (SELECT served.id FROM watch AS served WHERE served.agent = activation.agent AND served.active = 1)

-- fragment: shown_state
-- The state of an activation for display: unfinished work of a gone agent is held.
CASE WHEN activation.state = 'ready' AND {agent_is_gone} THEN 'held' ELSE activation.state END

-- fragment: shown_error
-- Why an activation is in that state. `gone_agents.shown_to_people` says the same.
CASE WHEN activation.state IN ('ready', 'held') AND {agent_is_gone}
  THEN 'its agent is gone' || coalesce('; before that: ' || activation.error, '')
  ELSE activation.error
END

-- fragment: is_open
-- The exact condition of a partial index, so that SQLite uses the index.
model_call.state IN ('planned', 'sent', 'answered', 'unknown')

-- fragment: has_effect(event)
-- Whether an event changed its mark. Other events record an attempt.
{event} NOT IN ('stale', 'unchanged', 'already_gone', 'assigned')

-- fragment: last_counted_event
-- The last event of a mark that counts for a watch. If its agent caused the last event, the last of others counts.
-- An expression uses no index, so a statement that needs one also compares `mark.event_id`.
CASE WHEN coalesce(mark.last_author, mark.author) = :ignored_author THEN mark.other_event_id ELSE mark.event_id END

-- fragment: not_absorbed
-- Whether the watch has not absorbed the last event that counts. It needs {mark_with_absorbed}.
{last_counted_event} > coalesce(absorbed.event_id, 0)

-- fragment: is_silently_absorbed
-- The exact condition of a partial index, so that SQLite uses the index.
absorbed.event_id > absorbed.given_event_id

-- fragment: crossing_waits_for_watch
SELECT crossing.id FROM crossing WHERE crossing.watch_id = absorbed.watch_id AND crossing.state = 'waiting'

-- fragment: is_group(scope)
-- Whether a scope is a group, neither a subject nor the board: see `scopes`.
substr({scope}, 1, 1) = char(29)

-- fragment: is_group(scope) (postgresql)
substr({scope}, 1, 1) = chr(29)

-- fragment: subject_of(scope)
-- The subject that a scope is; NULL for a group and for the board.
CASE WHEN {is_group({scope})} THEN NULL ELSE nullif({scope}, '') END

-- fragment: group_tag(scope)
-- The tag by which a scope is a group; NULL for other scopes.
CASE WHEN {is_group({scope})} THEN substr({scope}, 2, instr(substr({scope}, 2), char(29)) - 1) END

-- fragment: group_tag(scope) (postgresql)
CASE WHEN {is_group({scope})} THEN split_part({scope}, chr(29), 2) END

-- fragment: group_key(scope)
-- The key of the value that the marks of a group share.
substr({scope}, 2 + instr(substr({scope}, 2), char(29)))

-- fragment: group_key(scope) (postgresql)
split_part({scope}, chr(29), 3)

-- fragment: mark_with_absorbed
mark LEFT JOIN absorbed ON absorbed.watch_id = :watch_id AND absorbed.mark_id = mark.id

-- fragment: age(since, until)
-- Microseconds between two instants, never below zero.
CASE WHEN {until} > {since} THEN CAST({until} - {since} AS FLOAT) ELSE 0.0 END

-- fragment: law_has_changed
-- Whether the kind changed its law or floor after the mark's last change, and no later than clock.as_of.
(mark.anchored_at < law_change.changed_at AND law_change.changed_at <= clock.as_of)

-- fragment: fades_by_new_law
({law_has_changed} AND law_change.new_law <> mark.law AND mark.own_law = 0)

-- fragment: power(base, exponent)
power({base}, {exponent})

-- fragment: power(base, exponent) (postgresql)
-- PostgreSQL refuses to compute a result that is too small for a float.
CASE WHEN ({exponent}) * ln({base}) < -660.0 THEN 0.0 ELSE power({base}, {exponent}) END

-- fragment: share(law, name, age, length, shape)
-- The share of its intensity that a mark's law leaves. `live_mark_statements.share_of` gives the text for known laws.

-- fragment: clock_row
-- The table of one row with the instant of a reading, which each statement defines in its WITH.
clock

-- fragment: changed_law
-- The change of a mark's law, with the law that follows.
LEFT JOIN law_change ON law_change.kind = mark.kind AND law_change.law = mark.law
    LEFT JOIN law AS follower ON follower.law = law_change.new_law

-- fragment: changed_law (postgresql)
-- The same. PostgreSQL underestimates what a filter costs after the second join, and would sort instead of using an
-- index.
LEFT JOIN (law_change JOIN law AS follower ON follower.law = law_change.new_law)
      ON law_change.kind = mark.kind AND law_change.law = mark.law

-- fragment: live_marks
-- The live marks with their strength at clock.as_of, a table of one row. A mark whose kind has changed its law, and
-- which the backfill has not reached, fades by the old law up to the change and by the new law after it. Under a new
-- floor such a mark ends at another instant; for all others the stored instant of evaporation decides.
SELECT faded.*, faded.weight * faded.intensity * faded.share AS strength
FROM (
  SELECT dated.*,
    {share(dated.law, dated.law_name, dated.age, dated.length, dated.shape)}
      * CASE WHEN dated.next_age IS NULL
        THEN 1.0
        ELSE {share(dated.next_law, dated.next_name, dated.next_age, dated.next_length, dated.next_shape)}
      END AS share
  FROM (
    SELECT {mark.*}, kind.weight, kind.floor, clock.as_of, law.name AS law_name, law.length, law.shape,
      {age(mark.anchored_at, CASE WHEN {fades_by_new_law} THEN law_change.changed_at ELSE clock.as_of END)} AS age,
      follower.law AS next_law, follower.name AS next_name, follower.length AS next_length, follower.shape AS next_shape,
      CASE WHEN {fades_by_new_law} THEN {age(law_change.changed_at, clock.as_of)} END AS next_age,
      CASE WHEN {law_has_changed} THEN law_change.changed_at END AS changed_at
    FROM mark
    JOIN kind ON kind.name = mark.kind
    JOIN law ON law.law = mark.law
    {changed_law}
    JOIN {clock_row} ON 1 = 1
  ) AS dated
) AS faded
WHERE (faded.evaporates_at IS NULL OR faded.evaporates_at > coalesce(faded.changed_at, faded.as_of))
  AND (faded.changed_at IS NULL
    OR (faded.intensity * faded.share >= faded.floor AND faded.intensity * faded.share > 0.0))

-- fragment: has_value(n)
-- The marks that have one of some values of the n-th tag of a filter.
SELECT mark_tag.mark_id
FROM mark_tag
WHERE mark_tag.kind = :kind AND mark_tag.name = :tag_{n} AND {is_in(mark_tag.value, :values_{n})}

-- fragment: is_tagged(n)
-- A filter that begins with the marks that have the tag, independent of the size of the kind.
AND live.id IN ({has_value({n})})

-- fragment: is_also_tagged(n)
-- The same filter for a statement that begins with other marks.
AND EXISTS ({has_value({n})} AND mark_tag.mark_id = live.id)

-- fragment: filter_by_tags
-- Any number of these filters. `live_mark_statements` gives the text.
