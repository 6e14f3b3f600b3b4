"""The check of the name with which a person or a program signs its deposits and acts on a board."""

from __future__ import annotations

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.authors import check_author, skeleton
from blackboard.errors import InvalidAuthor


def check_signature(txn: BoardTransaction, author: str) -> None:
    """Check that a person or a program may sign with a name.

    Raises:
        InvalidAuthor: The name cannot be stored, is reserved, or looks like the name of an agent.
    """
    check_author(author)
    if (agent_spec := txn.active.agents_by_skeleton.get(skeleton(author))) is not None:
        looks = "is" if agent_spec == author else f"looks like {agent_spec!r}, which is"
        raise InvalidAuthor(f"{author!r} {looks} an agent of this board; only its activations deposit in that name")
