"""The deliverer: it sends the messages that are due, in threads of its own, so that no receiver delays other work.

Each sink has at most one thread in a process, which sends one message at a time. Several processes may deliver for one
board: a message is leased to one of them at a time.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

from blackboard.board.facade import Blackboard
from blackboard.board.message_delivery.delivery_queue import DeliveryQueue, FailedAttempt
from blackboard.board.result_types.message_results import OutboxMessage
from blackboard.clock import Clock, seconds_in, to_datetime
from blackboard.core.records.states import MessageState
from blackboard.durations import SECOND, Duration
from blackboard.errors import BlackboardError, StoreError
from blackboard.settings.sink_sections import SinkSection
from blackboard.sinks import command_sink, mail_sink, webhook_sink
from blackboard.system.log_queue import Log

log = Log("blackboard.outbox")

OUTBOX_CHECK_SECONDS = 2.0
"""How often the outbox is read without a notification: other processes put messages into it too."""
PAUSE_SECONDS = 0.1
"""The shortest time between two reads: a busy board notifies of every commit."""
TIMED_ANNOUNCEMENT_INTERVAL: Duration = 30 * SECOND
MAX_LAST_ATTEMPT_SECONDS = 5.0
"""The longest wait for attempts at the end. If an attempt is interrupted, the next deliverer repeats it."""


class Deliverer:
    """The deliverer of a board's messages to some sinks. As a context manager, it delivers inside the context.

    Args:
        board: The board whose outbox has the messages.
        sinks: The sinks that it reaches. Messages of other sinks wait for other processes.
        environ: The variables with secrets.
    """

    def __init__(
        self, board: Blackboard, sinks: Sequence[SinkSection], environ: Mapping[str, str] = os.environ
    ) -> None:
        self._clock: Clock = board.clock
        self._board, self._environ = board, environ
        self._queue = DeliveryQueue(board)
        self._sinks = {sink.name: sink for sink in sinks}
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._is_started = False
        self._threads: dict[str, threading.Thread] = {}
        self._loop = threading.Thread(target=self._run, name="blackboard-outbox", daemon=True)
        self._unsubscribe: Callable[[], None] = lambda: None
        self._timed_announcements_at = self._clock.monotonic()
        self._has_failed = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Begin to deliver in threads, which run only if there are sinks."""
        self._unsubscribe = self._board.subscribe(self._wake.set)
        self._is_started = True
        self.replace(list(self._sinks.values()))

    def close(self) -> None:
        """End the threads, which may finish their attempts for some seconds."""
        self._unsubscribe()
        self._stopping.set()
        self._wake.set()
        for thread in [self._loop, *self._threads.values()]:
            if thread.is_alive():
                thread.join(MAX_LAST_ATTEMPT_SECONDS)

    def replace(self, sinks: Sequence[SinkSection]) -> None:
        """Deliver to other sinks from now on."""
        self._sinks = {sink.name: sink for sink in sinks}
        if self._sinks and self._is_started and self._loop.ident is None:
            self._loop.start()
        self._wake.set()

    def deliver_last(self) -> int:
        """Send the messages that are due, before a daemon ends because nothing else is left to do.

        If a sink does not accept a message, the next process tries it again, so that the end is not delayed.

        Returns:
            The number of attempts.
        """
        attempts = 0
        try:
            self._queue.make_timed_announcements()
            for sink in self._sinks.values():
                attempts += self._drain(sink, ends_at_failure=True)
        except StoreError as error:  # the next process sends the message
            log.error("the outbox could not be read", error=error)
        return attempts

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                self._start_due()
                self._has_failed = False
            except Exception as error:  # nothing would restart a deliverer that has ended
                if not self._has_failed:
                    log.error("the outbox could not be read; it is tried again", error=error)
                self._has_failed = True
            self._stopping.wait(PAUSE_SECONDS)
            self._wake.wait(OUTBOX_CHECK_SECONDS)

    def _start_due(self) -> None:
        """Start a thread for each sink that has a message due."""
        now = self._clock.monotonic()
        if now >= self._timed_announcements_at:
            self._timed_announcements_at = now + TIMED_ANNOUNCEMENT_INTERVAL
            self._queue.make_timed_announcements()
        sinks = self._sinks
        for name in self._queue.due_sinks(sinks):
            thread = self._threads.get(name)
            if thread is None or not thread.is_alive():
                thread = threading.Thread(
                    target=self._deliver, args=(sinks[name],), name=f"blackboard-sink-{name}", daemon=True
                )
                self._threads[name] = thread
                thread.start()

    def _deliver(self, sink: SinkSection) -> None:
        try:
            self._drain(sink)
        except Exception as error:  # no caller could handle the error; when the lease ends, the message is tried again
            log.error("a message could not be leased, or its result not recorded", sink=sink.name, error=error)

    def _drain(self, sink: SinkSection, *, ends_at_failure: bool = False) -> int:
        """Send the due messages of a sink, one at a time, and return the number of attempts."""
        attempts = 0
        while not self._stopping.is_set() and (leased := self._queue.lease(sink.name)) is not None:
            attempts += 1
            failed = self._attempt(sink, leased.message)
            state = self._queue.record_attempt(leased, failed)
            if failed is not None:
                details = {"sink": sink.name, "message": leased.message.id, "state": state, "problem": failed.error}
                (log.warning if state == MessageState.WAITING else log.error)("a message was not delivered", **details)
                if ends_at_failure:
                    break
        return attempts

    def _attempt(self, sink: SinkSection, message: OutboxMessage) -> FailedAttempt | None:
        """Send a message, and return why that failed; None if the receiver has it."""
        now, seconds = to_datetime(self._clock.now()), seconds_in(sink.timeout)
        try:
            if sink.webhook is not None:
                return webhook_sink.deliver(sink.webhook, message, now, seconds, self._environ)
            if sink.mail is not None:
                return mail_sink.deliver(sink.mail, message, now, seconds, self._environ)
            return command_sink.deliver(sink.command or (), message, seconds, self._environ, sink.environment)
        except (BlackboardError, ValueError) as error:  # a receiver that cannot be reached, or a setting
            return FailedAttempt(str(error))
        except Exception as error:  # a failed attempt is shown to people, and there is a last attempt
            log.error("a message could not be sent", sink=sink.name, message=message.id, error=error)
            return FailedAttempt(f"the message could not be sent: {type(error).__name__}")
