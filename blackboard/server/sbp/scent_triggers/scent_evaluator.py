"""The evaluator of scents: it measures their conditions, and deposits their triggers.

It runs while there are scents: after a commit that concerns them, and when fading may change a condition. A trigger and
the new state of its scent are deposited in one transaction, and only if the scent has not changed meanwhile. So several
servers on one board trigger a scent once, and a server that is killed repeats no trigger.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any

from blackboard import Blackboard, MarkRecord
from blackboard.clock import Instant, from_datetime, seconds_in
from blackboard.durations import MINUTE, Duration
from blackboard.errors import BlackboardError, Conflict, UsageError
from blackboard.server.open_requests.commit_signal import CommitSignal
from blackboard.server.sbp.scent_rules.condition_forecasts import next_change
from blackboard.server.sbp.scent_rules.observations import Evaluation, Observation
from blackboard.server.sbp.scent_rules.scent_states import ScentState
from blackboard.server.sbp.scent_triggers import scents
from blackboard.server.sbp.scent_triggers.trigger_notifications import notification
from blackboard.server.sbp.stored_marks.board_observations import EmissionReader, observe
from blackboard.server.sbp.stored_marks.sbp_marks import Pheromone, Scent, ScentTrigger, fields_of, live_marks
from blackboard.server.work_threads import WorkThreads
from blackboard.system.log_queue import Log

log = Log("blackboard.server")

MAX_INTERVAL: Duration = MINUTE
"""The longest time between two measurements."""
MIN_INTERVAL_SECONDS = 0.05
"""The shortest time between two measurements, so that a board with many commits is not measured for each of them."""


class ScentEvaluator:
    """The scents of one board.

    Args:
        board: The board that the server serves.
    """

    def __init__(self, board: Blackboard) -> None:
        self._board, self._threads = board, WorkThreads(1)
        self._signal = CommitSignal()
        self._task: asyncio.Task[None] | None = None
        self._is_wanted = self._is_stopped = False
        self._open: Counter[str] = Counter()
        """The sessions that have a stream open, each with the number of its streams."""
        self._reader: EmissionReader | None = None
        self._due: Instant | None = None
        """When a scent may change by itself; None if they are to be measured in any case."""

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
        """Note that a session listens on one fewer stream."""
        self._open[session] -= 1
        self._open += Counter()  # without those that have none left

    async def _run(self) -> None:
        """Measure scents until there is none."""
        try:
            with self._signal.attached_to(self._board) as tick:
                while not self._is_stopped:
                    work = partial(self._measure, frozenset(self._open), is_forced=self._is_wanted)
                    self._is_wanted = False
                    wait = await self._threads.run(work)
                    if wait is None and not self._is_wanted:
                        break
                    await self._signal.wait(tick if wait is None else min(tick, wait))
                    await asyncio.sleep(MIN_INTERVAL_SECONDS)
        except BlackboardError as error:
            log.warning("the scents are not measured until the next request of their protocol", error=error)
        finally:
            self._task = None

    def _measure(self, listening: frozenset[str], *, is_forced: bool) -> float | None:
        """Measure all scents if one of them may have changed.

        Args:
            listening: The sessions that have a stream open.
            is_forced: Whether to measure them in any case.

        Returns:
            The seconds until a scent may change by itself; None if there are no scents.
        """
        has_news, now = self._reader is None or self._reader.read(), from_datetime(self._board.now())
        if not (has_news or is_forced or self._due is None or now >= self._due):
            return seconds_in(self._due - now)
        records = live_marks(self._board, Scent)
        if not records:
            self._reader = self._due = None
            return None
        if self._reader is None:
            self._reader = EmissionReader(self._board)
            self._reader.read()
        reader = self._reader
        seen, now = observe(self._board, reader.recent(now))
        self._due = now + MAX_INTERVAL
        for record in records:
            try:
                self._due = min(self._due, self._follow(record, seen, now, listening))
            except Conflict:  # another program has changed it, and that commit wakes the evaluator
                continue
            except UsageError as error:  # it must not keep the others from being measured
                log.warning("a scent cannot be followed", scent=record.subject, error=error)
        return max(0.0, seconds_in(self._due - now))

    def _follow(self, record: MarkRecord, seen: Observation, now: Instant, listening: frozenset[str]) -> Instant:
        """Measure one scent unless it is in its cooldown, and return when to measure it again.

        Raises:
            Conflict: Others change it meanwhile.
        """
        fields, rules, state = fields_of(record), scents.rules_of(record), scents.state_of(record)
        due: Instant = fields["lease_until"] - scents.SCENT_LEASE // 2
        if now >= due:
            if not listening.isdisjoint(fields["sessions"]):
                scents.renew(self._board.as_author(record.author), record)
                return now
            due = fields["lease_until"]
        if now < (rest := state.rests_until(rules)):
            return min(due, rest)
        result = seen.evaluate(rules.condition, now)
        after, fires = state.after(rules, result, now)
        if after != state:
            self._deposit(record, after, result if fires else None, now)
        change = next_change(rules.condition, seen, now, rules.band)
        if rules.mode == "level" and result.met:
            change = after.rests_until(rules)
        return due if change is None else min(due, max(change, after.rests_until(rules)))

    def _deposit(self, record: MarkRecord, state: ScentState, fired: Evaluation | None, now: Instant) -> None:
        """Deposit the new state of a scent, together with its trigger if it fires.

        Raises:
            Conflict: Others change it meanwhile.
        """
        board, fields = self._board.as_author(record.author), fields_of(record)
        changed: Mapping[str, Any] = {
            **fields, "met": state.met, "is_armed": state.is_armed, "last_triggered_at": state.triggered_at
        }  # fmt: skip
        mark = scents.mark_of(record.subject, changed, record.event_id)
        if fired is None:
            board.deposit(mark)
            return
        sessions = list(fields["sessions"])
        told = notification(record, fired, live_marks(self._board, Pheromone), now)
        board.deposit_many([mark, ScentTrigger(subject=record.subject, sessions=sessions, notification=told)])
