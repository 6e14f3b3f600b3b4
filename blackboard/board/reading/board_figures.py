"""Figures of a board for monitors: its state now, and what happened after earlier figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from blackboard.board.activations import model_pauses
from blackboard.board.activations.agent_claims.agent_readiness import budget_deferral
from blackboard.board.activations.call_records import budgets
from blackboard.board.need_answers import needs_overview
from blackboard.board.reading.board_status import unserved_agents
from blackboard.board.result_types.row_conversion import optional_datetime
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.crossing_detection.predicted_crossings import next_crossing
from blackboard.board.work_tables import agent_states
from blackboard.clock import Instant, seconds_in, to_datetime
from blackboard.core.micro_dollars import to_usd
from blackboard.core.records.states import OPEN_CALLS, CallState
from blackboard.durations import MINUTE, Duration
from blackboard.store.database_interfaces.place_interface import FileSizes
from blackboard.store.row_types.activation_row_types import EndedActivation
from blackboard.store.row_types.model_call_row_types import CallUsage
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, MARKS, MODEL_CALLS

MAX_COMMIT_DELAY: Duration = MINUTE
"""The longest delay until the end of an activation becomes visible: the clocks of machines may differ."""

UNANSWERED = frozenset(OPEN_CALLS) - {CallState.ANSWERED}
"""The states of calls whose usage is not known yet."""


@dataclass(frozen=True)
class FiguresPosition:
    """The position up to which figures have counted. It has a meaning only on the board that it came from."""

    event_id: int
    crossing_id: int
    ended_at: Instant
    ended: frozenset[tuple[int, Instant]]
    """The activations that ended shortly before `ended_at`. Other ends of that time may still be committed."""
    call_id: int
    open_call_ids: frozenset[int]


@dataclass(frozen=True)
class EndedRun:
    """An activation that has ended."""

    agent: str
    state: str
    waited_seconds: float | None
    """The time from the crossing to the claim; None if no agent ran."""
    run_seconds: float | None
    """The length of the last attempt; None if no agent ran."""
    finished_at: datetime


@dataclass(frozen=True)
class Happened:
    """The counts of what has happened since earlier figures."""

    events: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """The number of events of marks, by kind and event."""
    crossings: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """The number of crossings, by agent and watch."""
    ended: Sequence[EndedRun] = ()
    tokens: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    """The tokens of answered calls, by agent, model and type."""
    usd: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """The costs of calls, by agent and model."""


@dataclass(frozen=True)
class BoardFigures:
    """Figures of a board. No subject, payload or other text of a depositor is in them."""

    as_of: datetime
    marks: Mapping[str, int]
    """The number of live marks, by kind."""
    watches: Sequence[tuple[str, str]]
    """Each watch with its agent."""
    waiting: Mapping[tuple[str, str], int]
    """The number of waiting crossings, by agent and what holds them: `nothing`, `paused`, `cooldown`, `budget`,
    `guard`, `batch_window` and so on."""
    oldest: Mapping[str, datetime]
    """The instant of the first waiting crossing, by agent."""
    activations: Mapping[tuple[str, str], int]
    """The number of activations that have not ended, by agent and state."""
    unserved: Sequence[str]
    """The agents that no living daemon claims for."""
    is_paused: bool
    paused_agents: Sequence[str]
    paused_models: Sequence[str]
    """The models that refuse the calls of all agents, and are tried from time to time."""
    needs: int
    overdue_needs: int
    usd_left: Mapping[tuple[str, str], float]
    """The remaining budget in US dollars, by agent ("" for the board) and window."""
    next_alarm: datetime | None
    """The instant of the next crossing that needs no deposit."""
    is_clock_believed: bool
    workers: int
    """The number of living daemons and other workers."""
    happened: Happened
    position: FiguresPosition
    file_bytes: int | None = None
    log_bytes: int | None = None


def figures(
    txn: BoardTransaction, after: FiguresPosition | None, dead: Collection[str], sizes: FileSizes
) -> BoardFigures:
    """Return the figures of the board; see `Blackboard.figures`."""
    needs = needs_overview.count(txn, txn.now)
    waiting, oldest = _waiting_crossings(txn)
    happened, position = _happened(txn, after)
    return BoardFigures(
        as_of=to_datetime(txn.now),
        marks=dict.fromkeys(txn.deployment.kinds, 0) | dict(txn.sql.all(MARKS.count_live_marks, now=txn.now)),
        watches=[(watch.agent_spec.name, watch.spec.name) for watch in txn.active.watches.values()],
        waiting=waiting,
        oldest=oldest,
        activations={(row.agent, row.state): row.number for row in txn.sql.all(ACTIVATIONS.count_unfinished)},
        unserved=unserved_agents(txn, dead),
        is_paused=txn.pause is not None,
        paused_agents=sorted(agent_states.paused_agents(txn)),
        paused_models=[pause.model for pause in model_pauses.all_pauses(txn) if not (pause.agent or pause.suspect)],
        needs=needs.number,
        overdue_needs=needs.overdue,
        usd_left={(agent, window): to_usd(money) for agent, window, money in budgets.remaining_money(txn)},
        next_alarm=optional_datetime(next_crossing(txn)),
        is_clock_believed=txn.doubted_clock is None,
        workers=sum(row.id not in dead for row in txn.sql.all(ACTIVATIONS.workers)),
        happened=happened,
        position=position,
        file_bytes=sizes.file_bytes,
        log_bytes=sizes.log_bytes,
    )


def _waiting_crossings(txn: BoardTransaction) -> tuple[dict[tuple[str, str], int], dict[str, datetime]]:
    numbers: Counter[tuple[str, str]] = Counter()
    oldest: dict[str, Instant] = {}
    deferrals: dict[int, str | None] = {}
    for row in txn.sql.all(CROSSINGS.waiting_by_deferral, now=txn.now):
        if (watch := txn.active.watches.get(row.watch_id)) is None:
            continue  # the agent is gone
        agent = watch.agent_spec.name
        if row.watch_id not in deferrals:
            deferrals[row.watch_id] = _deferral(txn, watch)
        numbers[agent, deferrals[row.watch_id] or row.held_by or "nothing"] += row.number
        oldest[agent] = min(row.oldest, oldest.get(agent, row.oldest))
    return dict(numbers), {agent: to_datetime(at) for agent, at in oldest.items()}


def _deferral(txn: BoardTransaction, watch: RegisteredWatch) -> str | None:
    """Return the word for what holds all crossings of a watch; None if nothing does."""
    state = agent_states.get(txn, watch.agent_spec.name)
    if state.paused or txn.pause is not None:
        return "paused"
    if state.cooldown_until is not None and state.cooldown_until > txn.now:
        return "cooldown"
    return "budget" if budget_deferral(txn, watch) is not None else None


def _happened(txn: BoardTransaction, after: FiguresPosition | None) -> tuple[Happened, FiguresPosition]:
    """Return what happened after a position, and the next position. Without a position, counting begins now."""
    crossing, call = txn.sql.value(CROSSINGS.last_crossing_id), txn.sql.value(MODEL_CALLS.last_call_id)
    since = txn.now - MAX_COMMIT_DELAY if after is None else after.ended_at - MAX_COMMIT_DELAY
    ended = txn.sql.all(ACTIVATIONS.ended_since, since=since)
    recent = frozenset((row.id, row.finished_at) for row in ended if row.finished_at > txn.now - MAX_COMMIT_DELAY)
    position = partial(
        FiguresPosition,
        event_id=txn.last_event_id,
        crossing_id=crossing,
        ended_at=txn.now,
        ended=recent,
        call_id=call,
    )
    if after is None:
        return Happened(), position(open_call_ids=frozenset(txn.sql.all(MODEL_CALLS.unanswered_call_ids)))
    calls = txn.sql.all(MODEL_CALLS.usage_after, after=min(after.call_id, call))
    calls += txn.sql.all(MODEL_CALLS.usage_of, ids=txn.sql.list_of(after.open_call_ids))
    open_call_ids = frozenset(row.id for row in calls if row.state in UNANSWERED)
    known = [row for row in calls if row.id not in open_call_ids]
    happened = Happened(
        events={
            (row.kind, row.event): row.number
            for row in txn.sql.all(MARKS.count_events_after, after=min(after.event_id, txn.last_event_id))
        },
        crossings=_crossings(txn, min(after.crossing_id, crossing)),
        ended=[_ended_run(row) for row in ended if (row.id, row.finished_at) not in after.ended],
        tokens=_tokens(known),
        usd=_usd(known),
    )
    return happened, position(open_call_ids=open_call_ids)


def ended_runs(txn: BoardTransaction, length: Duration, limit: int) -> list[EndedRun]:
    """Return the activations that ended within a length of time before now; if there are very many, only the newest."""
    rows = txn.sql.all(ACTIVATIONS.ended_since.using("limit"), since=txn.now - length, limit=limit)
    return [_ended_run(row) for row in rows]


def _crossings(txn: BoardTransaction, after: int) -> dict[tuple[str, str], int]:
    return {
        (watch.agent_spec.name, watch.spec.name): row.number
        for row in txn.sql.all(CROSSINGS.count_crossings_after, after=after)
        if (watch := txn.active.watches.get(row.watch_id)) is not None
    }


def _ended_run(row: EndedActivation) -> EndedRun:
    if row.started_at is None:
        return EndedRun(row.agent, row.state, None, None, to_datetime(row.finished_at))
    waited, ran = row.created_at - row.crossed_at, row.finished_at - row.started_at
    waited_seconds, run_seconds = seconds_in(max(0, waited)), seconds_in(max(0, ran))
    return EndedRun(row.agent, row.state, waited_seconds, run_seconds, to_datetime(row.finished_at))


def _tokens(calls: Sequence[CallUsage]) -> dict[tuple[str, str, str], int]:
    tokens: Counter[tuple[str, str, str]] = Counter()
    for row in calls:
        used = {
            "input": row.input_tokens,
            "cache_read": row.cache_read_tokens,
            "cache_write": row.cache_write_tokens,
            "output": row.output_tokens,
        }
        for kind, number in used.items():
            tokens[row.agent, row.model, kind] += number or 0
    return dict(tokens)


def _usd(calls: Sequence[CallUsage]) -> dict[tuple[str, str], float]:
    money: Counter[tuple[str, str]] = Counter()
    for row in calls:
        money[row.agent, row.model] += row.cost or 0
    return {names: to_usd(micro_dollars) for names, micro_dollars in money.items()}
