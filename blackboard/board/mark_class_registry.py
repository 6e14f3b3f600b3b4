"""The mark classes that this process knows. They check payloads, and make marks from stored payloads."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping

from pydantic import ConfigDict, JsonValue, ValidationError

from blackboard.deployment import Deployment
from blackboard.errors import InvalidMark
from blackboard.marks import BUILT_IN_CLASSES, Mark, StoredMark, attach_stored, describe_invalid, dump_payload
from blackboard.payload_round_trip import check_class, parse_payload, read_mark, write_mark
from blackboard.store.rows import EventRow, MarkRow


class MarkClasses:
    """The mark classes that this process knows, by kind."""

    def __init__(self, classes: Iterable[type[Mark]] = ()) -> None:
        self._classes: dict[str, type[Mark]] = dict(BUILT_IN_CLASSES)
        self._missing: set[str] = set()
        # Apart from the others, because it must not check a payload: the registered JSON schema does.
        self._untyped: dict[str, type[Mark]] = {}
        self.add(classes)

    def add(self, classes: Iterable[type[Mark]]) -> None:
        """Add mark classes.

        Raises:
            InvalidMark: A class would lose a value that is stored.
        """
        for model in classes:
            if self._classes.get(model.kind) is not model:
                check_class(model)
                self._classes[model.kind] = model

    def get(self, kind: str) -> type[Mark] | None:
        """Return the class of a kind, if it was added."""
        return self._classes.get(kind)

    def find(self, kind: str, deployment: Deployment) -> type[Mark] | None:
        """Return the class of a kind: one that was added, or the registered one if it can be imported here."""
        if kind not in self._classes and kind in deployment.kinds:
            place = deployment.kinds[kind].model
            if place not in self._missing:
                if (model := _import_class(place)) is not None and model.kind == kind:
                    self._classes[kind] = model
                else:
                    self._missing.add(place)  # a failed import is slow
        return self._classes.get(kind)

    def check(self, kind: str, payload: object, subject: str, deployment: Deployment) -> str:
        """Return the text of a payload as it is stored.

        The class of the kind checks it or, if that cannot be imported here, the registered JSON schema.

        Raises:
            InvalidMark: The payload does not fit the kind; the message names each wrong field.
        """
        if not isinstance(payload, Mapping):
            raise InvalidMark(f'a payload is a JSON object, such as {{"message": "..."}}, not {type(payload).__name__}')
        if reserved := sorted({"subject", "intensity"} & set(payload)):
            raise InvalidMark(f"the payload does not fit kind {kind!r}: {reserved[0]} is not a field of the payload")
        payload = dict(payload)
        if (model := self.find(kind, deployment)) is not None:
            try:
                return write_mark(parse_payload(model, payload, subject))
            except ValidationError as error:
                raise InvalidMark(describe_invalid(kind, error)) from None
        text = dump_payload(payload)
        _check_by_schema(kind, payload, deployment.kinds[kind].payload)
        return text

    def make(self, row: MarkRow | EventRow, stored: StoredMark, deployment: Deployment) -> Mark:
        """Return a mark of its kind's class from its row, or from the event that produced its state.

        Raises:
            InvalidMark: The payload no longer fits the kind.
        """
        model = self.find(row.kind, deployment) or self._untyped_class(row.kind)
        try:
            mark = read_mark(model, row.payload or "{}", row.subject, row.intensity)
        except ValidationError as error:
            raise InvalidMark(f"mark {stored.id}: {describe_invalid(row.kind, error)}") from None
        return attach_stored(mark, stored)

    def _untyped_class(self, kind: str) -> type[Mark]:
        if kind not in self._untyped:

            class Untyped(Mark, kind=kind):
                """A mark of a kind whose class cannot be imported here. It accepts any fields."""

                model_config = ConfigDict(extra="allow")

            self._untyped[kind] = Untyped
        return self._untyped[kind]


def _import_class(place: str) -> type[Mark] | None:
    module, _, name = place.partition(":")
    if module in ("", "__main__"):
        return None
    try:
        model = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        return None
    return model if isinstance(model, type) and issubclass(model, Mark) else None


def _check_by_schema(kind: str, payload: dict[str, JsonValue], schema: dict[str, JsonValue] | None) -> None:
    if schema is None:
        return
    from jsonschema import Draft202012Validator

    problems = [
        f"{'.'.join(str(step) for step in problem.absolute_path) or 'payload'}: {problem.message[:200]}"
        for problem in sorted(Draft202012Validator(schema).iter_errors(payload), key=str)
    ]
    if problems:
        raise InvalidMark(f"the payload does not fit kind {kind!r}: {'; '.join(problems[:10])}")
