"""Waking an agent: an activation is claimed under a lease, with exactly the marks that it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from blackboard.agenda import strongest_first
from blackboard.board import falling, loops, rising, totals
from blackboard.board.moment import Moment, Watch
from blackboard.conditions import Combination, Comparison, Condition
from blackboard.deployment import AgentSpec
from blackboard.failpoints import reach
from blackboard.forecast import value_at
from blackboard.store import activations as A
from blackboard.store import marks as M
from blackboard.store import watching as W
from blackboard.store.rows import ActivationRow, CrossingRow, EventRow, MarkRow

__all__ = ["Claim", "GivenRow", "claim", "held_back", "may_claim", "next_ready", "resting", "stirring"]

DEFAULT_BATCH = 100
"""Most marks in one activation of a watch over subjects, where the agent sets no batch."""


@dataclass(frozen=True)
class GivenRow:
    """A mark as an activation was given it: the event that is its state, and its strength then."""

    event: EventRow
    strength: float
    deposited_at: int
    reinforcements: int
    role: str = "absorbed"


@dataclass(frozen=True)
class Claim:
    """An activation that this worker now runs."""

    row: ActivationRow
    agent: AgentSpec
    watch: str
    given: tuple[GivenRow, ...]
    reads: tuple[GivenRow, ...]
    at: int
    """The instant its marks were taken."""


@dataclass
class _Choice:
    """The marks and crossings that a new activation takes."""

    crossings: list[CrossingRow] = field(default_factory=list)
    given: dict[int, tuple[EventRow, float]] = field(default_factory=dict)


def claim(m: Moment, agent: AgentSpec, worker: str, lease: int) -> Claim | None:
    """The next activation of an agent, or None if nothing is ready or it is paused, resting or at its concurrency."""
    if resting(m, agent.name) is not None or m.tx.one(A.RUNNING_OF, agent=agent.name)[0] >= agent.settings.concurrency:
        return None
    if (found := m.tx.one(A.READY_TO_RETRY, agent=agent.name, now=m.now)) is not None:
        return _again(m, agent, ActivationRow(*found), worker, lease)
    for watch in _ready(m, agent):
        while (choice := _choose(m, watch)).crossings:
            if (fit := _without_loops(m, watch, choice)).crossings:
                return _begin(m, watch, fit, worker, lease)
    return None


def may_claim(m: Moment, name: str) -> bool:
    """Whether a claim for the agent could succeed: a cheap look before a transaction is begun for it."""
    agent = m.deployment.agents.get(name)
    if agent is None or resting(m, name) is not None:
        return False
    if m.tx.one(A.RUNNING_OF, agent=name)[0] >= agent.settings.concurrency:
        return False
    return m.tx.one(A.READY_TO_RETRY, agent=name, now=m.now) is not None or bool(_ready(m, agent))


def stirring(m: Moment) -> set[str]:
    """The agents for which anything waits, ready or not. On a quiet board of a thousand agents it is two questions."""
    agents = {row[0] for row in m.tx.all(A.AGENTS_WAITING)}
    after = 0
    while (found := m.tx.one(W.NEXT_WATCH_WAITING, after=after)[0]) is not None:
        after = found
        if (watch := m.in_force.watches.get(after)) is not None:
            agents.add(watch.agent.name)
    return agents


def resting(m: Moment, agent: str) -> tuple[str, int | None] | None:
    """Why an agent wakes for nothing now, and until when (None: until a person resumes it); None if it may."""
    board = m.tx.one(A.BOARD)
    if board[5]:
        return f"the board is paused{_because(board[6])}", None
    state = m.tx.one(A.AGENT_STATE, agent=agent)
    if state is None:
        return None
    _, paused, because, rest_until, _failures = state
    if paused:
        return f"it is paused{_because(because)}", None
    if rest_until is not None and rest_until > m.now:
        return "it rests", rest_until
    return None


def held_back(m: Moment, watch: Watch) -> tuple[str, int | None] | None:
    """Why a budget holds a watch back, and until when; None if none does.

    While one of its activations waits for a window to turn, no other is begun: what crosses meanwhile waits on the
    agenda, and goes in full batches afterwards.
    """
    found = m.tx.one(A.HELD_OF_WATCH, agent=watch.agent.name, watch_id=watch.id, now=m.now)
    return None if found is None else (found[0] or "held", found[1])


def next_ready(m: Moment, agent: AgentSpec) -> int | None:
    """The next instant at which something of the agent's will be ready by itself; None if nothing will."""
    rest = resting(m, agent.name)
    if rest is not None:
        return rest[1]
    instants = [m.tx.one(A.NEXT_RETRY, agent=agent.name, now=m.now)[0]]
    instants += [
        m.tx.one(W.NEXT_READY, watch_id=watch.id, now=m.now)[0] for watch in m.in_force.of_agent.get(agent.name, ())
    ]
    return min((at for at in instants if at is not None), default=None)


