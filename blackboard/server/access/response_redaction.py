"""Redaction: tokens with the scope `read-redacted` do not get the texts of depositors, people and models.

One function walks over every response, whatever its shape. Numbers and times pass, and so do the texts of the fields
that are listed here. Any other text is replaced, so the text of a new field is withheld until the field is listed. A
subject becomes a name that stays the same. Nobody can guess the subject from this name.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from blackboard.board.error_names import PROBLEM_PREFIX
from blackboard.core.records.states import ActivationState, CallState, MessageState
from blackboard.server.http_problems import PROBLEM_TYPES

WITHHELD = "(withheld)"

SUBJECT_FIELDS = frozenset({"subject"})
TEXT_FIELDS = frozenset({
    "agent", "agents", "answerable_by", "api", "author", "catch_up", "condition", "counts", "crossed",
    "doing", "event", "guard", "kind", "kinds", "law", "measure", "message_id", "model", "name", "on_guard",
    "on_repeat", "outcome", "per", "role", "schedule", "search", "sink", "topic", "unserved_agents", "version",
    "waits_for", "watch", "withdraws", "worker", "writes",
})  # fmt: skip
"""The fields whose texts the deployment or the program has written, and the names of authors."""
SHOWN_STATES = frozenset({
    *ActivationState, *CallState, *MessageState, "waits", "waiting", "deferred", "live", "evaporated", "withdrawn",
    "unknown", "ok", "note", "wrong",
})  # fmt: skip
"""The values of a field `state` that are shown. Another value may quote a text."""
SHOWN_PROBLEMS = frozenset(PROBLEM_PREFIX + name for name in PROBLEM_TYPES)
"""The values of a field `type` that are shown. A response can have a problem for each refused item."""
OBJECT_FIELDS = frozenset({"activations", "gone_agents", "marks", "per", "schema", "decay", "watches"})
"""The fields whose objects are shown whole: numbers by name, or settings of the deployment."""


class Redaction:
    """The redaction of one board's responses.

    Args:
        key: A text that only the board knows.
    """

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def __call__(self, value: Any, field: str = "") -> Any:
        """Return a value of a field without withheld texts, as JSON values and times."""
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {item.name: self(getattr(value, item.name), item.name) for item in dataclasses.fields(value)}
        if isinstance(value, Mapping):
            return self._mapping(value, field)
        if isinstance(value, str):
            return self._text(value, field)
        if isinstance(value, Sequence):
            # Each object in a list has fields of its own. An object in a field may have names that depositors chose.
            items = (item for item in value if not isinstance(item, str) or field in TEXT_FIELDS | SUBJECT_FIELDS)
            return [self(item, "" if isinstance(item, Mapping) else field) for item in items]
        if value is None or isinstance(value, bool | int | float | datetime | date):
            return value
        return WITHHELD

    def subject(self, subject: str) -> str:
        """Return the name that is shown in place of a subject."""
        return f"subject-{hmac.new(self._key, subject.encode(), hashlib.sha256).hexdigest()[:20]}"

    def _mapping(self, value: Mapping[Any, Any], field: str) -> Any:
        if field in OBJECT_FIELDS:
            return value
        if field:  # the names in this object may be words of a depositor
            return {}
        return {name: self(item, str(name)) for name, item in value.items()}

    def _text(self, value: str, field: str) -> str:
        if field in SUBJECT_FIELDS:
            return self.subject(value)
        is_state = field in ("state", "old_state") and value in SHOWN_STATES
        is_problem = field == "type" and value in SHOWN_PROBLEMS
        return value if field in TEXT_FIELDS or is_state or is_problem else WITHHELD
