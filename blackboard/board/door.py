"""The one door to the board: everything that reads or changes it goes through a `Blackboard`."""

from __future__ import annotations

import getpass
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar, overload

from blackboard.board import (
    evaporating,
    explaining,
    finishing,
    following,
    forgetting,
    installing,
    journal,
    looking,
    people,
    redeploying,
    timekeeping,
    totals,
)
from blackboard.board.depositing import Deposit, Receipt, deposit
from blackboard.board.forgetting import Forgotten
from blackboard.board.installing import Declared
from blackboard.board.looking import MarkView
from blackboard.board.models import Models
from blackboard.board.moment import InForce, Laws, Moment, read_following, read_in_force
from blackboard.board.pacing import Pace
from blackboard.board.redeploying import Change
from blackboard.board.waking import Bell
from blackboard.clock import Clock, Instant, SystemClock, from_datetime, parse_instant
from blackboard.decay import Decay, Step, law_from
from blackboard.deployment import Deployment
from blackboard.durations import Microseconds
from blackboard.errors import InvalidMark, StoreError, UsageError
from blackboard.marks import Decision, Given, Mark, Need, check_intensity, check_subject, dump_payload
from blackboard.store import marks as M
from blackboard.store import schema
from blackboard.store.database import Database
from blackboard.store.rows import EventRow
from blackboard.store.statement import Transaction

__all__ = ["Blackboard", "Leave"]

T = TypeVar("T")
K = TypeVar("K", bound=Mark)
When = str | Instant | Any

BATCH = 1000
"""Marks in one transaction where many are written."""
FOLLOWED = 500
"""Marks in one transaction where they follow a change: others wait meanwhile."""


class Leave(NamedTuple):
    """A mark to be left by its kind's name."""

    kind: str
    subject: str
    payload: dict[str, Any]
    intensity: float = 1.0
    key: str | None = None