def _because(reason: str | None) -> str:
    return f": {reason}" if reason else ""


def _ready(m: Moment, agent: AgentSpec) -> list[Watch]:
    """The agent's watches with something to do now."""
    ready = []
    for watch in m.in_force.of_agent.get(agent.name, ()):
        waits = m.tx.one(W.READY, watch_id=watch.id, now=m.now) is not None or _full(m, watch)
        if waits and held_back(m, watch) is None:
            ready.append(watch)
    return ready


def _full(m: Moment, watch: Watch) -> bool:
    batch = watch.agent.settings.batch
    if batch is None or not watch.agent.settings.gather:
        return False
    return m.tx.one(W.GATHERED, watch_id=watch.id, limit=batch)[0] >= batch  # type: ignore[no-any-return]


def _choose(m: Moment, watch: Watch) -> _Choice:
    """Take the strongest crossings that nothing holds back, up to the batch."""
    choice = _Choice()
    batch = watch.agent.settings.batch or (None if watch.over_board else DEFAULT_BATCH)
    candidates = _candidates(m, watch, batch or DEFAULT_BATCH)
    for crossing in candidates:
        if batch is not None and len(choice.given) >= batch:
            break
        if _held(m, watch, crossing):
            continue
        if not watch.falling and _gone(m, watch, crossing):
            _fade(m, watch, crossing)
            continue
        given = _marks_behind(m, watch, crossing)
        room = len(given) if batch is None else batch - len(choice.given)
        if choice.given and len(given) > room and watch.condition.scope == "subject":
            continue  # the marks of one subject go together
        choice.crossings.append(crossing)
        choice.given.update({event.mark_id: (event, strength) for event, strength in given[:room]})
    if candidates and not choice.crossings:
        m.wakes = True  # all that was looked at is held back, but there may be more
    return choice


def _candidates(m: Moment, watch: Watch, batch: int) -> list[CrossingRow]:
    law = m.kind(watch.condition.kinds[0]).decay
    key = m.laws.key(m.tx, law)
    orderly = law.order_key(1.0, 0) is not None
    limit = 2 * batch + 20
    rows = [
        CrossingRow(*values)
        for values in m.tx.all(
            W.CANDIDATES_OF_LAW, watch_id=watch.id, law=key, now=m.now, limit=limit if orderly else 10_000
        )
    ]
    others = m.tx.all(W.CANDIDATES_OF_OTHER_LAWS, watch_id=watch.id, law=key, now=m.now, limit=10_000)
    if orderly and not others:
        return rows  # strongest first already: the order of one law is that of its keys, at every instant
    rows += [CrossingRow(*values) for values in others]
    return strongest_first((_strength_behind(m, watch, row), row.id, row) for row in rows)


def _strength_behind(m: Moment, watch: Watch, crossing: CrossingRow) -> float:
    if crossing.mark_id:
        return max((strength for _, strength in _mark_behind(m, crossing)), default=0.0)
    law = m.laws.get(m.tx, crossing.law)
    at_crossing = law.order_key(crossing.value, crossing.noticed_at)
    if at_crossing is None or crossing.order_key is None:
        return crossing.value
    # The order key is log2 of the value brought to a common instant, so differences of keys are factors of strength.
    now = law.order_key(1.0, m.now)
    return float(2.0 ** min(1000.0, crossing.order_key - (now or 0.0)))


