"""The methods of a board for needs, which agents ask, and for the decisions that answer them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blackboard.board.interface.board_handle import BoardHandle
from blackboard.errors import NotFound

if TYPE_CHECKING:
    from blackboard.board.result_types.mark_results import MarkEvent, NeedRecord, Receipt


class NeedMethods(BoardHandle):
    """Needs, and the decisions that answer them."""

    def inbox(self, assignee: str | None = None, *, all_needs: bool = False) -> list[NeedRecord]:
        """Return the needs that wait for a person: overdue needs first, then the others, oldest first.

        Args:
            assignee: Return only the needs that this person should answer.
            all_needs: Whether to include the needs that agents are working on.
        """
        from blackboard.board.reading import inbox

        return self.session.read(lambda txn: inbox.needs_of(txn, assignee, all_needs=all_needs))

    def assign(self, need_id: int, assignee: str) -> None:
        """Set who should answer a need; `""` removes the name. The history records the change.

        Args:
            need_id: The id of the need.
            assignee: The name of the person, up to 200 characters; "" for none.

        Raises:
            InvalidMark: The name cannot be stored.
            InvalidAuthor: The author has the name of an agent, or a name that looks like one.
            NotFound: There is no such need, or it was answered or withdrawn before; the message says by whom and when.
        """
        from blackboard.board.need_answers import need_lifecycle

        self.session.write(lambda txn: need_lifecycle.assign(txn, need_id, assignee, self.author))

    def answer(self, need_id: int, text: str, *, any_answer: bool = False) -> Receipt:
        """Answer a need: take it off the board and deposit a decision.

        If the need has options, the answer must be one of them, in upper or lower case. The decision has the spelling
        of the option.

        Args:
            need_id: The id of the need.
            text: The answer, which must not be blank.
            any_answer: Whether the answer may differ from the options.

        Raises:
            InvalidMark: The answer is empty, too long, or not one of the options.
            InvalidAuthor: The author has the name of an agent, or a name that looks like one.
            NotFound: There is no such need, or it was answered or withdrawn before; the message says by whom and when.
        """
        from blackboard.board.need_answers import decisions

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
        from blackboard.board.need_answers import need_lifecycle
        from blackboard.board.reading.mark_queries import event_record

        event = self.session.read(lambda txn: need_lifecycle.decision_on(txn, need_id))
        if event is None:
            raise NotFound(f"the history has no answer to a need with the id {need_id}")
        return event_record(event)
