"""The one door to the board: everything that reads or changes it goes through a `Blackboard`."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from blackboard.board import (
    activation_results,
    backfill,
    board_clock,
    declarations,
    erasure,
    evaporation,
    inbox,
    model_calls,
    redeployment,
)
from blackboard.board.board_reader import BoardReader
from blackboard.board.board_session import When
from blackboard.board.board_transaction import BoardTransaction
from blackboard.board.declarations import Declared
from blackboard.board.deposits import PreparedDeposit, Receipt, deposit
from blackboard.board.erasure import ErasureReport
from blackboard.board.pace_limit import Pace
from blackboard.board.redeployment import Change
from blackboard.decay import Decay, Step, law_from
from blackboard.deployment import Deployment
from blackboard.durations import Microseconds
from blackboard.errors import InvalidMark, UsageError
from blackboard.marks import Decision, Mark, Need, check_intensity, check_subject, dump_payload

__all__ = ["Blackboard", "Deposit"]

BATCH = 1000
"""Marks in one transaction where many are written."""
FOLLOWED = 500
"""Marks in one transaction where they follow a change: others wait meanwhile."""


class Deposit(NamedTuple):
    """A mark to be left by its kind's name."""

    kind: str
    subject: str
    payload: dict[str, Any]
    intensity: float = 1.0
    key: str | None = None