def _held(m: Moment, watch: Watch, crossing: CrossingRow) -> bool:
    """Whether a guard or a rest of the subject holds a crossing back; notes until when."""
    if watch.agent.settings.rest_per == "subject" and watch.agent.settings.rest:
        rest = m.tx.one(A.REST_OF, agent=watch.agent.name, subject=crossing.subject)
        if rest is not None and rest[0] > m.now:
            m.tx.run(W.HOLD_CROSSING, key=crossing.id, held="rest", ready_at=rest[0])
            return True
    if watch.falling:
        return False  # its guard was judged at the crossing
    open_now, opens = falling.guard_opens(m, watch, crossing.subject)
    if not open_now:
        m.tx.run(W.HOLD_CROSSING, key=crossing.id, held="guard", ready_at=opens)
    elif crossing.held is not None:
        m.tx.run(W.HOLD_CROSSING, key=crossing.id, held=None, ready_at=m.now)
    return not open_now


def _gone(m: Moment, watch: Watch, crossing: CrossingRow) -> bool:
    """Whether the stimuli have faded below the threshold, for an agent that then wants to be left alone."""
    if watch.agent.settings.when_faded != "drop":
        return False
    if crossing.mark_id:
        live = m.live(m.tx.all(M.GET_MARK, id=crossing.mark_id))
        return not any(m.strength(row) >= watch.threshold for row in live)
    return not rising.still_holds(m, watch, crossing.subject)


def _fade(m: Moment, watch: Watch, crossing: CrossingRow) -> None:
    reason = f"{watch.condition} ({crossing.value:.4g} at the crossing) has faded"
    row = falling.closed_activation(m, watch, crossing.subject, "faded", reason, crossing.crossed_at)
    m.tx.run(A.INSERT_ACTIVATION, **row)
    m.tx.run(
        W.CLOSE_CROSSING,
        key=crossing.id,
        state="faded",
        activation_id=m.tx.one(A.LAST_ACTIVATION)[0],
        closed_at=m.now,
    )


def _marks_behind(m: Moment, watch: Watch, crossing: CrossingRow) -> list[tuple[EventRow, float]]:
    """The marks that a crossing gives, strongest first: even if they have evaporated since, for it is a fact."""
    if crossing.mark_id:
        return _mark_behind(m, crossing)
    if watch.falling:
        rows = _live_marks(m, watch, crossing.subject)
    elif watch.over_board:
        rows = totals.stimuli_of_board(m, watch)
    else:
        rows = _of_sides_that_hold(m, watch, rising.stimuli_of_subject(m, watch, crossing.subject))
    pairs = [(_event_of(m, row), m.strength(row)) for row in rows]
    pairs = pairs or [(event, _strength(m, event)) for event in _evaporated(m, watch, crossing)]
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0].id))


def _mark_behind(m: Moment, crossing: CrossingRow) -> list[tuple[EventRow, float]]:
    """The mark that a crossing of one mark is about: as it lies there, or as it was last."""
    if (found := m.tx.one(M.GET_MARK, id=crossing.mark_id)) is not None:
        row = MarkRow(*found)
        return [(_event_of(m, row), m.strength(row))]
    last = m.tx.one(M.LAST_DEPOSIT, subject=crossing.subject, mark_id=crossing.mark_id)
    return [] if last is None else [(EventRow(*last), _strength(m, EventRow(*last)))]


def _of_sides_that_hold(m: Moment, watch: Watch, rows: list[MarkRow]) -> list[MarkRow]:
    """`|` absorbs the sides that hold; where all have faded, or all must hold, every side."""
    faded = [m.faded(row) for row in rows]
    kinds = {
        kind
        for leaf in _holding(watch.condition, lambda leaf: leaf.met(value_at(leaf.measure, faded, m.now)))
        for kind in leaf.measure.kinds
    }
    return [row for row in rows if row.kind in kinds] or rows


