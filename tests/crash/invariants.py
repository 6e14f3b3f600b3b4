"""What holds for a board after any crash, at every instant, checked from outside by SQL alone."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from blackboard.store.dialects.sqlite_library import sqlite
from blackboard.system.files.board_files import BoardFiles
from tests.support.bounds import BOUND_SECONDS

__all__ = [
    "AT_REST",
    "INVARIANTS",
    "UNREGISTERED",
    "Broken",
    "check",
    "check_cooled",
    "check_empty",
    "check_finished",
    "check_groups",
    "check_lasting",
    "check_messages",
    "check_needs",
    "check_recovered",
    "check_search",
    "check_tolls",
    "check_windows",
    "clear_deaths",
    "rows",
]

UNREGISTERED = "an activation runs for a worker that is not registered"

INVARIANTS = {
    "a crossing of one mark's event was recorded twice": """
        SELECT watch_id, mark_id, event_id FROM crossing WHERE mark_id > 0 AND cause IS NULL
        GROUP BY 1, 2, 3 HAVING count(*) > 1""",
    "a watch over time crossed twice at one instant": """
        SELECT watch_id, scope, mark_id, crossed_at FROM crossing WHERE cause IS NOT NULL
        GROUP BY 1, 2, 3, 4 HAVING count(*) > 1""",
    "a crossing waits and has an activation": """
        SELECT id FROM crossing WHERE state = 'waiting' AND activation_id IS NOT NULL""",
    "a claimed crossing has no activation at work": """
        SELECT c.id, a.state FROM crossing c LEFT JOIN activation a ON a.id = c.activation_id
        WHERE c.state = 'claimed' AND coalesce(a.state, '') NOT IN ('ready', 'running', 'held', 'dead',
        'quarantined')""",
    "a crossing is done and its activation is not": """
        SELECT c.id, a.state FROM crossing c LEFT JOIN activation a ON a.id = c.activation_id
        WHERE c.state = 'done' AND coalesce(a.state, '') <> 'done'""",
    "an activation is done and its crossing is not": """
        SELECT a.id, c.state FROM activation a JOIN crossing c ON c.activation_id = a.id
        WHERE a.state = 'done' AND c.state <> 'done'""",
    "an activation that is not done has recorded an event": """
        SELECT e.id, a.state FROM event e LEFT JOIN activation a ON a.id = e.activation_id
        WHERE e.activation_id IS NOT NULL AND coalesce(a.state, '') <> 'done'""",
    "an activation deposited more marks than it says": """
        SELECT a.id, a.marks_deposited, count(e.id) FROM activation a LEFT JOIN event e ON e.activation_id = a.id
        AND e.payload IS NOT NULL WHERE a.state = 'done' GROUP BY a.id HAVING count(e.id) > a.marks_deposited""",
    "one event was absorbed twice by one watch": """
        SELECT a.watch_id, g.mark_id, g.event_id FROM activation_input g JOIN activation a ON a.id = g.activation_id
        JOIN watch w ON w.id = a.watch_id
        WHERE g.role = 'absorbed' AND w.condition NOT LIKE '%within=%' AND w.condition NOT LIKE 'count(%) < %'
        AND NOT EXISTS (
          SELECT 1 FROM crossing c WHERE c.watch_id = a.watch_id AND c.cause IS NOT NULL
        )
        GROUP BY 1, 2, 3 HAVING count(*) > 1""",
    "a schedule woke its agent twice for one instant": """
        SELECT watch_id, scheduled_for FROM activation WHERE scheduled_for IS NOT NULL
        GROUP BY 1, 2 HAVING count(*) > 1""",
    "a schedule came late without anybody knowing when": """
        SELECT id FROM crossing WHERE measure = 'schedule' AND noticed_at < crossed_at""",
    UNREGISTERED: """
        SELECT id, worker FROM activation WHERE state = 'running' AND worker NOT IN (SELECT id FROM worker)
        AND worker NOT LIKE 'remote:%'""",
    "a key was kept and its mark was not": """
        SELECT k.key FROM deposit_key k LEFT JOIN event e ON e.id = k.event_id WHERE e.id IS NULL""",
    "a paid answer was paid for twice": """
        SELECT activation_id FROM model_call WHERE state IN ('answered', 'applied')
        GROUP BY activation_id HAVING count(*) > 1""",
}
"""Queries that must return no row, in a file and on PostgreSQL."""

EMPTY = INVARIANTS | {
    "a mark from outside has no key": """
        SELECT id FROM event WHERE event = 'deposited' AND activation_id IS NULL AND author <> 'blackboard'
        AND kind NOT IN ('decision', 'secret') AND id NOT IN (SELECT event_id FROM deposit_key)""",
    "a need was said to be overdue twice, or at another time than it was due": """
        SELECT o.payload ->> '$.need' FROM event o WHERE o.kind = 'overdue' AND o.event = 'deposited'
        GROUP BY 1 HAVING count(*) > 1
        UNION ALL
        SELECT open_need.mark_id FROM event o JOIN open_need ON open_need.mark_id = o.payload ->> '$.need'
        WHERE o.kind = 'overdue' AND o.event = 'deposited'
        AND (o.occurred_at <> open_need.due_at OR open_need.remind_at IS NOT NULL)""",
}
"""Queries that must return no row in a file of a world, all of whose deposits have keys."""

AT_REST = {
    "a crossing still waits": "SELECT id, watch_id, held_by FROM crossing WHERE state = 'waiting'",
    "an activation is still at work": "SELECT id, state, error FROM activation WHERE state IN ('ready', 'running')",
    "a worker never signed off": "SELECT id FROM worker",
}
"""Queries that must return no row when all work is done and every process has ended in order."""


class Broken(AssertionError):
    """A violated invariant."""


@contextmanager
def rows(path: Path) -> Iterator[Any]:
    """Return a function that queries the file. The connection is closed before the next fork."""
    with closing(sqlite.connect(path, isolation_level=None, timeout=BOUND_SECONDS)) as connection:
        yield lambda query, *values: connection.execute(query, values).fetchall()


def check(path: Path, acknowledged: Mapping[str, tuple[int, int]]) -> None:
    """Check every invariant, and check that acknowledged deposits (key: mark and event id) exist.

    Raises:
        Broken: An invariant is violated.
    """
    try:
        with rows(path) as query:
            query("BEGIN")  # one snapshot, because other processes may go on writing
            if (found := query("PRAGMA integrity_check")) != [("ok",)]:
                raise Broken(f"integrity_check: {found[:5]}")
            check_empty(query, EMPTY)
            kept = {key: (mark, event) for key, mark, event in query("SELECT key, mark_id, event_id FROM deposit_key")}
            if lost := {key for key, ids in acknowledged.items() if kept.get(key) != ids}:
                raise Broken(f"acknowledged deposits are lost or changed: {sorted(lost)[:5]}")
    except sqlite3.Error as error:
        raise Broken(f"the file cannot be read: {error}") from error


def check_search(path: Path, texts: set[str]) -> None:
    """Check that the full-text index has exactly these texts, and that FTS5 finds it equal to them.

    Raises:
        Broken: It has others.
    """
    with rows(path) as query:
        # A depositor may be killed before it forgets its secret.
        found = query("SELECT text FROM search_text WHERE text <> 'quetzalcoatl'")
        query("BEGIN IMMEDIATE")
        try:
            query("INSERT INTO search_index (search_index, rank) VALUES ('integrity-check', 1)")
        except sqlite.Error as error:
            raise Broken(f"the full-text index does not equal the marks: {error}") from error
        finally:
            query("ROLLBACK")
    if {text for (text,) in found} != texts or len(found) != len(texts):
        raise Broken(f"the full-text index has {found[:5]} instead of {texts}")


def clear_deaths(path: Path) -> None:
    """Take the deaths so far from the activations: no mark is to blame for the kills of the harness."""
    with rows(path) as query:
        query("UPDATE activation SET deaths = NULL WHERE deaths > 0")


def check_recovered(path: Path, alive: set[int]) -> None:
    """Check that no activation runs in the name of a dead worker, given the live process ids.

    A remote worker has nothing but its lease, so its work may run until that ends.
    """
    with rows(path) as query:
        for number, worker in query(
            "SELECT id, worker FROM activation WHERE state = 'running' AND worker NOT LIKE 'remote:%'"
        ):
            if int(worker.split("-")[-2]) not in alive:
                raise Broken(f"activation {number} still runs for the dead worker {worker}")


def check_finished(path: Path) -> None:
    """Check that no work waits or runs, no worker is registered, and dead workers left no lock or socket."""
    with rows(path) as query:
        check_empty(query, AT_REST)
    if left := sorted(file.name for file in BoardFiles(path).run_folder.iterdir() if file.suffix):
        raise Broken(f"dead workers left {left}")


def check_cooled(path: Path, smokes: int) -> None:
    """Check that each of the deposited smokes exists once, went cold once and evaporated once.

    One that went cold before it was recorded is skipped, and has no chill.

    Raises:
        Broken: One did not, or more than once.
    """
    with rows(path) as query:
        left = Counter(
            query("SELECT json_extract(payload, '$.n') FROM event WHERE kind = 'smoke' AND event = 'deposited'")
        )
        chills = Counter(query("SELECT json_extract(payload, '$.of') FROM event WHERE kind = 'chill'"))
        chills += Counter(
            query(
                "SELECT json_extract(e.payload, '$.n') FROM crossing c JOIN event e ON e.id = c.mark_id"
                " WHERE c.state = 'skipped'"
            )
        )
        gone = query("SELECT mark_id FROM event WHERE kind = 'smoke' AND event = 'evaporated'")
    if len(left) != smokes or set(left.values()) - {1}:
        raise Broken(f"of {smokes} deposits there are {left.total()}, {len(left)} of them different")
    if left != chills:
        raise Broken(f"went cold other than once: missing {list(left - chills)[:5]}, more {list(chills - left)[:5]}")
    if len(gone) != len(left) or len(set(gone)) != len(gone):
        raise Broken(f"{len(left)} marks evaporated {len(gone)} times")


def check_lasting(path: Path, *, held_for: int, rewake_every: int) -> None:
    """Check that a watch over time crossed for each smoke that lasted, first and again at the right instants.

    A smoke lasts from its record until it goes cold, which another watch says.

    Raises:
        Broken: It crossed at another instant, or not at all.
    """
    crossings = "FROM crossing c JOIN watch w ON w.id = c.watch_id WHERE w.agent = ?"
    with rows(path) as query:
        begins = dict(query("SELECT mark_id, recorded_at FROM event WHERE kind = 'smoke' AND event = 'deposited'"))
        ends = dict(query(f"SELECT c.mark_id, c.crossed_at {crossings}", "warden"))
        found = query(f"SELECT c.mark_id, c.crossed_at, c.noticed_at, c.cause {crossings}", "vigil")
        states = query("SELECT mark_id FROM watch_state")
    held = {mark_id: at for mark_id, at, _, cause in found if cause == "held"}
    due = {mark_id: begin + held_for for mark_id, begin in begins.items() if begin + held_for < ends[mark_id]}
    if held != due:
        raise Broken(f"lasting smoke was noticed at {held.items() - due.items()}, not {due.items() - held.items()}")
    for mark_id, at, noticed_at, cause in found:
        if at > noticed_at or at >= ends[mark_id] or (cause == "rewake" and (at - due[mark_id]) % rewake_every):
            raise Broken(f"mark {mark_id} crossed ({cause}) at {at}, noticed at {noticed_at}, cold at {ends[mark_id]}")
    if states:
        raise Broken(f"states of {len(states)} marks are left")


def check_dropped(path: Path, chills: int) -> None:
    """Check that a guard that drops decided at each crossing, and that each activation is about one subject.

    Raises:
        Broken: It let a crossing through or dropped it wrongly, or a mark was given twice.
    """
    with rows(path) as query:
        chilled = sorted(at for (at,) in query("SELECT recorded_at FROM event WHERE kind = 'chill'"))
        found = query(
            "SELECT c.scope, c.crossed_at, c.state, a.state FROM crossing c JOIN watch w ON w.id = c.watch_id"
            " LEFT JOIN activation a ON a.id = c.activation_id WHERE w.agent = 'novice'"
        )
        given = query(
            "SELECT i.mark_id, count(*) FROM activation_input i JOIN activation a ON a.id = i.activation_id"
            " WHERE a.agent = 'novice' AND i.role = 'absorbed' GROUP BY i.mark_id HAVING count(*) > 1"
        )
    closes_at = chilled[chills - 1] if len(chilled) >= chills else None
    subjects = Counter(subject for subject, *_ in found)
    if given or not found or max(subjects.values()) > 1:
        raise Broken(f"marks were given or crossed twice: {given}, {subjects.most_common(3)}")
    for subject, at, state, activation in found:
        may_drop, may_pass = closes_at is not None and at >= closes_at, closes_at is None or at <= closes_at
        if (state, activation) not in (("skipped", "skipped"), ("done", "done")):
            raise Broken(f"the crossing of {subject} is {state}, its activation {activation}")
        if not (may_drop if state == "skipped" else may_pass):
            raise Broken(f"the crossing of {subject} at {at} is {state}; the guard closed at {closes_at}")


def check_tolls(path: Path, schedule: str, interval: int, end: int, *, catches_up: bool) -> None:
    """Check the tolls of a schedule: the marks that its agent deposits, each with the instant for which it woke.

    There is at most one for each instant of the schedule, and one for the last instant before the end. A schedule that
    catches up has one for every instant.

    Raises:
        Broken: A toll is missing, is there twice, or is for another instant.
    """
    with rows(path) as query:
        text = "SELECT payload ->> '$.at' FROM event WHERE kind = 'toll' AND payload ->> '$.schedule' = ?"
        tolls = sorted(int(at) for (at,) in query(text, schedule))
    due = range(interval, end + 1, interval)
    if len(set(tolls)) != len(tolls) or not set(tolls) <= set(due) or tolls[-1:] != [due[-1]]:
        raise Broken(f"{schedule} came at {tolls[-5:]}, once each until {due[-1]} was expected")
    if catches_up and tolls != list(due):
        raise Broken(f"{schedule} has missed {sorted(set(due) - set(tolls))[:5]}")


def check_decisions(path: Path, needs: int) -> None:
    """Check that each need was answered once, and that a judge's verdict came with its decision or not at all.

    Raises:
        Broken: That is not so.
    """
    with rows(path) as query:
        answered = query("SELECT json_extract(payload, '$.need'), author FROM event WHERE kind = 'decision'")
        closed = query("SELECT mark_id, author FROM event WHERE kind = 'need' AND event = 'withdrawn'")
        verdicts = query("SELECT json_extract(payload, '$.of') FROM event WHERE kind = 'verdict'")
        asked = query("SELECT id FROM event WHERE kind = 'need' AND event = 'deposited'")
        states = {state for (state,) in query("SELECT DISTINCT state FROM activation WHERE agent = 'judge'")}
    if (
        len(asked) != needs
        or sorted(answered) != sorted(closed)
        or sorted(asked) != sorted((need,) for need, _ in closed)
    ):
        raise Broken(f"of {len(asked)} needs, {len(answered)} are answered and {len(closed)} closed")
    by_judge = sorted((need,) for need, author in answered if author == "judge")
    if sorted(verdicts) != by_judge:
        raise Broken(f"{len(by_judge)} decisions of the judge came with {len(verdicts)} verdicts")
    if not states <= {"done", "skipped"}:
        raise Broken(f"an activation of the judge is {states - {'done', 'skipped'}}")


def check_needs(path: Path) -> None:
    """Check that each need that was open at its due time was said to be overdue, once, and a need that was not, never.

    What was said is gone if the need was answered later, and an agent has been given it otherwise.

    Raises:
        Broken: It was not, or at another instant, or it is still said of a need that was answered.
    """
    with rows(path) as query:
        asked = query(
            "SELECT id, recorded_at + rtrim(payload ->> '$.due', 's') * 1000000 FROM event WHERE kind = 'need'"
            " AND event = 'deposited'"
        )
        answered = query("SELECT payload ->> '$.need', recorded_at FROM event WHERE kind = 'decision'")
        said = query(
            "SELECT payload ->> '$.need', occurred_at FROM event WHERE kind = 'overdue' AND event = 'deposited'"
        )
        live = {need for (need,) in query("SELECT payload ->> '$.need' FROM mark WHERE kind = 'overdue'")}
        nudged = Counter(need for (need,) in query("SELECT payload ->> '$.of' FROM event WHERE kind = 'nudge'"))
        waiting = {need for (need,) in query("SELECT mark_id FROM open_need")}
    answers = dict(answered)
    due = {need: at for need, at in asked if need not in answers or at <= answers[need]}
    if len(answers) != len(answered) or len(said) != len(due) or dict(said) != due:
        raise Broken(
            f"said to be overdue: {set(said) ^ set(due.items())}; {len(answered) - len(answers)} answered twice"
        )
    unanswered = {need for need, _ in asked} - answers.keys()
    if live != unanswered or waiting != unanswered:
        raise Broken(f"still overdue: {live ^ unanswered}, still waiting: {waiting ^ unanswered}")
    if max(nudged.values()) > 1 or not unanswered <= nudged.keys() <= due.keys():
        raise Broken(f"an agent was given {nudged.most_common(3)}, and {unanswered - nudged.keys()} never")


def check_messages(path: Path, sent: Path, subjects: str) -> None:
    """Check that a program was told of each need, and of each that came due, at least once and under one id.

    Raises:
        Broken: It was not, or of something else.
    """
    received: dict[str, set[str]] = {}
    for line in sent.read_text("utf-8").splitlines():
        received.setdefault(json.loads(line)["id"], set()).add(line)
    if changed := {key for key, lines in received.items() if len(lines) > 1}:
        raise Broken(f"messages that said different things under one id: {changed}")
    with rows(path) as query:
        written = dict(query("SELECT message_id, state FROM message"))
        [[needs]] = query(
            f"SELECT count(*) FROM event WHERE kind = 'need' AND event = 'deposited' AND subject LIKE '{subjects}'"
        )
        [[due]] = query(
            f"SELECT count(*) FROM event WHERE kind = 'overdue' AND event = 'deposited' AND subject LIKE '{subjects}'"
        )
    if received.keys() != written.keys() or set(written.values()) > {"delivered"}:
        raise Broken(f"told {len(received)} of {len(written)} messages: {Counter(written.values())}")
    if len(written) != needs + due:
        raise Broken(f"{len(written)} messages about {needs} needs, of which {due} came due")


def check_windows(path: Path, room: str, within: int, threshold: int) -> None:
    """Check that the windows over the smokes of a room crossed when the history says so: surge rising, lull falling.

    A crossing that came while another waited is part of that one.

    Raises:
        Broken: One did not, or at another instant.
    """
    with rows(path) as query:
        smokes = query(
            "SELECT recorded_at, occurred_at FROM event WHERE kind = 'smoke' AND event = 'deposited'"
            f" AND json_extract(payload, '$.room') = '{room}' ORDER BY id"
        )
        crossings = query(
            "SELECT w.name, c.crossed_at, a.created_at FROM crossing c JOIN watch w ON w.id = c.watch_id"
            " JOIN activation a ON a.id = c.activation_id WHERE w.agent = 'meter' ORDER BY c.id"
        )
    due: dict[str, list[int]] = {"surge": [], "lull": []}
    known: list[int] = []
    for recorded, occurred in smokes:
        if known and (end := max(known) + within) <= recorded and end not in due["lull"]:
            due["lull"].append(end)
        before = sum(other > recorded - within for other in known)
        if occurred <= recorded - within:
            continue  # a late deposit whose window had ended was never in it
        known.append(occurred)
        if before + 1 == threshold:
            due["surge"].append(recorded)
    due["lull"].append(max(known) + within)
    for name, instants in due.items():
        spans = [(at, until) for watch, at, until in crossings if watch == name]
        if not {at for at, _ in spans} <= set(instants) or len(set(spans)) != len(spans):
            raise Broken(f"{name} crossed at {spans[:5]}, and was due at {instants[:5]}")
        if missed := [at for at in instants if not any(begin <= at <= until for begin, until in spans)]:
            raise Broken(f"{name} has missed {missed[:5]}")


def check_groups(path: Path, *, lasting: int, many: int, few: int) -> None:
    """Check that the watches over the lamps of each room crossed when the history says so: lit rising, dark falling.

    A lamp is in the room that it named last, and goes out after a time. A crossing that came while another waited is
    part of that one. The rising watch counts the lamps that no activation has absorbed: it must have crossed for those
    that never were, and only when the room had many lamps. A lamp that comes again to the room in which it was given is
    no news while it lives.

    Raises:
        Broken: One did not, or at another instant, or an activation was given lamps of another room.
    """
    room, group = "json_extract(e.payload, '$.room')", "json_extract(substr({}.scope, length('_room_') + 1), '$')"
    with rows(path) as query:
        lamps = query(
            f"SELECT e.id, e.recorded_at, e.subject, {room} FROM event e WHERE e.kind = 'lamp'"
            " AND e.payload IS NOT NULL ORDER BY e.id"
        )
        crossings = query(
            f"SELECT w.name, {group.format('c')}, c.crossed_at, a.created_at FROM crossing c"
            " JOIN watch w ON w.id = c.watch_id JOIN activation a ON a.id = c.activation_id WHERE w.agent = 'keeper'"
        )
        given = query(
            f"SELECT w.name, i.event_id, {group.format('a')}, {room} FROM activation a"
            " JOIN activation_input i ON i.activation_id = a.id JOIN event e ON e.id = i.event_id"
            " JOIN watch w ON w.id = a.watch_id WHERE a.agent = 'keeper' AND i.role = 'absorbed'"
        )
    if mixed := [row for row in given if row[2] != row[3]]:
        raise Broken(f"lamps of other rooms were given: {mixed[:5]}")
    absorbed = {event for watch, event, *_ in given if watch == "lit"}
    seen, given_in = set(absorbed), dict[str, str]()
    dark, lit, bright = set(), set(), set()
    live: dict[str, tuple[str, int, int]] = {}
    last = lamps[-1][1] + lasting
    for event, at, subject, where in [*lamps, (0, last, "", "")]:
        if subject not in live or live[subject][1] <= at:
            given_in.pop(subject, None)
        elif given_in.get(subject) == where:
            seen.add(event)
        if event in absorbed:
            given_in[subject] = where
        ends = sorted({end for _, end, _ in live.values() if end <= at})
        steps = [(end, {name: lamp for name, lamp in live.items() if lamp[1] > end}) for end in ends]
        after = steps[-1][1] if steps else live
        for instant, lamps_then in [*steps, (at, after | {subject: (where, at + lasting, event)})]:
            before, now = _in_rooms(live), _in_rooms(lamps_then)
            dark |= {(one, instant) for one in before if before[one] >= few > now[one]}
            bright |= {(one, instant) for one in now if now[one] >= many}
            unseen = _in_rooms({name: lamp for name, lamp in lamps_then.items() if lamp[2] not in seen})
            lit |= {(one, instant) for one in unseen if unseen[one] >= many}
            live = lamps_then
    for name, due, possible in ("dark", dark, dark), ("lit", lit, bright):
        spans = [(where, at, until) for watch, where, at, until in crossings if watch == name]
        if wrong := {(where, at) for where, at, _ in spans} - possible:
            raise Broken(f"{name} crossed at {sorted(wrong)[:5]}, and was due at {sorted(possible)[:5]}")
        if missed := [
            (where, at)
            for where, at in due
            if not any(one == where and begin <= at <= end for one, begin, end in spans)
        ]:
            raise Broken(f"{name} has missed {missed[:5]}")


def _in_rooms(lamps: Mapping[str, tuple[str, int, int]]) -> Counter[str]:
    """Return the number of lamps in each room, given the room, the end, and the event of each lamp."""
    return Counter(room for room, _, _ in lamps.values())


def check_empty(query: Any, laws: Mapping[str, str]) -> None:
    """Check that queries return no row.

    Raises:
        Broken: One does; the message has its name in `laws`.
    """
    for law, text in laws.items():
        if found := query(text):
            raise Broken(f"{law}: {found[:5]}")
