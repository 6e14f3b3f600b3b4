"""The pydantic models of kinds: checks payloads on the way in, makes marks on the way out."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable
from typing import Any

from pydantic import ConfigDict, ValidationError

from blackboard.deployment import Deployment
from blackboard.errors import InvalidMark
from blackboard.marks import Decision, Mark, Need, StoredMark, describe_invalid, dump_payload

__all__ = ["MarkClasses"]


class MarkClasses:
    """The classes of the kinds that this process knows, by kind."""

    def __init__(self, classes: Iterable[type[Mark]] = ()) -> None:
        self._classes: dict[str, type[Mark]] = {"need": Need, "decision": Decision}
        self.add(classes)

    def add(self, classes: Iterable[type[Mark]]) -> None:
        """Make more classes known."""
        self._classes.update({model.kind: model for model in classes})

    def known(self) -> dict[str, type[Mark]]:
        """Every class known so far."""
        return dict(self._classes)

    def find(self, kind: str, deployment: Deployment) -> type[Mark] | None:
        """The class of a kind: one that was made known, or the registered one if it can be imported here."""
        if kind not in self._classes and kind in deployment.kinds:
            module, _, name = deployment.kinds[kind].model.partition(":")
            try:
                found = getattr(importlib.import_module(module), name) if module and module != "__main__" else None
            except (ImportError, AttributeError, ValueError):
                found = None
            if isinstance(found, type) and issubclass(found, Mark) and found.kind == kind:
                self._classes[kind] = found
        return self._classes.get(kind)

    def check(self, kind: str, payload: Any, deployment: Deployment) -> dict[str, Any]:
        """The payload as it is stored: checked by the kind's class or, where that is out of reach, its JSON schema.

        Raises:
            InvalidMark: it does not fit, with each wrong field.
        """
        if not isinstance(payload, dict):
            raise InvalidMark(f'a payload is a JSON object, such as {{"message": "..."}}, not {type(payload).__name__}')
        reserved = sorted({"subject", "intensity"} & set(payload))
        if reserved:
            raise InvalidMark(f"the payload does not fit kind {kind!r}: {reserved[0]} is no field of the payload")
        if (model := self.find(kind, deployment)) is not None:
            try:
                return model.model_validate({**payload, "subject": "-"}).payload
            except ValidationError as error:
                raise InvalidMark(describe_invalid(kind, error)) from None
        _check_by_schema(kind, payload, deployment.kinds[kind].payload)
        return payload

    def make(
        self, kind: str, subject: str, payload: str, intensity: float, stored: StoredMark, deployment: Deployment
    ) -> Mark:
        """A mark from what is stored.

        Raises:
            InvalidMark: the payload does not fit the kind any more.
        """
        model = self.find(kind, deployment) or self._untyped(kind)
        try:
            mark = model.model_validate({**json.loads(payload), "subject": subject, "intensity": intensity})
        except ValidationError as error:
            raise InvalidMark(f"mark {stored.id}: {describe_invalid(kind, error)}") from None
        mark._stored = stored
        return mark

    def _untyped(self, kind: str) -> type[Mark]:
        class Untyped(Mark, kind=kind):
            """A mark of a kind whose class cannot be imported here: its fields are taken as they are."""

            model_config = ConfigDict(extra="allow")

        self._classes[kind] = Untyped
        return Untyped


def _check_by_schema(kind: str, payload: dict[str, Any], schema: dict[str, Any] | None) -> None:
    dump_payload(payload)
    if schema is None:
        return
    from jsonschema import Draft202012Validator

    problems = [
        f"{'.'.join(str(step) for step in problem.absolute_path) or 'payload'}: {problem.message[:200]}"
        for problem in sorted(Draft202012Validator(schema).iter_errors(payload), key=str)
    ]
    if problems:
        raise InvalidMark(f"the payload does not fit kind {kind!r}: {'; '.join(problems[:10])}")