def _holding(condition: Condition, decide: Callable[[Comparison], bool]) -> Iterator[Comparison]:
    """The comparisons that make a condition true: of `|`, those of the sides that hold."""
    if condition.truth(decide):
        if isinstance(condition, Combination):
            for part in condition.parts:
                yield from _holding(part, decide)
        else:
            yield from condition.leaves()


def _evaporated(m: Moment, watch: Watch, crossing: CrossingRow) -> list[EventRow]:
    """The marks that stood behind a crossing and have all evaporated since, whether they were moved already or not."""
    gone = [(row.id, row.subject, row.evaporates_at) for row in _lying(m, watch, crossing.subject)]
    for kind in watch.condition.kinds:
        moved = (EventRow(*values) for values in m.tx.all(M.GONE_SINCE, kind=kind, since=crossing.event_id or 0))
        gone += [(event.mark_id, event.subject, event.evaporates_at) for event in moved]
    events = []
    for mark_id, subject, ended in gone:
        if ended is None or not crossing.crossed_at <= ended <= m.now:
            continue
        if (crossing.subject and subject != crossing.subject) or not watch.covers(subject):
            continue
        last = m.tx.one(M.LAST_DEPOSIT, subject=subject, mark_id=mark_id)
        if last is not None and (watch.falling or _counted(m, watch, EventRow(*last))):
            events.append(EventRow(*last))
    return events


def _counted(m: Moment, watch: Watch, event: EventRow) -> bool:
    """Whether a mark that is gone since was a stimulus: what is absorbed of a mark is forgotten when it goes."""
    if event.author == watch.not_author or (watch.over_board and event.id <= totals.watermark(m, watch)):
        return False
    return m.tx.one(A.GIVEN_BEFORE, watch_id=watch.id, mark_id=event.mark_id, event_id=event.id) is None


def _lying(m: Moment, watch: Watch, subject: str) -> list[MarkRow]:
    """Every mark of the watch's kinds that was not moved to the history yet, of one subject or of the board."""
    rows: list[MarkRow] = []
    for kind in watch.condition.kinds:
        found = (
            m.tx.all(M.MARKS_OF_KIND, kind=kind)
            if watch.over_board
            else m.tx.all(M.MARKS_OF_SUBJECT, kind=kind, subject=subject)
        )
        rows += [MarkRow(*values) for values in found]
    return rows


def _live_marks(m: Moment, watch: Watch, subject: str) -> list[MarkRow]:
    return [row for row in m.live(_lying(m, watch, subject)) if watch.covers(row.subject)]


def _event_of(m: Moment, row: MarkRow) -> EventRow:
    return EventRow(*m.tx.one(M.GET_EVENT, id=row.event_id))


def _strength(m: Moment, event: EventRow) -> float:
    """The strength now of the state that an event produced."""
    law = m.laws.get(m.tx, event.law)
    return m.kind(event.kind).weight * event.intensity * law.share(max(0, m.now - event.at))


def _without_loops(m: Moment, watch: Watch, choice: _Choice) -> _Choice:
    """Set aside what goes round in circles, ask a person about it, and return the rest."""
    name = watch.agent.name
    if (reason := loops.too_often(m, watch.agent)) is not None:
        _set_aside(m, watch, choice, f"agent/{name}", reason)
        return _Choice()
    events = [event for event, _ in choice.given.values()]
    if loops.depth(m, events) <= min(watch.agent.settings.max_depth, loops.SHORTEST - 1):
        return choice
    fit = _Choice()
    for crossing in choice.crossings:
        part = _Choice([crossing], {key: pair for key, pair in choice.given.items() if _stands_behind(crossing, pair)})
        reason = loops.circles(m, watch.agent, crossing.subject, [event for event, _ in part.given.values()])
        if reason is None:
            fit.crossings.append(crossing)
            fit.given.update(part.given)
        else:
            _set_aside(m, watch, part, crossing.subject or f"agent/{name}", reason)
    return fit


def _stands_behind(crossing: CrossingRow, pair: tuple[EventRow, float]) -> bool:
    event, _ = pair
    if crossing.mark_id:
        return event.mark_id == crossing.mark_id
    return not crossing.subject or event.subject == crossing.subject


