"""Checks of a deposit: who may sign it, and whether its payload fits the schema and the limits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from blackboard.board.deployment_effects.registered_kinds import schemas_of
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.authors import check_author, skeleton
from blackboard.core.marks.mark_error_texts import printable_text
from blackboard.core.specs.agent_spec import DepositLimits
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.errors import InvalidAuthor, InvalidMark


def check_payload(txn: BoardTransaction, kind: str, author: str, text: str, classes: MarkClasses) -> None:
    """Check a payload that its class accepts against the limits and the registered schema of its kind.

    Raises:
        InvalidMark: The payload does not fit.
    """
    check_size(txn.deployment, kind, author, text)
    classes.check_registered(kind, text, txn.deployment.kinds[kind], lambda: schemas_of(txn, kind))


def check_size(deployment: Deployment, kind: str, author: str, text: str) -> None:
    """Check the text of a payload against the limits of its kind and of its author.

    Raises:
        InvalidMark: The payload is too large, or one of its texts is too long; the message names the limit.
    """
    _check_limits(deployment.kinds[kind], "kind", kind, text)
    if (limits := deployment.limits.get(author)) is not None:
        _check_limits(limits, "author", author, text)


def _check_limits(limits: KindSpec | DepositLimits, owner: str, name: str, text: str) -> None:
    """Check a payload, as JSON text, against the limits of a kind or an author."""
    size, longest = limits.max_payload, limits.max_text
    # A character has at most four bytes.
    if size is not None and len(text) * 4 > size and (actual := len(text.encode())) > size:
        raise InvalidMark(
            f"the payload has {actual} bytes; at most {size} are allowed (max_payload of {owner} {name!r})"
        )
    # The JSON of a text is never shorter than the text.
    if longest is None or len(text) <= longest:
        return
    for place, length in _lengths(json.loads(text)):
        if length > longest:
            raise InvalidMark(
                f"{printable_text(place)}: the text has {length} characters; at most {longest} are allowed"
                f" (max_text of {owner} {name!r})"
            )


def _lengths(value: Any) -> Iterator[tuple[str, int]]:
    """Yield the place and the length of each text in a JSON value. The names in an object are also texts."""
    waiting = [("", value)]
    while waiting:
        place, item = waiting.pop()
        if isinstance(item, str):
            yield place, len(item)
        elif isinstance(item, list):
            waiting += [(f"{place}.{index}", part) for index, part in enumerate(item)]
        elif isinstance(item, dict):
            for name, part in item.items():
                inner = f"{place}.{name[:64]}".removeprefix(".")
                yield inner, len(name)
                waiting.append((inner, part))


def check_signature(txn: BoardTransaction, author: str) -> None:
    """Check that a person or a program may sign with a name.

    Raises:
        InvalidAuthor: The name cannot be stored, is reserved, or looks like the name of an agent.
    """
    check_author(author)
    if (agent := txn.active.agents_by_skeleton.get(skeleton(author))) is not None:
        looks = "is" if agent == author else f"looks like {agent!r}, which is"
        raise InvalidAuthor(f"{author!r} {looks} an agent of this board; only its activations deposit in that name")
