"""The methods of a board for messages to people outside."""

from __future__ import annotations

from blackboard.board.interface.board_handle import BoardHandle
from blackboard.board.outbox import outbox_administration
from blackboard.board.result_types import OutboxMessage


class OutboxMethods(BoardHandle):
    """The messages to people outside."""

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
        return self.session.read(
            lambda txn: outbox_administration.list_messages(txn, sink=sink, state=state, before=before, limit=limit)
        )

    def outbox_message(self, message_id: int) -> OutboxMessage:
        """Return one message to people outside.

        Raises:
            NotFound: There is no such message.
        """
        return self.session.read(lambda txn: outbox_administration.get(txn, message_id))

    def retry_message(self, message_id: int) -> OutboxMessage:
        """Send a message to people outside again under the same id, whatever its state, as if it were new.

        Raises:
            NotFound: There is no such message.
            UnknownName: The deployment does not have its sink any more.
        """
        return self.session.write(lambda txn: outbox_administration.retry(txn, message_id, self.author))

    def discard_message(self, message_id: int) -> OutboxMessage:
        """Give up a message to people outside that waits or was not delivered.

        Raises:
            NotFound: There is no such message.
            WorkError: The message was delivered, or given up before.
        """
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
        return self.session.write(
            lambda txn: outbox_administration.retry_many(txn, self.author, sink=sink, state=state)
        )

    def discard_messages(self, *, sink: str | None = None, state: str | None = None) -> list[int]:
        """Give up at most 1,000 undelivered messages, as `discard_message` does, and return their ids, newest first.

        Args:
            sink: Only messages of this sink, which the deployment may not have any more.
            state: Only messages in this state: waiting, failed or gone.

        Raises:
            UnknownName: There is no such state.
        """
        return self.session.write(
            lambda txn: outbox_administration.discard_many(txn, self.author, sink=sink, state=state)
        )
