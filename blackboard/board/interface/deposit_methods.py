"""The methods of a board that deposit, reinforce and withdraw marks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal, Unpack, overload

from pydantic import JsonValue

from blackboard.board.interface.board_handle import BoardHandle
from blackboard.board.result_types.mark_results import Receipt
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import When
from blackboard.core.marks.decay import Decay
from blackboard.core.marks.deposit_requests import Deposit, deposit_options, deposited_item
from blackboard.core.marks.mark_checks import check_if_event, check_increase
from blackboard.core.marks.mark_model import Mark
from blackboard.errors import UsageError

if TYPE_CHECKING:
    from blackboard.board.keyword_arguments import DepositKeywords


class DepositMethods(BoardHandle):
    """Deposits, reinforcements and withdrawals, in the name of the handle."""

    @overload
    def deposit(self, mark: Mark, /, **options: Unpack[DepositKeywords]) -> Receipt: ...
    @overload
    def deposit(
        self,
        mark: str,
        /,
        *,
        subject: str,
        payload: Mapping[str, JsonValue] | None = ...,
        **options: Unpack[DepositKeywords],
    ) -> Receipt: ...
    def deposit(
        self,
        mark: Mark | str,
        /,
        *,
        subject: str = "",
        payload: Mapping[str, JsonValue] | None = None,
        intensity: float | None = None,
        key: str | None = None,
        decay: Decay | str | None = None,
        until: When | None = None,
        occurred_at: When | None = None,
        if_event: int | None = None,
    ) -> Receipt:
        """Deposit a mark. A kind that is new to the board is registered as its class declares it.

        Args:
            mark: A mark, such as `Smoke(subject="kitchen", detail="thin")`, or the name of a kind.
            subject: The subject of the mark, if `mark` is the name of a kind.
            payload: The payload, if `mark` is the name of a kind.
            intensity: At least 0; by default the intensity of the mark itself, which is 1 if it sets none. The board
                multiplies it by its trust in the author.
            key: An idempotency key of this author and kind. The same request again returns the first receipt and
                changes nothing, even if the board has changed since.
            decay: A decay law for this mark only. Without one, a new mark fades by the law of its kind, and a deposit
                that joins a live mark keeps the law of that mark.
            until: The mark keeps its full strength until this time and then evaporates; instead of `decay`.
            occurred_at: When it occurred; by default now. The mark fades from then on. A time ahead of the board's
                counts as now, up to the deployment's `max_skew`.
            if_event: Deposit the mark only if the live mark that it joins is still at this event, such as the
                `event_id` of a mark that was read; 0 if there must be no such mark.

        Raises:
            UnknownName: The kind is not registered, and this process does not know its class.
            InvalidLaw: `decay` is not a valid law.
            InvalidDuration: A duration in `decay` is not valid.
            InvalidMark: The payload, subject, intensity, key or `if_event` is invalid. `until` has passed, or is given
                together with `decay`. `subject` or `payload` is given together with a mark. Two classes have this kind.
            UniqueConflict: The value of the unique field belongs to another live mark.
            InvalidAuthor: The author has the name of an agent, or a name that looks like one.
            InvalidTime: `until` or `occurred_at` is not a time, or `occurred_at` is too far ahead of the board's time.
            KeyReused: The key was used for another request. Nothing is stored.
            Conflict: The live mark has changed since the event `if_event`. Nothing is stored; its `event_id` is the
                current one.
            LawConflict: The deposit names a law, and the live mark that it would join has another law.
            OutOfOrder: The deposit is older than the live mark that it would be added to, and the order of additions
                matters: the kind has a cap, or the law is neither exponential nor never.
        """
        from blackboard.board import deposit_transactions

        item = deposited_item(mark, subject, payload)
        options = deposit_options(key=key, decay=decay, until=until, occurred_at=occurred_at, if_event=if_event)
        return deposit_transactions.deposit_one(self.session, self.author, item, options, intensity)

    @overload
    def deposit_many(
        self,
        items: Iterable[Mark | Deposit],
        *,
        keys: Iterable[str] | None = ...,
        occurred_at: Iterable[When | None] | None = ...,
        on_error: Literal["raise"] = ...,
    ) -> list[Receipt]: ...
    @overload
    def deposit_many(
        self,
        items: Iterable[Mark | Deposit],
        *,
        keys: Iterable[str] | None = ...,
        occurred_at: Iterable[When | None] | None = ...,
        on_error: Literal["return"],
    ) -> list[Receipt | UsageError]: ...
    def deposit_many(
        self,
        items: Iterable[Mark | Deposit],
        *,
        keys: Iterable[str] | None = None,
        occurred_at: Iterable[When | None] | None = None,
        on_error: Literal["raise", "return"] = "raise",
    ) -> list[Receipt] | list[Receipt | UsageError]:
        """Deposit many marks, in transactions of 1,000.

        Args:
            items: Marks, or `Deposit`s for kinds without a class in this process.
            keys: The idempotency key of each item; by default the `key` of each `Deposit`.
            occurred_at: When each item occurred; None for now. By default the `occurred_at` of each `Deposit`.
            on_error: With "raise", the first error rolls back its own transaction and is raised. The message and the
                attribute `stored` of this error give the number of marks that are stored. With "return", the list has
                the error instead of the receipt, and all other marks are stored.

        Returns:
            A receipt for each item, in the same order.

        Raises:
            UsageError: An item cannot be stored, for a reason that `deposit` names, and `on_error` is "raise"; or
                `keys` or `occurred_at` is a text.
            StoreError: The database cannot be used; the attribute `stored` gives the number of marks that are stored.
            ValueError: The numbers of items, keys and times differ. If the lengths are known at the start, nothing is
                stored.
        """
        from blackboard.board import deposit_transactions

        return deposit_transactions.deposit_all(
            self.session, self.author, items, keys, occurred_at, raises=on_error == "raise"
        )

    def withdraw(self, mark_id: int, *, if_event: int | None = None) -> None:
        """Take a live mark off the board. This wakes no agent. Work on the mark that has not begun is cancelled.

        Args:
            mark_id: The id of the mark.
            if_event: Withdraw it only if it is still at this event.

        Raises:
            NotFound: There is no such live mark.
            Conflict: The mark has changed since the event `if_event`.
            InvalidMark: `if_event` is not the id of an event.
            InvalidAuthor: The author has the name of an agent, or a name that looks like one.
        """
        from blackboard.board.mark_changes import mark_removals
        from blackboard.board.mark_changes.deposit_checks import check_signature

        if if_event is not None:
            check_if_event(if_event, lowest=1)

        def work(txn: BoardTransaction) -> None:
            check_signature(txn, self.author)
            mark_removals.withdraw(txn, mark_id, self.author, if_event=if_event)

        self.session.write(work)

    def reinforce(self, mark_id: int, *, by: float, if_event: int | None = None) -> Receipt:
        """Add to the strength that a live mark has now, up to the cap of its kind, whatever its `on_repeat`.

        The mark fades from now on, by the law that it has. Its payload, its author and its time of occurrence stay. A
        reinforcement is not a deposit: no window counts it.

        Args:
            mark_id: The id of the mark.
            by: The strength to add, above 0. The board multiplies it by its trust in the author.
            if_event: Reinforce it only if it is still at this event.

        Raises:
            NotFound: There is no such live mark.
            Conflict: The mark has changed since the event `if_event`.
            InvalidMark: `by` is not a number above 0, or is too high for the weight of the kind. `if_event` is not the
                id of an event.
            InvalidAuthor: The author has the name of an agent, or a name that looks like one.
        """
        from blackboard.board.mark_changes import reinforcements
        from blackboard.board.mark_changes.deposit_checks import check_signature

        check_increase(by)
        if if_event is not None:
            check_if_event(if_event, lowest=1)

        def work(txn: BoardTransaction) -> Receipt:
            check_signature(txn, self.author)
            return reinforcements.reinforce(txn, mark_id, by, self.author, if_event=if_event)

        return self.session.write(work, shared=True)
