"""The rows of messages: one for each sink of a topic, written in the transaction of the cause.

If there is no sink for a topic, a call of `announce` costs one lookup in a dictionary.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.marks.scopes import WHOLE_BOARD, nullable_scope, subject_of
from blackboard.core.specs.sink_spec import SinkSpec
from blackboard.store.statements import OUTBOX

MAX_TITLE_CHARACTERS = 200
MAX_MESSAGE_CHARACTERS = 2_000
"""Longer texts are cut. The rest is on the board, and the message names where."""


@dataclass(frozen=True)
class Notice:
    """A message to people outside the board."""

    occurrence: str
    """The key of the event. A sink gets one message for each key."""
    title: str
    """A line for people."""
    text: str = ""
    """More lines for people; "" for none."""
    remedy: str = ""
    """A command that solves the problem; "" for none."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """The details for programs."""
    scope: str = WHOLE_BOARD
    """The scope that the message is about."""
    agent: str | None = None
    """The agent that the message is about; None for none."""
    kinds: Collection[str] = ()
    """The kinds of the marks that the message is about."""
    mark_id: int | None = None
    """The mark that the message is about."""
    activation_id: int | None = None
    """The activation that the message is about."""
    crossing_id: int | None = None
    """The crossing that the message is about."""

    @property
    def content(self) -> str:
        """The content of the message, in JSON."""
        parts = {
            "title": _cut(" ".join(_visible(self.title).split()), MAX_TITLE_CHARACTERS),
            "text": _cut(_visible(self.text), MAX_MESSAGE_CHARACTERS),
            "remedy": self.remedy,
            "data": self.data,
        }
        return json.dumps(parts, ensure_ascii=False)


def announce(txn: BoardTransaction, topic: str, make: Callable[[], Notice]) -> None:
    """Put a message into the outbox for each sink of a topic.

    Args:
        txn: The transaction of the cause.
        topic: A topic, such as `need` or `mark:alert`.
        make: Returns what has happened; called only if there is a sink for the topic.
    """
    sinks = txn.active.sinks_by_topic.get(topic)
    if sinks is None:
        return
    notice = make()
    for name, sink in sinks:
        announce_to(txn, name, sink, topic, notice)


def announce_to(txn: BoardTransaction, name: str, sink_spec: SinkSpec, topic: str, notice: Notice) -> bool:
    """Put a message for one sink into the outbox, if it passes the filters of the sink; return whether it does."""
    if not sink_spec.passes(notice.agent, notice.kinds, subject_of(notice.scope)):
        return False
    txn.sql.run(
        OUTBOX.put_message,
        message_id=f"msg_{secrets.token_hex(12)}",
        sink=name,
        topic=topic,
        occurrence=_occurrence(topic, notice),
        content=notice.content,
        created_at=txn.now,
        scope=nullable_scope(notice.scope),
        agent=notice.agent,
        mark_id=notice.mark_id,
        activation_id=notice.activation_id,
        crossing_id=notice.crossing_id,
    )
    return True


def is_announced(txn: BoardTransaction, name: str, topic: str, notice: Notice) -> bool:
    """Return whether the outbox has had a message to a sink about an occurrence."""
    return txn.sql.one(OUTBOX.message_about, sink=name, occurrence=_occurrence(topic, notice)) is not None


def erase(txn: BoardTransaction, activation_ids: Iterable[int], patterns: Iterable[str]) -> None:
    """Delete the messages about activations, and those whose texts fit a pattern of LIKE, sent or not."""
    for activation_id in activation_ids:
        txn.sql.run(OUTBOX.delete_messages_of_activation, id=activation_id)
    for pattern in patterns:
        txn.sql.run(OUTBOX.delete_messages_naming, pattern=pattern)


def erase_scope(txn: BoardTransaction, scope: str) -> None:
    """Delete the messages about a subject or a group."""
    txn.sql.run(OUTBOX.delete_messages_about, scope=scope)


def _occurrence(topic: str, notice: Notice) -> str:
    return f"{topic}:{notice.occurrence}"


def _visible(text: str) -> str:
    """Return a text without characters that control a terminal, or the direction of a text."""
    return "".join(sign for sign in text if sign.isprintable() or sign.isspace())


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else f"{text[: size - 1]}…"
