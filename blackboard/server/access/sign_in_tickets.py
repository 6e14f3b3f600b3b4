"""The tickets that browsers sign in with. Each works once, for a few minutes, and only in this process."""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Callable

from blackboard.clock import Clock
from blackboard.durations import MINUTE, Duration

TICKET_LIFETIME: Duration = 10 * MINUTE
MAX_FORMER = 100
"""How many tickets that have ended are recognized."""


class SignInTickets:
    """The tickets of one server. One ticket is valid at a time. All methods are thread-safe.

    Args:
        clock: Measures the lifetime of a ticket.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ticket = ""
        """The valid ticket; empty if there is none."""
        self._until = 0
        """The time on the monotonic clock at which the ticket ends."""
        self._former: deque[str] = deque(maxlen=MAX_FORMER)
        self._show: Callable[[str], object] = lambda ticket: None

    def show(self, show: Callable[[str], object]) -> str:
        """Show a new ticket to the person who runs the server, and return it.

        If a browser later sends this ticket after its end, `show` is called with a new ticket, because only this person
        has seen the old one. A browser that never had a ticket cannot cause a new one.

        Args:
            show: Shows a ticket. Any thread may call it.
        """
        self._show = show
        show(ticket := self.issue())
        return ticket

    def issue(self) -> str:
        """Return a new ticket. The previous ticket ends."""
        with self._lock:
            self._end()
            self._ticket = secrets.token_urlsafe(32)
            self._until = self._clock.monotonic() + TICKET_LIFETIME
            return self._ticket

    def redeem(self, ticket: str) -> bool:
        """Return whether a ticket is valid, and end it."""
        with self._lock:
            if self._clock.monotonic() >= self._until:
                self._end()
            is_valid = bool(self._ticket) and secrets.compare_digest(ticket.encode(), self._ticket.encode())
            if is_valid:
                self._end()
            needs_another = not is_valid and not self._ticket and ticket in self._former
        if needs_another:
            self._show(self.issue())
        return is_valid

    def _end(self) -> None:
        if self._ticket:
            self._former.append(self._ticket)
        self._ticket = ""
