"""The views that people query, as `contract` promises them. They need no function of this program's.

They are made anew at each upgrade, so they are no part of the migrations.
"""

from __future__ import annotations

from blackboard.clock import LEAP
from blackboard.store import dialect as sql_dialect
from blackboard.store.dialect import Dialect
from blackboard.store.statements import shared

__all__ = ["view_definitions"]

UNFINISHED = shared("is_unfinished").replace("activation.", "a.")


def view_definitions(dialect: Dialect) -> dict[str, str]:
    """The SELECT behind each view."""

    def iso(column: str) -> str:
        return sql_dialect.iso_sql(dialect, column)

    return {
        "live_marks": _live_marks(dialect),
        "mark_history": f"""
SELECT e.id, {iso("e.recorded_at")} AS recorded_at, e.mark_id, e.kind, e.subject, e.event, e.intensity, e.author,
  e.activation_id, e.payload
FROM event e""",
        "agenda": _agenda(dialect),
        "activations": f"""
SELECT a.id, a.agent, w.name AS watch, a.subject, a.state, a.reason, {iso("a.crossed_at")} AS crossed_at,
  {iso("a.started_at")} AS started_at, {iso("a.finished_at")} AS finished_at, a.attempt, a.error, a.marks_absorbed,
  a.marks_deposited, {iso("a.retry_at")} AS retry_at, a.interruptions, a.chain_length, a.worker
FROM activation a JOIN watch w ON w.id = a.watch_id""",
        "provenance": """
SELECT e.mark_id, e.activation_id, g.mark_id AS parent_mark_id
FROM event e JOIN activation_input g ON g.activation_id = e.activation_id
WHERE e.activation_id IS NOT NULL AND e.event IN ('deposited', 'reinforced')""",
        "model_calls": f"""
SELECT m.id, m.activation_id, m.agent, m.model, m.api, m.state, m.marks, m.input_tokens, m.cache_read_tokens,
  m.cache_write_tokens, m.output_tokens, m.cost / 1000000.0 AS cost_usd, m.reserved / 1000000.0 AS reserved_usd,
  {iso("m.planned_at")} AS planned_at, {iso("m.sent_at")} AS sent_at, {iso("m.answered_at")} AS answered_at,
  {iso("m.applied_at")} AS applied_at, (m.answered_at - m.sent_at) / 1000000.0 AS latency_seconds, m.request_id,
  m.batch_id, m.error, m.would_hold
FROM model_call m""",
        "costs": f"""
SELECT c.day, c.agent, c.calls, c.input_tokens, c.cache_read_tokens, c.cache_write_tokens, c.output_tokens,
  c.cost / 1000000.0 AS usd, c.marks_deposited, c.cost / 1000000.0 / nullif(c.marks_deposited, 0) AS usd_per_mark,
  c.cache_read_tokens * 1.0 / nullif(c.input_tokens + c.cache_read_tokens + c.cache_write_tokens, 0)
    AS share_from_cache,
  c.direct / 1000000.0 AS usd_direct, c.unknown, c.reserved / 1000000.0 AS usd_reserved
FROM (
  SELECT {sql_dialect.date_sql(dialect, "m.sent_at")} AS day, m.agent, count(*) AS calls,
    sum(coalesce(m.input_tokens, 0)) AS input_tokens, sum(coalesce(m.cache_read_tokens, 0)) AS cache_read_tokens,
    sum(coalesce(m.cache_write_tokens, 0)) AS cache_write_tokens, sum(coalesce(m.output_tokens, 0)) AS output_tokens,
    sum(coalesce(m.cost, 0)) AS cost, sum(coalesce(m.direct_cost, 0)) AS direct,
    sum(CASE WHEN m.state = 'applied' THEN a.marks_deposited ELSE 0 END) AS marks_deposited,
    sum(CASE WHEN m.state = 'unknown' THEN 1 ELSE 0 END) AS unknown, sum(m.reserved) AS reserved
  FROM model_call m JOIN activation a ON a.id = m.activation_id
  WHERE m.sent_at IS NOT NULL AND m.state <> 'failed'
  GROUP BY 1, 2
) c""",
    }


def _clock(dialect: Dialect) -> str:
    """The board's time: the larger of the database's clock and the last recorded time.

    A clock that has jumped ahead by more than a year is not believed here either, whatever `leap` is set to.
    """
    greatest, clock = sql_dialect.greatest_sql(dialect), sql_dialect.clock_sql(dialect)
    recorded = (
        f"{greatest}(b.last_recorded_at, coalesce((SELECT e.recorded_at FROM event e ORDER BY e.id DESC LIMIT 1), 0))"
    )
    return (
        f"SELECT CASE WHEN {clock} - {recorded} > {LEAP} THEN {recorded} ELSE {greatest}({clock}, {recorded}) END"
        " AS as_of FROM board b WHERE b.id = 1"
    )


def _agenda(dialect: Dialect) -> str:
    """The crossings that wait, and those whose activation was put back: a budget, a busy provider, a failure."""

    def part(state: str, ready_at: str, held_by: str, source: str) -> str:
        times = {"crossed_at": "c.crossed_at", "noticed_at": "c.noticed_at", "ready_at": ready_at}
        instants = ", ".join(f"{sql_dialect.iso_sql(dialect, column)} AS {name}" for name, column in times.items())
        return f"""
SELECT c.id, w.agent, w.name AS watch, nullif(c.subject, '') AS subject, nullif(c.mark_id, 0) AS mark_id,
  '{state}' AS state, w.condition || ': ' || CAST(c.value AS TEXT) AS reason, c.value, c.threshold, {instants},
  {held_by} AS held_by
FROM {source}"""

    # While one activation of a watch waits for a budget's window to turn, no other of that watch is begun.
    budget = f"""coalesce(c.held_by, (SELECT max(a.error) FROM activation a
    WHERE {UNFINISHED} AND a.state = 'held' AND a.agent = w.agent AND a.retry_at IS NOT NULL AND a.watch_id = w.id))"""
    return " UNION ALL ".join(
        (
            part(
                "waiting",
                "c.ready_at",
                budget,
                "crossing c JOIN watch w ON w.id = c.watch_id WHERE c.state = 'waiting'",
            ),
            part(
                "deferred",
                "a.retry_at",
                "a.error",
                "activation a JOIN crossing c ON c.activation_id = a.id JOIN watch w ON w.id = c.watch_id"
                f" WHERE {UNFINISHED} AND a.state IN ('ready', 'held') AND c.state = 'claimed'",
            ),
        )
    )


def _live_marks(dialect: Dialect) -> str:
    def iso(column: str) -> str:
        return f"({sql_dialect.iso_sql(dialect, f'live.{column}')}) AS {column}"

    return f"""
WITH clock AS MATERIALIZED ({_clock(dialect)})
SELECT live.id, live.kind, live.subject, live.payload, live.author, live.weight, live.intensity, live.strength,
  live.law, live.order_key, {iso("deposited_at")}, {iso("reinforced_at")}, {iso("evaporates_at")}, {iso("as_of")},
  CASE WHEN live.as_of > live.reinforced_at THEN (live.as_of - live.reinforced_at) * 1e-06 ELSE 0.0 END AS age_seconds,
  live.reinforcements
FROM ({shared("live_marks")}) AS live"""
