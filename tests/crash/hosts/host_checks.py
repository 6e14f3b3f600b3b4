"""What must be true of a board that hosts share, checked on the database server by SQL alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from itertools import pairwise

from tests.crash.hosts.database_server import Query
from tests.crash.hosts.host_agents import METERED
from tests.crash.hosts.planned_marks import NEEDED, plan_mark
from tests.crash.invariants import AT_REST, INVARIANTS, UNREGISTERED, Broken, check_empty

__all__ = ["all_registered", "check", "check_end", "number_stored", "rests"]

EVENT_NUMBER = "CAST(CAST(payload AS json) ->> 'n' AS bigint)"
OUTSIDE = ("lead", "tally", "ember")
"""The kinds that depositors deposit."""

AT_EVERY_INSTANT = {law: query for law, query in INVARIANTS.items() if law != UNREGISTERED}
"""The laws that faults of a network cannot break even for a moment.

A worker whose own session ended counts as dead. If it works on, it claims work until it registers again.
"""

REMAINS = """
SELECT (SELECT count(*) FROM crossing WHERE state IN ('waiting', 'claimed'))
  + (SELECT count(*) FROM mark WHERE kind = 'ember')
  + (SELECT count(*) FROM activation WHERE state IN ('ready', 'running'))
"""


def check(query: Query, acknowledged: Mapping[int, tuple[int, int]]) -> None:
    """Check every law of every instant, that time never went back, and that acknowledged deposits exist once.

    Args:
        query: Queries one snapshot.
        acknowledged: The mark and the event of each deposit that was acknowledged, by its number.

    Raises:
        Broken: A law is violated.
    """
    check_empty(query, AT_EVERY_INSTANT)
    times = [at for (at,) in query("SELECT recorded_at FROM event ORDER BY id")]
    if back := [(one, other) for one, other in pairwise(times) if other < one]:
        raise Broken(f"time went back between two events {len(back)} times: {back[:3]}")
    found = _deposited(query, OUTSIDE)
    if doubled := [n for n, number in found.items() if number > 1]:
        raise Broken(f"{len(doubled)} deposits are doubled: {sorted(doubled)[:5]}")
    ids_of_events = dict(query(f"SELECT {EVENT_NUMBER}, id FROM event WHERE kind IN {OUTSIDE} AND payload IS NOT NULL"))
    if lost := [n for n in acknowledged if n not in ids_of_events]:
        raise Broken(f"{len(lost)} acknowledged deposits are lost: {sorted(lost)[:5]}")
    if other := [(n, event, ids_of_events[n]) for n, (_, event) in acknowledged.items() if ids_of_events[n] != event]:
        raise Broken(f"{len(other)} deposits were acknowledged with other events than they have: {sorted(other)[:5]}")


def all_registered(query: Query) -> bool:
    """Return whether every worker that runs an activation is registered."""
    return not query(INVARIANTS[UNREGISTERED])


def rests(query: Query) -> bool:
    """Return whether no work remains."""
    [[remaining]] = query(REMAINS)
    return not remaining


def number_stored(query: Query, numbers: Collection[int]) -> int:
    """Return how many of some deposits are stored."""
    return len(set(numbers) & _deposited(query, OUTSIDE).keys())


def check_end(query: Query, seed: int, acknowledged: Collection[int], unknown: Collection[int], killed: int) -> None:
    """Check that each deposit had its effects once, and that nothing is left over.

    Args:
        query: Queries one snapshot of a board at rest, whose processes have all ended.
        seed: The seed of the run.
        acknowledged: The numbers of the deposits that were acknowledged.
        unknown: The numbers of those whose outcome nobody was told.
        killed: How many processes were killed.

    Raises:
        Broken: Something was lost or doubled, or is left over.
    """
    found = _deposited(query, OUTSIDE)
    if strange := found.keys() - set(acknowledged) - set(unknown):
        raise Broken(f"{len(strange)} deposits are stored that were refused: {sorted(strange)[:5]}")
    plan = {n: plan_mark(seed, n) for n in found}
    _compare(
        "replies", (n for n, item in plan.items() if item.kind == "lead" and item.intensity >= NEEDED), query, "reply"
    )
    _compare("filed replies", _deposited(query, ["reply"]), query, "filed")
    _compare("embers that are cold", (n for n, item in plan.items() if item.kind == "ember"), query, "cold")
    _check_sums(query, {n: (item.subject, item.intensity) for n, item in plan.items() if item.kind == "tally"})
    _check_meter(query)
    check_empty(query, AT_REST)
    if wrong := query("SELECT id, agent, state, error FROM activation WHERE state <> 'done'"):
        raise Broken(f"{len(wrong)} activations are not done: {wrong[:3]}")
    [[left]] = query("SELECT count(*) FROM writer")  # each process that writes has a row, and removes it at its end
    if left > killed:
        raise Broken(f"{left} rows of the table writer are left over by {killed} processes that were killed")


def _deposited(query: Query, kinds: Collection[str]) -> Counter[int]:
    """Return how often each number was deposited. Each deposit is an event with a payload."""
    names = ", ".join(f"'{kind}'" for kind in kinds)
    rows = query(
        f"SELECT {EVENT_NUMBER} FROM event WHERE kind IN ({names}) AND event IN ('deposited', 'reinforced', 'replaced')"
    )
    return Counter(n for (n,) in rows)


def _compare(what: str, expected: Iterable[int], query: Query, kind: str) -> None:
    wanted, found = Counter(expected), _deposited(query, [kind])
    if lost := wanted - found:
        raise Broken(f"{lost.total()} {what} are missing: {sorted(lost)[:5]}")
    if more := found - wanted:
        raise Broken(f"{more.total()} {what} are too many: {sorted(more)[:5]}")


def _check_sums(query: Query, deposited: Mapping[int, tuple[str, float]]) -> None:
    """Check that the mark of each sum has the sum of its deposits."""
    sums: Counter[str] = Counter()
    for subject, intensity in deposited.values():
        sums[subject] += intensity  # type: ignore[assignment]
    found = dict(query("SELECT subject, intensity FROM mark WHERE kind = 'tally'"))
    if wrong := [
        subject for subject in sums.keys() | found.keys() if abs(sums[subject] - found.get(subject, 0.0)) > 1e-6
    ]:
        raise Broken(f"the sums of {sorted(wrong)} are {found}, not {dict(sums)}")


def _check_meter(query: Query) -> None:
    """Check the watch over the board against its definition, deposit by deposit in the order of their events.

    It crosses at the deposit that makes enough new leads. Its activation takes all leads that are on the board when it
    is claimed, and no later activation takes them again.

    Raises:
        Broken: It crossed at another deposit, not at all, or too often, or a lead was given twice or left out.
    """
    leads = query(
        "SELECT e.id, e.recorded_at, i.activation_id FROM event e LEFT JOIN (SELECT i.event_id, i.activation_id"
        " FROM activation_input i JOIN activation a ON a.id = i.activation_id"
        " WHERE a.agent = 'meter' AND i.role = 'absorbed') i ON i.event_id = e.id WHERE e.kind = 'lead' ORDER BY e.id"
    )
    crossed = dict(query("SELECT id, crossed_at FROM activation WHERE agent = 'meter'"))
    groups: dict[int | None, list[int]] = {}
    for _, at, activation in leads:
        groups.setdefault(activation, []).append(at)
    order = [activation for activation in groups if activation is not None]
    rest = groups.get(None, [])
    given = [activation for _, _, activation in leads if activation is not None]
    if given != sorted(given) or len(leads) - len(rest) != len(given) or (rest and leads[-1][2] is not None):
        raise Broken(f"the leads were not given to the meter in the order of their events: {order}")
    if sorted(order) != sorted(crossed):
        raise Broken(f"the meter was woken {len(crossed)} times, and was given leads {len(order)} times")
    for activation in order:
        if len(groups[activation]) < METERED or groups[activation][METERED - 1] != crossed[activation]:
            raise Broken(
                f"activation {activation} of the meter, with {len(groups[activation])} leads, crossed too early or late"
            )
    if len(rest) >= METERED:
        raise Broken(f"the meter was not woken by the last {len(rest)} leads")