def _set_aside(m: Moment, watch: Watch, choice: _Choice, subject: str, reason: str) -> None:
    row = _new(m, watch, choice, state="aside", finished_at=m.now, error=reason)
    _read(m, watch.agent, row.id, tuple(_given(m, event, strength) for event, strength in choice.given.values()))
    loops.ask(m, subject, reason, row.id)
    m.wakes = True


def _begin(m: Moment, watch: Watch, choice: _Choice, worker: str, lease: int) -> Claim:
    row = _new(
        m,
        watch,
        choice,
        state="running",
        started_at=m.now,
        attempt=1,
        worker=worker,
        lease_until=m.now + lease,
        fence=1,
    )
    given = tuple(_given(m, event, strength) for event, strength in choice.given.values())
    reads = _read(m, watch.agent, row.id, given)
    return Claim(row, watch.agent, watch.spec.name, given, reads, m.now)


def _new(m: Moment, watch: Watch, choice: _Choice, **state: Any) -> ActivationRow:
    """Record an activation with the crossings and marks that it takes."""
    lead = choice.crossings[0]
    subjects = {crossing.subject for crossing in choice.crossings}
    sign = "<" if watch.falling else ">="
    more = f" and {len(choice.crossings) - 1} more" if len(choice.crossings) > 1 else ""
    row = ActivationRow(
        id=(m.tx.one(A.LAST_ACTIVATION)[0] or 0) + 1,
        agent=watch.agent.name,
        watch_id=watch.id,
        subject=subjects.pop() or None if len(subjects) == 1 else None,
        state="",
        reason=f"{watch.condition}: {lead.value:.4g} {sign} {lead.threshold:.4g}{more}",
        crossed_at=min(crossing.crossed_at for crossing in choice.crossings),
        created_at=m.now,
        started_at=None,
        finished_at=None,
        retry_at=None,
        attempt=0,
        interruptions=0,
        error=None,
        worker=None,
        lease_until=None,
        fence=0,
        depth=loops.depth(m, (event for event, _ in choice.given.values())),
        marks_absorbed=len(choice.given),
        marks_left=0,
    )._replace(**state)
    values = row._asdict()
    m.tx.run(A.INSERT_ACTIVATION, **{name: value for name, value in values.items() if name != "id"})
    row = row._replace(id=m.tx.one(A.LAST_ACTIVATION)[0])
    for crossing in choice.crossings:
        m.tx.run(W.CLOSE_CROSSING, key=crossing.id, state="claimed", activation_id=row.id, closed_at=None)
    reach("claim.within")
    _absorb(m, watch, row.id, choice)
    return row


def _absorb(m: Moment, watch: Watch, activation_id: int, choice: _Choice) -> None:
    whole_board = watch.over_board and not watch.falling
    if whole_board:
        stimuli = {row.id: row for row in totals.stimuli_of_board(m, watch)}
        everything = set(stimuli) <= set(choice.given)
        if everything:
            for mark_id, (event, strength) in choice.given.items():
                _give(m, activation_id, mark_id, event, strength, None)
            m.tx.run(W.SET_WATERMARK, key=watch.id, watermark=m.last_event)
            m.tx.run(W.DROP_ABSORBED_UPTO, watch_id=watch.id, watermark=m.last_event)
            totals.forget(m, watch)
            return
        if totals.keeps_totals(watch):
            for mark_id in choice.given.keys() & stimuli.keys():
                totals.add(m, watch, stimuli[mark_id], -1)
    for mark_id, (event, strength) in choice.given.items():
        before = None if watch.falling else rising.absorb(m, watch, mark_id, event.id, activation_id)
        _give(m, activation_id, mark_id, event, strength, before)


def _give(m: Moment, activation_id: int, mark_id: int, event: EventRow, strength: float, before: int | None) -> None:
    m.tx.run(
        A.INSERT_GIVEN,
        activation_id=activation_id,
        mark_id=mark_id,
        role="absorbed",
        event_id=event.id,
        strength=strength,
        previous_event_id=before,
    )


