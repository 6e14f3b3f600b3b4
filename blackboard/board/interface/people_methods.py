"""The methods of a board for the decisions of people: needs, pauses, and work that failed."""

from __future__ import annotations

from blackboard.board import operator_actions
from blackboard.board.activations import model_pauses
from blackboard.board.activations.call_records import model_calls
from blackboard.board.interface.board_handle import BoardHandle
from blackboard.board.need_answers import asked_needs, decisions
from blackboard.board.reading import inbox
from blackboard.board.reading.mark_queries import event_record
from blackboard.board.result_types import (
    EarlyWake,
    MarkEvent,
    NeedRecord,
    Receipt,
)
from blackboard.board.transactions import activity_log
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.records.event_kinds import ActivityEvent
from blackboard.core.records.micro_dollars import check_cost, from_usd
from blackboard.errors import NotFound


class PeopleMethods(BoardHandle):
    """The decisions of people: needs, pauses, early wakes, and work that failed."""

    def inbox(self, assignee: str | None = None, *, all_needs: bool = False) -> list[NeedRecord]:
        """Return the needs that wait for a person: overdue needs first, then the others, oldest first.

        Args:
            assignee: Return only the needs that this person should answer.
            all_needs: Whether to include the needs that agents are working on.
        """
        return self.session.read(lambda txn: inbox.needs_of(txn, assignee, all_needs=all_needs))

    def assign(self, need_id: int, assignee: str) -> None:
        """Set who should answer a need; `""` removes the name. The history records the change.

        Args:
            need_id: The id of the need.
            assignee: The name of the person, up to 200 characters; "" for none.

        Raises:
            InvalidMark: The name cannot be stored.
            NotFound: There is no such need, or it was answered or withdrawn before; the message says by whom and when.
        """
        self.session.write(lambda txn: asked_needs.assign(txn, need_id, assignee, self.author))

    def answer(self, need_id: int, text: str, *, any_answer: bool = False) -> Receipt:
        """Answer a need: take it off the board and deposit a decision.

        If the need has options, the answer must be one of them, in upper or lower case. The decision has the spelling
        of the option.

        Args:
            need_id: The id of the need.
            text: The answer, which must not be blank.
            any_answer: Whether the answer may differ from the options.

        Raises:
            InvalidMark: The answer is empty, or not one of the options.
            NotFound: There is no such need, or it was answered or withdrawn before; the message says by whom and when.
        """
        classes = self.session.classes
        return self.session.write(
            lambda txn: decisions.answer_as_person(txn, need_id, text, self.author, classes, any_answer=any_answer)
        )

    def decision(self, need_id: int) -> MarkEvent:
        """Return the decision that answered a need, as the history has it.

        Args:
            need_id: The id of the need.

        Raises:
            NotFound: There is no such need, or it has no answer.
        """
        event = self.session.read(lambda txn: asked_needs.decision_on(txn, need_id))
        if event is None:
            raise NotFound(f"the history has no answer to a need with the id {need_id}")
        return event_record(event)

    def pause(self, agent: str | None = None, reason: str | None = None) -> None:
        """Pause an agent, or the whole board, until `resume`. Crossings are still recorded.

        Args:
            agent: The name of the agent; None for the whole board.
            reason: A text for people, which is shown with the pause.

        Raises:
            UnknownName: There is no such agent.
        """
        self.session.write(lambda txn: operator_actions.pause(txn, agent, reason, self.author))

    def resume(self, agent: str | None = None) -> None:
        """Resume an agent, or the whole board.

        Resuming an agent also ends its cooldown after failures. Resuming the board also accepts a clock that
        leapt ahead, and tries paused models.

        Args:
            agent: The name of the agent; None for the whole board.

        Raises:
            UnknownName: There is no such agent.
        """
        self.session.write(lambda txn: operator_actions.resume(txn, agent, self.author))

    def wake(self, crossing_id: int) -> EarlyWake:
        """Wake an agent early: end the batch window of a crossing, and the cooldown that holds it.

        A guard, a budget or a pause still holds the crossing; the result says which.

        Args:
            crossing_id: The crossing, as `agenda` lists it.

        Raises:
            NotFound: There is no such crossing.
            WorkError: The crossing does not wait any more, or its agent is not in the deployment.
        """
        return self.session.write(lambda txn: operator_actions.wake(txn, crossing_id, self.author))

    def retry(self, activation_id: int) -> None:
        """Try an activation again, with all its attempts. A paused model is tried at once.

        Args:
            activation_id: The id of an activation that is dead, held or quarantined, or that failed and waits.

        Raises:
            NotFound: There is no such activation.
            WorkError: The activation has not failed and is neither held nor quarantined.
        """

        def work(txn: BoardTransaction) -> None:
            row = operator_actions.retry(txn, activation_id)
            model_pauses.try_now(txn)
            activity_log.note(txn, ActivityEvent.RETRY, **activity_log.about(row), author=self.author)

        self.session.write(work)

    def discard(self, activation_id: int) -> None:
        """Give up an activation. Its marks do not wake the agent again.

        Args:
            activation_id: The id of an activation that is dead, held or quarantined, or that failed and waits.

        Raises:
            NotFound: There is no such activation.
            WorkError: The activation has not failed and is neither held nor quarantined.
        """

        def work(txn: BoardTransaction) -> None:
            row = operator_actions.discard(txn, activation_id)
            activity_log.note(txn, ActivityEvent.DISCARD, **activity_log.about(row), author=self.author)

        self.session.write(work)

    def record_cost(self, call_id: int, usd: float) -> None:
        """Record the cost of a model call whose outcome or usage is unknown.

        Until then, the budget counts the highest cost that the call may have.

        Args:
            call_id: The call, as the view `model_calls` shows it.
            usd: US dollars, at least 0 and below 1e6, as the provider's account shows them.

        Raises:
            NotFound: There is no such call, or its cost is known.
            UsageError: The cost is out of range.
        """
        check_cost(usd)

        def work(txn: BoardTransaction) -> None:
            call = model_calls.record_cost(txn, call_id, from_usd(usd))
            activity_log.note(
                txn,
                ActivityEvent.RECORD_COST,
                agent=call.agent,
                activation_id=call.activation_id,
                author=self.author,
            )

        self.session.write(work)