class Blackboard:
    """A board: marks with strengths that fade, kept in a database, and the agenda of what they call for.

    Thread-safe. Everything is synchronous, and every change is durable when the call returns.
    """

    def __init__(
        self, database: Database, clock: Clock, author: str, models: Models, on_wake: Callable[[], None] | None = None
    ) -> None:
        self.database, self.clock, self.author, self.models = database, clock, author, models
        self.on_wake = on_wake or (lambda: None)
        self.leap: int | None = timekeeping.LEAP
        self._bell = Bell(database.path)
        self._laws = Laws()
        self._in_force: InForce | None = None

    @classmethod
    def open(
        cls,
        url: str = "sqlite:///board.db",
        *,
        author: str | None = None,
        clock: Clock | None = None,
        kinds: Iterable[type[Mark]] = (),
        create: bool | None = None,
        leap: int | None = timekeeping.LEAP,
    ) -> Self:
        """Open a board; an embedded database is created or upgraded as needed.

        Args:
            url: an SQLAlchemy URL, such as `sqlite:///board.db`.
            author: who this process is: it signs every deposit. Default: `person:` and the user's name.
            clock: where the time comes from.
            kinds: mark classes to make known beforehand; a deposit makes its own known.
            create: whether a database may be created or upgraded; by default, an embedded one may.
            leap: microseconds ahead of the board's last record from which the clock is not believed; None believes any.

        Raises:
            ConfigurationError: the URL cannot be used.
            StoreError: the database cannot be opened, is foreign, damaged, or newer than this program.
        """
        clock = clock or SystemClock()
        database = Database(url)
        try:
            schema.ensure(database, clock.now(), create=database.embedded if create is None else create)
        except BaseException:
            database.close()
            raise
        board = cls(database, clock, author or f"person:{_user()}", Models(kinds))
        board.leap = leap
        board.write(lambda m: None)  # fails here, not at the first deposit, if the file cannot be written
        return board

    # -- leaving and taking away ------------------------------------------------------------------------------------

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

        def prepare(m: Moment, law: Decay | None) -> Deposit:
            return self._ready(m, mark.kind, mark.subject, payload, intensity, key, law, self.author)

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
        return self._leave(lambda m, law: self.prepare(m, kind, subject, payload, intensity, key, law), decay, until)

    def _leave(
        self, prepare: Callable[[Moment, Decay | None], Deposit], decay: Decay | str | None, until: When
    ) -> Receipt:
        if until is not None:
            end = self._instant(until)
            if end <= self.now():
                raise InvalidMark(f"until {until} has passed already")

        def work(m: Moment) -> Receipt:
            law = None if decay is None else law_from(decay)
            if until is not None:
                law = Step(Microseconds(max(1, end - m.now)), fixed=True)
            return deposit(m, prepare(m, law))

        return self.write(work)

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

    def leave_many(self, wanted: Sequence[Leave]) -> list[Receipt | InvalidMark]:
        """Leave many marks in one transaction; each comes to a receipt, or to what is wrong with it.

        Raises:
            UnknownName: no such kind is registered; nothing is kept then.
        """

        def one(m: Moment, leave: Leave) -> Receipt | InvalidMark:
            try:
                ready = self.prepare(m, leave.kind, leave.subject, leave.payload, leave.intensity, leave.key)
                return deposit(m, ready)
            except InvalidMark as error:
                return error

        return self.write(lambda m: [one(m, leave) for leave in wanted])

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

        def work(m: Moment) -> list[Receipt]:
            _check_author(m.deployment, self.author)
            receipts = []
            for kind, subject, payload, intensity, mark, key in prepared:
                unique = self._registered(m, kind).kind(kind).unique
                value = None if unique is None else _unique_text(mark.payload.get(unique))
                receipts.append(deposit(m, Deposit(kind, subject, payload, intensity, self.author, key, None, value)))
            return receipts

        return self.write(work)

    def prepare(
        self,
        m: Moment,
        kind: str,
        subject: str,
        payload: dict[str, Any],
        intensity: float = 1.0,
        key: str | None = None,
        decay: Decay | None = None,
        author: str | None = None,
        activation_id: int | None = None,
    ) -> Deposit:
        """A checked deposit, ready for the transaction; registers a kind whose class is known and new to the board."""
        self._registered(m, kind).kind(kind)
        payload = self.models.check(kind, payload, m.deployment)
        return self._ready(m, kind, subject, payload, intensity, key, decay, author or self.author, activation_id)

    def _ready(
        self,
        m: Moment,
        kind: str,
        subject: str,
        payload: dict[str, Any],
        intensity: float,
        key: str | None,
        decay: Decay | None,
        author: str,
        activation_id: int | None = None,
    ) -> Deposit:
        """A deposit of a payload that is known to fit its kind."""
        unique = self._registered(m, kind).kind(kind).unique
        if activation_id is None:
            _check_author(m.deployment, author)
        return Deposit(
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

    def _registered(self, m: Moment, kind: str) -> Moment:
        """A class that this process knows and the board does not is registered as it declares itself."""
        if kind not in m.deployment.kinds and (model := self.models.known().get(kind)) is not None:
            redeploying.register(m, m.deployment.with_kinds({kind: model.defaults}))
            m.in_force = self._in_force = read_in_force(m.tx)
        return m

    def withdraw(self, mark_id: int) -> None:
        """Take a live mark off the board. It wakes nobody, and cancels work on it that has not begun.

        Raises:
            NotFound: there is no such live mark.
        """
        self.write(lambda m: evaporating.withdraw(m, mark_id, self.author))

    def forget(self, subject: str) -> Forgotten:
        """Erase what was said about a subject, and the remains of it in the file; what happened stays.

        Backups hold what they held.

        Raises:
            NotFound: nothing was ever said about it.
        """
        forgotten = self.write(lambda m: forgetting.forget(m, subject, self.author))
        self.database.compact()
        return forgotten

    # -- looking ------------------------------------------------------------------------------------------------------

    @overload
    def marks(
        self,
        kind: type[K],
        *,
        subject: str | None = ...,
        min_strength: float | None = ...,
        at: When = ...,
        limit: int | None = ...,
    ) -> list[K]: ...
    @overload
    def marks(
        self,
        kind: str | None = ...,
        *,
        subject: str | None = ...,
        min_strength: float | None = ...,
        at: When = ...,
        limit: int | None = ...,
    ) -> list[Mark]: ...
    def marks(
        self,
        kind: type[Mark] | str | None = None,
        *,
        subject: str | None = None,
        min_strength: float | None = None,
        at: When = None,
        limit: int | None = None,
    ) -> list[Any]:
        """The live marks, strongest first. Marks whose payload no longer fits their kind are left out; `look` has them.

        Args:
            kind: a mark class or the name of a kind.
            at: another instant, past or future, as ISO text or a datetime.
            min_strength: leave out what is weaker.
        """
        if isinstance(kind, type):
            self.models.add([kind])
            kind = kind.kind
        if kind is not None and kind in self.models.known() and kind not in self.deployment.kinds:
            return []
        found = []
        views = self.look(kind=kind, subject=subject, min_strength=min_strength, at=at, limit=limit)
        deployment = self.deployment
        for view in views:
            given = Given(
                view.id, view.event_id, view.author, view.strength, _at(view.deposited_at), _at(view.reinforced_at),
                view.reinforcements,
            )  # fmt: skip
            try:
                text = dump_payload(view.payload)
                found.append(self.models.make(view.kind, view.subject, text, view.intensity, given, deployment))
            except InvalidMark:
                continue
        return found

    def look(
        self,
        *,
        kind: str | None = None,
        subject: str | None = None,
        min_strength: float | None = None,
        at: When = None,
        limit: int | None = None,
    ) -> list[MarkView]:
        """The marks as a person sees them, strongest first, whatever their payload.

        Raises:
            UnknownName: no such kind is registered.
        """
        instant = None if at is None else self._instant(at)
        return self.read(
            lambda m: looking.marks(m, kind=kind, subject=subject, min_strength=min_strength, at=instant, limit=limit)
        )

    def history(self, subject: str) -> list[EventRow]:
        """Every event of a subject's marks, oldest first."""
        return self.read(lambda m: list(looking.history(m, subject)))

    @property
    def uid(self) -> str:
        """What tells this board from every other, wherever its database is moved."""
        return self.read(looking.uid)

    def costs(self, days: int = 30) -> list[dict[str, Any]]:
        """What model calls cost, by day and agent, for so many days up to today; the columns of the view `costs`."""
        return self.read(lambda m: looking.costs(m, days))

    def status(self) -> dict[str, Any]:
        """The state of the board in one look."""
        return {**self.read(looking.status), **self.database.sizes()}

    def agents(self) -> list[dict[str, Any]]:
        """Each registered agent with what it watches and how it is."""
        return self.read(looking.agents)

    def agenda(self) -> list[dict[str, Any]]:
        """The crossings that wait, strongest first, with what holds each back."""
        return self.read(looking.agenda)

    def activations(
        self, *, agent: str | None = None, state: str | None = None, limit: int = 20
    ) -> list[dict[str, Any]]:
        """Activations, newest first.

        Raises:
            UnknownName: there is no such agent.
        """
        return self.read(lambda m: looking.activations(m, agent=agent, state=state, limit=limit))

    def explain(self, agent: str, subject: str | None = None) -> dict[str, Any]:
        """Why an agent has, or has not, woken.

        Raises:
            UnknownName: there is no such agent.
        """
        return self.read(lambda m: explaining.explain(m, agent, subject))

    # -- people ---------------------------------------------------------------------------------------------------------

    def inbox(self) -> list[MarkView]:
        """The needs that wait for a person, oldest first."""
        return self.read(people.inbox)

    def answer(self, need_id: int, text: str) -> Receipt:
        """Answer a need: leaves the decision that wakes whoever watches for it.

        Raises:
            NotFound: there is no such need in the inbox.
        """

        def work(m: Moment) -> Receipt:
            timekeeping.answered(m, need_id, text)
            return people.answer(self._registered(m, "decision"), need_id, text, self.author)

        return self.write(work)

    def pause(self, agent: str | None = None, reason: str | None = None) -> None:
        """Wake an agent, or any, no more until it is resumed.

        Raises:
            UnknownName: there is no such agent.
        """
        self.write(lambda m: people.pause(m, agent, reason))

    def resume(self, agent: str | None = None) -> None:
        """Wake an agent, or all, again. For all, it also says that a clock which is in doubt is right.

        Raises:
            UnknownName: there is no such agent.
        """

        def work(m: Moment) -> None:
            if agent is None:
                timekeeping.believe(m)
            people.resume(m, agent)

        self.write(work)

    def retry(self, activation_id: int) -> None:
        """Try a dead, held or failed activation again, with all its attempts.

        Raises:
            NotFound: no such activation, or not one that can be retried.
        """
        self.write(lambda m: finishing.retry(m, activation_id))

    def discard(self, activation_id: int) -> None:
        """Give up on a dead, held or failed activation; its marks stay absorbed.

        Raises:
            NotFound: no such activation, or not one that can be discarded.
        """
        self.write(lambda m: finishing.discard(m, activation_id))

    def settle(self, call_id: int, usd: float) -> None:
        """Say what a call of unknown outcome cost, as the provider's account shows it; its reserve is then released.

        Args:
            usd: US dollars, at least 0; 0 if it was not charged.

        Raises:
            NotFound: there is no such call, or its outcome is known.
            UsageError: that cannot be a cost.
        """
        if not 0 <= usd < 1e6:
            raise UsageError(f"a call costs 0 US dollars or more, not {usd}")
        self.write(lambda m: journal.settle(m, call_id, round(usd * 1_000_000)))

    # -- the deployment -----------------------------------------------------------------------------------------------

    @property
    def deployment(self) -> Deployment:
        """What is in force now."""
        return self.read(lambda m: m.deployment)

    def apply(self, deployment: Deployment) -> Change:
        """Put a deployment in force, and let the marks follow.

        The change is one event at one instant; marks follow in bounded batches, each as of that instant, so whoever
        calls may be interrupted: a daemon, or the next call, goes on.
        """
        return self._put_in_force(lambda m: deployment)

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
        return self._put_in_force(lambda m: installing.beside(m.deployment, agents, kinds))

    def _put_in_force(self, wanted: Callable[[Moment], Deployment]) -> Change:
        built_in = {"need": Need.defaults, "decision": Decision.defaults}
        change = self.write(lambda m: redeploying.register(m, wanted(m).with_kinds(built_in)), record=True)
        pace = Pace(self.clock)
        while pace.piece(lambda: self.write(lambda m: (following.follow_batch(m, FOLLOWED), m.last_event))):
            rest = pace.rest(self.read(lambda m: m.last_event))
            self.clock.wait(threading.Event(), self.clock.now() + rest)
        return change

    # -- transactions -------------------------------------------------------------------------------------------------

    def now(self) -> Instant:
        """The board's time: the larger of the clock and the last time it recorded."""
        return self.read(lambda m: m.now)

    def write(self, work: Callable[[Moment], T], *, record: bool = False) -> T:
        """Run `work` in a writing transaction at the board's time, commit it durably, and wake whom it concerns.

        It may run twice and must have no effect outside the transaction. `record` notes the instant even where no
        event of a mark does.
        """
        wakes = False

        def run(tx: Transaction) -> T:
            nonlocal wakes
            m = self._moment(tx)
            if m.doubted is not None:
                timekeeping.ask(self._registered(m, "need"))
            result = work(m)
            totals.save(m)
            wakes = m.wakes
            if record and m.recorded < m.now:
                tx.run(M.RECORD_TIME, at=m.now)
            return result

        try:
            result = self.database.write(run)
        except BaseException:
            self._in_force = None  # it may hold what was taken back
            raise
        if wakes:
            self.on_wake()
            self._bell.ring()
        return result

    def read(self, work: Callable[[Moment], T]) -> T:
        """Run `work` on one snapshot of the board, at the board's time."""
        try:
            with self.database.read() as tx:
                return work(self._moment(tx))
        except StoreError:
            self._in_force = None  # another file may come to lie there
            raise

    def _moment(self, tx: Transaction) -> Moment:
        version, recorded_at, event_id, event_at = tx.one(M.PRESENT)
        clock = self.clock.now()
        tx.now, doubted = timekeeping.time_of(clock, max(recorded_at, event_at or 0), self.leap)
        in_force = self._in_force
        if in_force is None or in_force.deployment.version != version:
            in_force = self._in_force = read_in_force(tx)
        elif in_force.following:
            in_force = self._in_force = replace(in_force, following=read_following(tx))
        m = Moment(tx, in_force, self._laws, tx.now, event_id or 0, recorded_at)
        if doubted:
            m.doubted = clock
        return m

    def _instant(self, when: When) -> Instant:
        if isinstance(when, int):
            return when
        try:
            return parse_instant(when) if isinstance(when, str) else from_datetime(when)
        except (ValueError, TypeError, AttributeError):
            raise InvalidMark(
                f"{when!r} is not a time; write it like 2027-01-31 or 2027-01-31T15:00:00+01:00"
            ) from None

    def close(self) -> None:
        """Close the connections."""
        self._bell.close()
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _check_author(deployment: Deployment, author: str) -> None:
    if author in deployment.agents:
        raise InvalidMark(f"{author!r} is an agent of this board; only its activations can sign as it")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _unique_text(value: Any) -> str | None:
    return None if value is None else str(value)


def _at(text: str | None) -> Instant:
    return 0 if text is None else parse_instant(text)