def _given(m: Moment, event: EventRow, strength: float, role: str = "absorbed") -> GivenRow:
    first = event.at
    repeats = 0
    if event.id != event.mark_id:
        found = m.tx.one(M.GET_EVENT, id=event.mark_id)
        first = event.at if found is None else found[1]
        repeats = m.tx.one(M.COUNT_REINFORCEMENTS, subject=event.subject, mark_id=event.mark_id)[0]
    return GivenRow(event, strength, first, repeats, role)


def _read(m: Moment, agent: AgentSpec, activation_id: int, given: tuple[GivenRow, ...]) -> tuple[GivenRow, ...]:
    """The marks that the agent is shown besides, frozen with the activation so that a retry sees the same."""
    taken = {one.event.mark_id for one in given}
    shown: dict[int, GivenRow] = {}
    for read in agent.reads:
        subjects = list(dict.fromkeys(one.event.subject for one in given)) if read.same_subject else [None]
        for subject in subjects:
            for row, strength in strongest(m, read.kind, read.limit, subject):
                if row.id not in taken and row.id not in shown:
                    shown[row.id] = _given(m, _event_of(m, row), strength, "read")
    for one in shown.values():
        m.tx.run(
            A.INSERT_GIVEN,
            activation_id=activation_id,
            mark_id=one.event.mark_id,
            role="read",
            event_id=one.event.id,
            strength=one.strength,
            previous_event_id=None,
        )
    return tuple(shown.values())


def strongest(m: Moment, kind: str, limit: int, subject: str | None = None) -> list[tuple[MarkRow, float]]:
    """The strongest live marks of a kind, of one subject or of the board, with their strengths."""
    m.kind(kind)
    if subject is not None:
        found = m.tx.all(
            M.live_by(kind=True, subject=True, law=False, ordered="strength", limited=True, weakest=False),
            as_of=m.now, kind=kind, subject=subject, limit=limit,
        )  # fmt: skip
        return [(MarkRow(*values[:-2]), values[-1]) for values in found]
    pairs: list[tuple[MarkRow, float]] = []
    after = ""
    while (row := m.tx.one(M.LAWS_IN_USE, kind=kind, after=after)) is not None:
        after = row[0]
        orderly = m.laws.get(m.tx, after).order_key(1.0, 0) is not None and (kind, after) not in m.in_force.following
        statement = M.live_by(
            kind=True,
            subject=False,
            law=True,
            ordered="order_key" if orderly else "strength",
            limited=True,
            weakest=False,
        )
        found = m.tx.all(statement, as_of=m.now, kind=kind, law=after, limit=limit)
        pairs += [(MarkRow(*values[:-2]), values[-1]) for values in found]
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0].id))[:limit]


def _again(m: Moment, agent: AgentSpec, row: ActivationRow, worker: str, lease: int) -> Claim:
    """Start an activation that failed, was interrupted or was handed back, with the same marks."""
    row = row._replace(
        state="running",
        started_at=m.now,
        attempt=row.attempt + 1,
        worker=worker,
        lease_until=m.now + lease,
        fence=row.fence + 1,
        retry_at=None,
    )
    m.tx.run(
        A.START_ACTIVATION,
        key=row.id,
        state=row.state,
        started_at=row.started_at,
        attempt=row.attempt,
        worker=worker,
        lease_until=row.lease_until,
        fence=row.fence,
        retry_at=None,
    )
    given, reads = given_to(m, row.id)
    watch = m.in_force.watches.get(row.watch_id)
    return Claim(row, agent, watch.spec.name if watch else "", given, reads, row.created_at)


def given_to(m: Moment, activation_id: int) -> tuple[tuple[GivenRow, ...], tuple[GivenRow, ...]]:
    """The marks that an activation was given, and those that it was shown besides, as they were then."""
    given: list[GivenRow] = []
    reads: list[GivenRow] = []
    for values in m.tx.all(A.GIVEN, activation_id=activation_id):
        _, role, _, strength, _, *event = values
        if event[0] is None:
            continue  # its history was removed
        one = _given(m, EventRow(*event), strength, role)
        (reads if role == "read" else given).append(one)
    return tuple(given), tuple(reads)
