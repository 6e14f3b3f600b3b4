"""The registered kinds of a board: how a kind is registered at its first use, and the schemas that it has had."""

from __future__ import annotations

import json
from typing import Any

from blackboard.board.deployment_effects import deployment_activation
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.authors import BOARD
from blackboard.store.statements import DEPLOYMENTS


def ensure_kind(txn: BoardTransaction, kind: str, classes: MarkClasses, author: str = BOARD) -> None:
    """Register a kind that is new to the board as its class declares it, if this process knows the class.

    The activity names `author` as the person or program that registered it.
    """
    if kind not in txn.deployment.kinds and (mark_class := classes.get(kind)) is not None:
        deployment_activation.activate(txn, txn.deployment.with_kinds({kind: mark_class.defaults}), author)
        txn.reread_deployment()


def schemas_of(txn: BoardTransaction, kind: str) -> list[dict[str, Any] | None]:
    """Return the schemas that the board has ever registered for a kind."""
    contents = [json.loads(row.content) for row in txn.sql.all(DEPLOYMENTS.deployments)]
    return [content["kinds"][kind]["payload_schema"] for content in contents if kind in content["kinds"]]