class Blackboard(BoardReader):
    """A board: marks with strengths that fade, kept in a database, and the agenda of what they call for.

    Thread-safe. Everything is synchronous, and every change is durable when the call returns.
    """

    # -- leaving and taking away --------------------------------------------------------------------------------------

    def deposit(
        self,
        mark: Mark,
        *,
        intensity: float | None = None,
        key: str | None = None,
        decay: Decay | str | None = None,
        until: When = None,
    ) -> Receipt:
        """Leave a mark.

        Args:
            mark: an instance of a kind, such as `Smoke(subject="kitchen", detail="thin")`.
            intensity: at least 0; the mark's own by default. The author's trust scales it.
            key: the same key again is answered with the first result and changes nothing.
            decay: a law for this mark alone.
            until: full until this instant (ISO text or datetime), then gone; instead of `decay`.

        Raises:
            InvalidMark: a payload, subject or intensity that cannot be stored, or a unique value that is taken.
        """
        if not isinstance(mark, Mark):
            raise InvalidMark(f"deposit a mark, such as Smoke(subject=...), not {type(mark).__name__}")
        self.models.add([type(mark)])
        intensity = mark.intensity if intensity is None else intensity
        payload = mark.payload  # checked when the mark was made

        def prepare(txn: BoardTransaction, law: Decay | None) -> PreparedDeposit:
            return self._ready(txn, mark.kind, mark.subject, payload, intensity, key, law, self.author)

        return self._leave(prepare, decay, until)

    def leave(
        self,
        kind: str,
        subject: str,
        payload: dict[str, Any],
        *,
        intensity: float = 1.0,
        key: str | None = None,
        decay: Decay | str | None = None,
        until: When = None,
    ) -> Receipt:
        """Leave a mark of a registered kind by its name; otherwise like `deposit`.

        Raises:
            UnknownName: no such kind is registered.
            InvalidMark: as for `deposit`.
        """
        return self._leave(
            lambda txn, law: self.prepare(txn, kind, subject, payload, intensity, key, law), decay, until
        )

    def _leave(
        self,
        prepare: Callable[[BoardTransaction, Decay | None], PreparedDeposit],
        decay: Decay | str | None,
        until: When,
    ) -> Receipt:
        if until is not None:
            end = self._instant(until)
            if end <= self.now():
                raise InvalidMark(f"until {until} has passed already")

        def work(txn: BoardTransaction) -> Receipt:
            law = None if decay is None else law_from(decay)
            if until is not None:
                law = Step(Microseconds(max(1, end - txn.now)), fixed=True)
            return deposit(txn, prepare(txn, law))

        return self.write(work, shared=True)

    def deposit_many(self, marks: Iterable[Mark], *, keys: Iterable[str] | None = None) -> Iterator[Receipt]:
        """Leave many marks, in transactions of a thousand; yields the receipts as they are committed.

        Raises:
            InvalidMark: as for `deposit`; the marks of that transaction are then not kept, those before it are.
            ValueError: there are more marks than keys, or fewer.
        """
        keyed = zip(marks, itertools.repeat(None), strict=False) if keys is None else zip(marks, keys, strict=True)
        batch: list[tuple[Mark, str | None]] = []
        for pair in keyed:
            batch.append(pair)
            if len(batch) == BATCH:
                yield from self._deposit_batch(batch)
                batch = []
        if batch:
            yield from self._deposit_batch(batch)

    def leave_many(self, wanted: Sequence[Deposit]) -> list[Receipt | InvalidMark]:
        """Leave many marks in one transaction; each comes to a receipt, or to what is wrong with it.

        Raises:
            UnknownName: no such kind is registered; nothing is kept then.
        """

        def one(txn: BoardTransaction, leave: Deposit) -> Receipt | InvalidMark:
            try:
                ready = self.prepare(txn, leave.kind, leave.subject, leave.payload, leave.intensity, leave.key)
                return deposit(txn, ready)
            except InvalidMark as error:
                return error

        return self.write(lambda txn: [one(txn, leave) for leave in wanted], shared=True)

    def _deposit_batch(self, batch: Sequence[tuple[Mark, str | None]]) -> list[Receipt]:
        self.models.add({type(mark) for mark, _ in batch})
        prepared = [
            (
                mark.kind,
                check_subject(mark.subject),
                dump_payload(mark.payload),
                check_intensity(mark.intensity),
                mark,
                key,
            )
            for mark, key in batch
        ]

        def work(txn: BoardTransaction) -> list[Receipt]:
            _check_author(txn.deployment, self.author)
            receipts = []
            for kind, subject, payload, intensity, mark, key in prepared:
                unique = self._registered(txn, kind).kind(kind).unique
                value = None if unique is None else _unique_text(mark.payload.get(unique))
                receipts.append(
                    deposit(txn, PreparedDeposit(kind, subject, payload, intensity, self.author, key, None, value))
                )
            return receipts

        return self.write(work, shared=True)

    def prepare(
        self,
        txn: BoardTransaction,
        kind: str,
        subject: str,
        payload: dict[str, Any],
        intensity: float = 1.0,
        key: str | None = None,
        decay: Decay | None = None,
        author: str | None = None,
        activation_id: int | None = None,
    ) -> PreparedDeposit:
        """A checked deposit, ready for the transaction; registers a kind whose class is known and new to the board."""
        self._registered(txn, kind).kind(kind)
        payload = self.models.check(kind, payload, txn.deployment)
        return self._ready(txn, kind, subject, payload, intensity, key, decay, author or self.author, activation_id)

    def _ready(
        self,
        txn: BoardTransaction,
        kind: str,
        subject: str,
        payload: dict[str, Any],
        intensity: float,
        key: str | None,
        decay: Decay | None,
        author: str,
        activation_id: int | None = None,
    ) -> PreparedDeposit:
        """A deposit of a payload that is known to fit its kind."""
        unique = self._registered(txn, kind).kind(kind).unique
        if activation_id is None:
            _check_author(txn.deployment, author)
        return PreparedDeposit(
            kind,
            check_subject(subject),
            dump_payload(payload),
            check_intensity(intensity),
            author,
            key,
            decay,
            None if unique is None else _unique_text(payload.get(unique)),
            activation_id,
        )

    def withdraw(self, mark_id: int) -> None:
        """Take a live mark off the board. It wakes nobody, and cancels work on it that has not begun.

        Raises:
            NotFound: there is no such live mark.
        """
        self.write(lambda txn: evaporation.withdraw(txn, mark_id, self.author))

    def forget(self, subject: str) -> ErasureReport:
        """Erase what was said about a subject, and the remains of it in the file; what happened stays.

        Backups hold what they held.

        Raises:
            NotFound: nothing was ever said about it.
        """
        forgotten = self.write(lambda txn: erasure.forget(txn, subject, self.author))
        self.database.compact()
        return forgotten

    # -- people -------------------------------------------------------------------------------------------------------

    def answer(self, need_id: int, text: str) -> Receipt:
        """Answer a need: leaves the decision that wakes whoever watches for it.

        Raises:
            InvalidMark: the answer is empty.
            NotFound: there is no such need in the inbox.
        """

        def work(txn: BoardTransaction) -> Receipt:
            board_clock.answer_question(txn, need_id, text)
            return inbox.answer(self._registered(txn, "decision"), need_id, text, self.author)

        return self.write(work)

    def pause(self, agent: str | None = None, reason: str | None = None) -> None:
        """Wake an agent, or any, no more until it is resumed.

        Raises:
            UnknownName: there is no such agent.
        """
        self.write(lambda txn: inbox.pause(txn, agent, reason))

    def resume(self, agent: str | None = None) -> None:
        """Wake an agent, or all, again. For all, it also says that a clock which is in doubt is right.

        Raises:
            UnknownName: there is no such agent.
        """

        def work(txn: BoardTransaction) -> None:
            if agent is None:
                board_clock.believe(txn)
            inbox.resume(txn, agent)

        self.write(work)

    def retry(self, activation_id: int) -> None:
        """Try a dead, held or failed activation again, with all its attempts.

        Raises:
            NotFound: no such activation, or not one that can be retried.
        """
        self.write(lambda txn: activation_results.retry(txn, activation_id))

    def discard(self, activation_id: int) -> None:
        """Give up on a dead, held or failed activation; its marks stay absorbed.

        Raises:
            NotFound: no such activation, or not one that can be discarded.
        """
        self.write(lambda txn: activation_results.discard(txn, activation_id))

    def record_cost(self, call_id: int, usd: float) -> None:
        """Say what a call cost of which nobody knows, as the provider's account shows it; its reserve is then released.

        That is one of unknown outcome, or one whose answer did not say what it took.

        Args:
            usd: US dollars, at least 0; 0 if it was not charged.

        Raises:
            NotFound: there is no such call, or its cost is known.
            UsageError: that cannot be a cost.
        """
        if not 0 <= usd < 1e6:
            raise UsageError(f"a call costs 0 US dollars or more, not {usd}")
        self.write(lambda txn: model_calls.record_cost(txn, call_id, round(usd * 1_000_000)))

    # -- the deployment -----------------------------------------------------------------------------------------------

    def apply(self, deployment: Deployment) -> Change:
        """Put a deployment in force, and let the marks follow.

        The change is one event at one instant; marks follow in bounded batches, each as of that instant, so whoever
        calls may be interrupted: a daemon, or the next call, goes on.
        """
        return self._deploy(lambda txn: deployment)

    def install(self, *agents: Declared, kinds: Iterable[type[Mark]] = ()) -> Change:
        """Put agents in force as they declare themselves, where no deployment file does it; other agents stay.

        The kinds that they speak of are registered where the board does not know them yet.

        Args:
            agents: what `@agent` made.
            kinds: mark classes to put in force as they declare themselves, even where the board has them otherwise.

        Raises:
            ConfigurationError: an agent speaks of a kind that nobody knows.
        """
        kinds = tuple(kinds)
        self.models.add(kinds)
        for agent in agents:
            self.models.add(agent.kinds.values())
        return self._deploy(lambda txn: declarations.beside(txn.deployment, agents, kinds))

    def _deploy(self, wanted: Callable[[BoardTransaction], Deployment]) -> Change:
        built_in = {"need": Need.defaults, "decision": Decision.defaults}
        change = self.write(lambda txn: redeployment.register(txn, wanted(txn).with_kinds(built_in)), record=True)
        pace = Pace(self.clock)

        def piece(txn: BoardTransaction) -> tuple[int, int, int]:
            found = txn.last_event
            return backfill.run_batch(txn, FOLLOWED), found, txn.last_event

        while pace.piece(lambda: self.write(piece)):
            delay = pace.delay(self.read(lambda txn: txn.last_event))
            self.clock.wait(threading.Event(), self.clock.now() + delay)
        return change


def _check_author(deployment: Deployment, author: str) -> None:
    if author in deployment.agents:
        raise InvalidMark(f"{author!r} is an agent of this board; only its activations can sign as it")


def _unique_text(value: Any) -> str | None:
    return None if value is None else str(value)
