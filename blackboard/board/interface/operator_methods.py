"""The methods of a board for operators: pauses, early wakes, failed work, costs and messages to people outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blackboard.board.interface.board_handle import BoardHandle

if TYPE_CHECKING:
    from blackboard.board.result_types.message_results import OutboxMessage
    from blackboard.board.result_types.work_results import EarlyWake


class OperatorMethods(BoardHandle):
    """Pauses, early wakes, work that failed, costs that are entered, and messages to people outside."""

    def pause(self, agent: str | None = None, reason: str | None = None) -> None:
        """Pause an agent, or the whole board, until `resume`. Crossings are still recorded.

        Args:
            agent: The name of the agent; None for the whole board.
            reason: A text for people, which is shown with the pause.

        Raises:
            UnknownName: There is no such agent.
        """
        from blackboard.board import operator_actions

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
        from blackboard.board import operator_actions

        self.session.write(lambda txn: operator_actions.resume(txn, agent, self.author))

    def wake(self, crossing_id: int) -> EarlyWake:
        """Wake an agent early: end the batch window of a crossing, and the cooldown that holds it.

        A guard, a budget or a pause still holds the crossing; the result says which.

        Args:
            crossing_id: The crossing, as `agenda` lists it.

        Raises:
            NotFound: There is no such crossing.
            WorkError: The crossing no longer waits, or its agent is not in the deployment.
        """
        from blackboard.board import operator_actions

        return self.session.write(lambda txn: operator_actions.wake(txn, crossing_id, self.author))

    def retry(self, activation_id: int) -> None:
        """Try an activation again, with all its attempts. A paused model is tried immediately.

        Args:
            activation_id: The id of an activation that is dead, held or quarantined, or that failed and waits.

        Raises:
            NotFound: There is no such activation.
            WorkError: The activation has not failed and is neither held nor quarantined.
        """
        from blackboard.board import operator_actions

        self.session.write(lambda txn: operator_actions.retry(txn, activation_id, self.author))

    def discard(self, activation_id: int) -> None:
        """Give up an activation. Its marks do not wake the agent again.

        Args:
            activation_id: The id of an activation that is dead, held or quarantined, or that failed and waits.

        Raises:
            NotFound: There is no such activation.
            WorkError: The activation has not failed and is neither held nor quarantined.
        """
        from blackboard.board import operator_actions

        self.session.write(lambda txn: operator_actions.discard(txn, activation_id, self.author))

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
        from blackboard.board import operator_actions

        self.session.write(lambda txn: operator_actions.record_cost(txn, call_id, usd, self.author))

    def outbox(
        self, *, sink: str | None = None, state: str | None = None, before: int | None = None, limit: int = 50
    ) -> list[OutboxMessage]:
        """Return the messages to people outside, newest first.

        Args:
            sink: Only messages of this sink.
            state: Only messages in this state: waiting, delivered, failed, gone or discarded.
            before: Only messages with a smaller id.
            limit: The largest number of messages.

        Raises:
            UnknownName: There is no such state.
        """
        from blackboard.board.outbox import outbox_administration

        return self.session.read(
            lambda txn: outbox_administration.list_messages(txn, sink=sink, state=state, before=before, limit=limit)
        )

    def outbox_message(self, message_id: int) -> OutboxMessage:
        """Return one message to people outside.

        Raises:
            NotFound: There is no such message.
        """
        from blackboard.board.outbox import outbox_administration

        return self.session.read(lambda txn: outbox_administration.get(txn, message_id))

    def retry_message(self, message_id: int) -> OutboxMessage:
        """Send a message to people outside again under the same id, whatever its state, as if it were new.

        Raises:
            NotFound: There is no such message.
            UnknownName: The deployment no longer has its sink.
        """
        from blackboard.board.outbox import outbox_administration

        return self.session.write(lambda txn: outbox_administration.retry(txn, message_id, self.author))

    def discard_message(self, message_id: int) -> OutboxMessage:
        """Give up a message to people outside that waits or was not delivered.

        Raises:
            NotFound: There is no such message.
            WorkError: The message was delivered, or given up before.
        """
        from blackboard.board.outbox import outbox_administration

        return self.session.write(lambda txn: outbox_administration.discard(txn, message_id, self.author))

    def retry_messages(self, *, sink: str | None = None, state: str | None = None) -> list[int]:
        """Send up to 1,000 undelivered messages again, as `retry_message` does, and return their ids, newest first.

        Messages of a sink that the deployment does not have stay, and so do those that wait for their first attempt. A
        repeated call takes the next messages.

        Args:
            sink: Only messages of this sink.
            state: Only messages in this state: waiting, failed or gone.

        Raises:
            UnknownName: There is no such sink or state.
        """
        from blackboard.board.outbox import outbox_administration

        return self.session.write(
            lambda txn: outbox_administration.retry_many(txn, self.author, sink=sink, state=state)
        )

    def discard_messages(self, *, sink: str | None = None, state: str | None = None) -> list[int]:
        """Give up at most 1,000 undelivered messages, as `discard_message` does, and return their ids, newest first.

        Args:
            sink: Only messages of this sink, which may be gone from the deployment.
            state: Only messages in this state: waiting, failed or gone.

        Raises:
            UnknownName: There is no such state.
        """
        from blackboard.board.outbox import outbox_administration

        return self.session.write(
            lambda txn: outbox_administration.discard_many(txn, self.author, sink=sink, state=state)
        )
