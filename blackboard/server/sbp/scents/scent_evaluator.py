"""The evaluator of scents: it measures their conditions, and deposits their triggers.

It runs while there are scents: after a commit that concerns them, and when fading may change a condition. A trigger and
the new state of its scent are deposited in one transaction, and only if the scent has not changed meanwhile. So several
servers on one board trigger a scent once, and a server that is killed repeats no trigger.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from blackboard import Blackboard, MarkRecord
from blackboard.clock import Instant, from_datetime, seconds_in, whole_milliseconds_in
from blackboard.durations import MINUTE, Duration
from blackboard.errors import BlackboardError, Conflict, UsageError
from blackboard.server.open_requests.commit_signal import CommitSignal
from blackboard.server.sbp.pheromones import pheromone_snapshot
from blackboard.server.sbp.sbp_marks import Pheromone, Scent, ScentTrigger, fields_of, live_records
from blackboard.server.sbp.scents import stored_scents
from blackboard.server.sbp.scents.board_observations import EmissionReader, observe_board
from blackboard.server.sbp.scents.condition_evaluation import Evaluation, Observation
from blackboard.server.sbp.scents.condition_forecasts import next_change
from blackboard.server.sbp.scents.scent_states import ScentState
from blackboard.server.work_threads import WorkThreads
from blackboard.system.log_queue import Log

log = Log("blackboard.server")

MAX_INTERVAL: Duration = MINUTE
"""The longest time between two measurements."""
MIN_INTERVAL_SECONDS = 0.05
"""The shortest time between two measurements, so that scents are not measured after each of many commits."""
MAX_CONTEXT_PHEROMONES = 100
"""The most pheromones that a notification shows. The notification names further pheromones by their ids."""
MAX_CONTEXT_BYTES = 256 * 1024
"""The largest size of the pheromones that a notification shows."""
MAX_NAMED_PHEROMONES = 1000
"""The most pheromones that a notification names by their ids."""


class ScentEvaluator:
    """The scents of one board.

    Args:
        board: The board that the server serves.
    """

    def __init__(self, board: Blackboard) -> None:
        self._board = board
        self._threads = WorkThreads(1)
        self._signal = CommitSignal()
        self._task: asyncio.Task[None] | None = None
        self._is_wanted = self._is_stopped = False
        self._open: Counter[str] = Counter()
        """The sessions that have a stream open, each with the number of its streams."""
        self._reader: EmissionReader | None = None
        self._due: Instant | None = None
        """When a scent may change by time alone; None if the scents must be measured in any case."""

    def start(self) -> None:
        """Measure scents from now on, as long as there are any."""
        self._is_wanted = True
        self._signal.signal()
        if self._task is None and not self._is_stopped:
            self._task = asyncio.create_task(self._run())

    def stop(self) -> None:
        """End soon. Any thread may call it."""
        self._is_stopped = True
        self._signal.signal()

    def open(self, session: str) -> None:
        """Note that a session listens: the leases of its scents are renewed."""
        self._open[session] += 1
        self.start()

    def close(self, session: str) -> None:
        """Note that a session has closed one of its streams."""
        self._open[session] -= 1
        self._open += Counter()  # drops the sessions without a stream

    async def _run(self) -> None:
        """Measure scents until there is none."""
        try:
            with self._signal.attached_to(self._board) as tick_seconds:
                while not self._is_stopped:
                    work = partial(self._measure_due, frozenset(self._open), is_forced=self._is_wanted)
                    self._is_wanted = False
                    wait = await self._threads.run(work)
                    if wait is None and not self._is_wanted:
                        break
                    await self._signal.wait(tick_seconds if wait is None else min(tick_seconds, wait))
                    await asyncio.sleep(MIN_INTERVAL_SECONDS)
        except BlackboardError as error:
            log.warning("scents cannot be measured; the next SBP request tries again", error=error)
        finally:
            self._task = None

    def _measure_due(self, listening: frozenset[str], *, is_forced: bool) -> float | None:
        """Measure all scents if one of them may have changed.

        Args:
            listening: The sessions that have a stream open.
            is_forced: Whether to measure them in any case.

        Returns:
            The seconds until a scent may change by time alone; None if there are no scents.
        """
        has_news, now = self._reader is None or self._reader.read(), from_datetime(self._board.now())
        if not (has_news or is_forced or self._due is None or now >= self._due):
            return seconds_in(self._due - now)
        records = live_records(self._board, Scent)
        if not records:
            self._reader = self._due = None
            return None
        if self._reader is None:
            self._reader = EmissionReader(self._board)
            self._reader.read()
        reader = self._reader
        seen, now = observe_board(self._board, reader.recent(now))
        self._due = now + MAX_INTERVAL
        for record in records:
            try:
                self._due = min(self._due, self._measure_scent(record, seen, now, listening))
            except Conflict:  # another program has changed the scent, and that commit wakes the evaluator
                continue
            except UsageError as error:  # the other scents are measured
                log.warning("a scent cannot be measured", scent=record.subject, error=error)
        return max(0.0, seconds_in(self._due - now))

    def _measure_scent(self, record: MarkRecord, seen: Observation, now: Instant, listening: frozenset[str]) -> Instant:
        """Measure one scent unless it is in its cooldown, and return when to measure it again.

        Raises:
            Conflict: Another process has changed the scent meanwhile.
        """
        fields, rules, state = fields_of(record), stored_scents.rules_of(record), stored_scents.state_of(record)
        due: Instant = fields["lease_until"] - stored_scents.SCENT_LEASE // 2
        if now >= due:
            if not listening.isdisjoint(fields["sessions"]):
                stored_scents.renew(self._board.as_author(record.author), record)
                return now
            due = fields["lease_until"]
        if now < (cooldown_end := state.in_cooldown_until(rules)):
            return min(due, cooldown_end)
        result = seen.evaluate(rules.condition, now)
        after, fires = state.after(rules, result, now)
        if after != state:
            self._deposit(record, after, result if fires else None, now)
        change = next_change(rules.condition, seen, now, rules.band)
        if rules.mode == "level" and result.met:
            change = after.in_cooldown_until(rules)
        return due if change is None else min(due, max(change, after.in_cooldown_until(rules)))

    def _deposit(self, record: MarkRecord, state: ScentState, fired: Evaluation | None, now: Instant) -> None:
        """Deposit the new state of a scent, together with its trigger if it fires.

        Raises:
            Conflict: Another process has changed the scent meanwhile.
        """
        board, fields = self._board.as_author(record.author), fields_of(record)
        changed: Mapping[str, Any] = {
            **fields, "met": state.met, "is_armed": state.is_armed, "last_triggered_at": state.triggered_at
        }  # fmt: skip
        mark = stored_scents.mark_of(record.subject, changed, record.event_id)
        if fired is None:
            board.deposit(mark)
            return
        sessions = list(fields["sessions"])
        notification = _notification(record, fired, live_records(self._board, Pheromone), now)
        board.deposit_many([mark, ScentTrigger(subject=record.subject, sessions=sessions, notification=notification)])


def _notification(
    scent: MarkRecord, result: Evaluation, pheromones: Sequence[MarkRecord], now: Instant
) -> dict[str, Any]:
    """Return the parameters of `sbp/trigger`.

    Args:
        scent: The scent that fires.
        result: What was measured.
        pheromones: All pheromones, the strongest first.
        now: When it fires.
    """
    fields = fields_of(scent)
    trails, measured = fields["context_trails"], frozenset(result.marks)
    wanted = [
        record
        for record in pheromones
        if (fields_of(record)["trail"] in trails if trails else record.id in measured)
    ]  # fmt: skip
    return {
        "scent_id": scent.subject,
        "triggered_at": whole_milliseconds_in(now),
        "condition_snapshot": {
            scent.subject: {
                "value": result.value,
                "pheromone_ids": [str(mark) for mark in result.marks[:MAX_NAMED_PHEROMONES]],
            }
        },
        "context_pheromones": _context_pheromones(wanted),
        "activation_payload": fields["activation_payload"],
    }


def _context_pheromones(records: Sequence[MarkRecord]) -> list[dict[str, Any]]:
    """Return pheromones as they are shown, as many as a notification may have."""
    shown: list[dict[str, Any]] = []
    size = 0
    for record in records[:MAX_CONTEXT_PHEROMONES]:
        found = pheromone_snapshot(record)
        size += len(json.dumps(found))
        if size > MAX_CONTEXT_BYTES:
            break
        shown.append(found)
    return shown
