"""The mark classes that this process knows. They check payloads, and make marks from stored payloads.

The program or its deployment file names the classes. No module is ever imported because a board names it.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol, TypeVar

from pydantic import JsonValue, ValidationError

from blackboard.core.built_in_marks import BUILT_IN_CLASSES
from blackboard.core.marks.canonical_json_schema import canonical_form
from blackboard.core.marks.mark_checks import normalize_subject
from blackboard.core.marks.mark_error_texts import describe_invalid
from blackboard.core.marks.mark_model import RESERVED_FIELDS, Mark, StandIn, StoredMark, attach_stored, class_path_of
from blackboard.core.marks.payload_json import dump_payload, parse_payload, read_mark
from blackboard.core.marks.payload_round_trip import check_class, write_mark
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.errors import BlackboardError, InvalidMark
from blackboard.store.row_types.mark_row_types import EventRow, MarkRow

M = TypeVar("M", bound=Mark)
ClassSource = Callable[[], Iterable[type[Mark]]]


class ItemWithKind(Protocol):
    """An item that names its kind, because it has no class."""

    @property
    def kind(self) -> str:
        """The name of the kind."""


class _ComparedSchemas(NamedTuple):
    """The comparison of the schema of a class with the registered schemas of its kind."""

    mark_class: type[Mark]
    registered: object
    """The registered schema that is active."""
    is_registered: bool
    """Whether the schema of the class is registered, now or earlier."""


class MarkClasses:
    """The mark classes that this process knows, by kind."""

    def __init__(self, classes: Iterable[type[Mark]] = ()) -> None:
        self._classes: dict[str, type[Mark]] = dict(BUILT_IN_CLASSES)
        self._stand_ins: dict[str, type[StandIn]] = {}
        self._lock = threading.Lock()
        self._source: ClassSource | None = None
        self._from_source: dict[str, type[Mark]] = {}
        self._failure: BlackboardError | None = None
        self._comparisons: dict[str, _ComparedSchemas] = {}
        self.add(classes)

    def add(self, classes: Iterable[type[Mark]], *, replace: bool = False) -> None:
        """Add mark classes. With `replace`, they take the place of other classes of their kinds.

        Raises:
            InvalidMark: A class would lose a value of its marks, or another class has its kind.
        """
        for mark_class in classes:
            known = self._classes.get(mark_class.kind)
            if known is mark_class or issubclass(mark_class, StandIn):
                continue
            check_class(mark_class)
            if known is not None and not replace:
                _check_same(known, mark_class)
            self._classes[mark_class.kind] = mark_class

    def load_from(self, source: ClassSource) -> None:
        """Set a source of classes, such as the deployment file, which `load` asks for a kind without a class."""
        self._source = source

    def learn(self, items: Iterable[Mark | ItemWithKind]) -> None:
        """Add the classes of marks, and load the classes of kinds that are given by name; see `load`."""
        for item in items:
            if isinstance(item, Mark):
                if not self.knows(type(item)):
                    self.add([type(item)])
            elif isinstance(kind := getattr(item, "kind", None), str):  # `DepositRequest.of` refuses all others
                self.load([kind])

    def load(self, kinds: Iterable[str]) -> None:
        """Ask the source for its classes if one of these kinds has no class.

        Do not call it in a transaction, because the source may import modules.

        A failure of the source matters only if a class is still missing: see `find`.
        """
        if self._source is None or all(kind in self._classes for kind in kinds):
            return
        with self._lock:
            if self._source is None:
                return  # another thread has just asked the source
            try:
                for mark_class in self._source():
                    self._from_source.setdefault(mark_class.kind, mark_class)
            except BlackboardError as error:
                self._failure = error
            self._source = None

    def knows(self, mark_class: type[Any]) -> bool:
        """Return whether a class was added as the class of its kind."""
        return self._classes.get(getattr(mark_class, "kind", "")) is mark_class

    def get(self, kind: str) -> type[Mark] | None:
        """Return the class of a kind, if it was added."""
        return self._classes.get(kind)

    def find(self, kind: str, deployment: Deployment) -> type[Mark] | None:
        """Return the class of a kind that was added or loaded, or else the registered class if it is imported already.

        Raises:
            BlackboardError: There is no such class, and the source of classes failed.
        """
        if (mark_class := self._classes.get(kind) or self._from_source.get(kind)) is not None:
            return mark_class
        spec = deployment.kinds.get(kind)
        if spec is not None and (mark_class := _imported_class(spec.class_path, kind)) is not None:
            self.add([mark_class])
            return mark_class
        if self._failure is not None:
            raise self._failure
        return None

    def check(self, kind: str, payload: object, subject: str, deployment: Deployment) -> tuple[str, str]:
        """Return the text of a payload and the subject as they are stored.

        The class of the kind checks them or, if this process does not know the class, the registered JSON schema. A
        class with a validator of `subject` gives all spellings of one subject the same form.

        Raises:
            InvalidMark: The payload does not fit the kind; the message names each wrong field.
        """
        if not isinstance(payload, Mapping):
            raise InvalidMark(f'a payload is a JSON object, such as {{"message": "..."}}, not {type(payload).__name__}')
        if reserved := sorted({"subject", "intensity"} & set(payload)):
            raise InvalidMark(f"the payload does not fit kind {kind!r}: {reserved[0]} is not a field of the payload")
        payload = dict(payload)
        if (mark_class := self.find(kind, deployment)) is not None:
            try:
                mark = parse_payload(mark_class, payload, subject)
                return write_mark(mark), mark.subject
            except ValidationError as error:
                raise InvalidMark(describe_invalid(kind, mark_class, error)) from None
        return _convert(kind, payload, deployment.kinds[kind]), subject

    def stored_subject(self, kind: str, payload: Mapping[str, Any], subject: str, deployment: Deployment) -> str:
        """Return a subject in its stored form; unchanged if the deposit would be refused."""
        if (mark_class := self.find(kind, deployment)) is not None:
            with contextlib.suppress(ValidationError, InvalidMark):
                subject = parse_payload(mark_class, payload, subject).subject
        return normalize_subject(subject)

    def check_registered(
        self, kind: str, text: str, spec: KindSpec, earlier: Callable[[], Iterable[dict[str, Any] | None]]
    ) -> None:
        """Check a payload that its class accepts against the registered schema of the kind.

        If the board registered the schema of the class earlier, the class is of an older version of the program, which
        may still run. The marks of the older version are accepted. If an agent of the new version cannot read a mark,
        the agent's error names the mark.

        Raises:
            InvalidMark: The payload does not fit.
        """
        mark_class = self._classes.get(kind) or self._from_source.get(kind)
        if mark_class is None or spec.payload_schema is None:
            return
        known = self._comparisons.get(kind)
        if known is None or known.mark_class is not mark_class or known.registered is not spec.payload_schema:
            own = canonical_form(mark_class.payload_schema())
            is_registered = own == canonical_form(spec.payload_schema) or own in map(canonical_form, earlier())
            known = self._comparisons[kind] = _ComparedSchemas(mark_class, spec.payload_schema, is_registered)
        if not known.is_registered:
            _check_schema(kind, text, spec, class_path_of(mark_class))

    def make(self, row: MarkRow | EventRow, stored: StoredMark, deployment: Deployment) -> Mark:
        """Return a mark of its kind's class from its row, or from the event that produced its state.

        Raises:
            InvalidMark: The payload does not fit the class.
        """
        return self.make_as(self.find(row.kind, deployment) or self._stand_in(row.kind), row, stored)

    def make_stand_in(self, row: MarkRow | EventRow, stored: StoredMark) -> Mark:
        """Return a mark from its row for a program that reads its payload elsewhere, so that no class checks it."""
        return self.make_as(self._stand_in(row.kind), row, stored)

    def new_mark(
        self, kind: str, payload: Mapping[str, Any], subject: str, intensity: float, deployment: Deployment
    ) -> Mark:
        """Return a new mark of the named kind, of the kind's class if this process knows the class.

        Raises:
            InvalidMark: The payload does not fit the class.
        """
        if reserved := [name for name in RESERVED_FIELDS if name in payload]:
            raise InvalidMark(f"the payload does not fit kind {kind!r}: {reserved[0]} is not a field of the payload")
        mark_class = self.find(kind, deployment) or self._stand_in(kind)
        try:
            mark = parse_payload(mark_class, payload, subject)
        except ValidationError as error:
            raise InvalidMark(describe_invalid(kind, mark_class, error)) from None
        return mark.model_copy(update={"intensity": intensity})

    def make_as(self, mark_class: type[M], row: MarkRow | EventRow, stored: StoredMark) -> M:
        """Return a mark of a class from its row, or from the event that produced its state.

        Raises:
            InvalidMark: The payload does not fit the class.
        """
        try:
            mark = read_mark(mark_class, row.payload or "{}", row.subject, row.intensity)
        except ValidationError as error:
            raise InvalidMark(f"mark {stored.id}: {describe_invalid(row.kind, mark_class, error)}") from None
        return attach_stored(mark, stored)

    def misfit(self, row: MarkRow, deployment: Deployment) -> str | None:
        """Return why a stored mark does not fit its class or, without a class, its schema; None if it fits."""
        spec = deployment.kinds[row.kind]
        if (mark_class := self.find(row.kind, deployment)) is not None:
            try:
                read_mark(mark_class, row.payload, row.subject, row.intensity)
            except ValidationError as error:
                return describe_invalid(row.kind, mark_class, error)
        elif spec.payload_schema is not None:
            try:
                _check_schema(row.kind, row.payload, spec)
            except InvalidMark as error:
                return str(error)
        return None

    def _stand_in(self, kind: str) -> type[StandIn]:
        if kind not in self._stand_ins:

            class Unknown(StandIn, kind=kind):
                """A mark of a kind whose class this process does not know."""

            self._stand_ins[kind] = Unknown
        return self._stand_ins[kind]


def _check_same(known: type[Mark], mark_class: type[Mark]) -> None:
    """Check that a class is the known class of its kind, or the same class defined again.

    Raises:
        InvalidMark: The kind has another class, or the class now has another schema.
    """
    paths = [known.defaults.class_path, mark_class.defaults.class_path]
    names = {path.partition(":")[2] for path in paths}
    # A program that runs and is imported too has each of its classes twice.
    is_one_program = "__main__" in {path.partition(":")[0] for path in paths}
    if paths[0] != paths[1] and not (is_one_program and len(names) == 1):
        raise InvalidMark(f"two classes have the kind {mark_class.kind!r}: {paths[0]} and {paths[1]}; rename one kind")
    if known.payload_schema() != mark_class.payload_schema():
        raise InvalidMark(
            f"{paths[1]} was defined again with other fields; board.deploy(kinds=[{mark_class.__name__}]) makes it the"
            f" class of kind {mark_class.kind!r}"
        )


def _imported_class(class_path: str, kind: str) -> type[Mark] | None:
    """Return the class at a path if its module is imported already."""
    module, _, name = class_path.partition(":")
    value: Any = sys.modules.get(module)
    for step in name.split("."):
        value = getattr(value, step, None)
    is_class = isinstance(value, type) and issubclass(value, Mark) and value.kind == kind
    return value if is_class else None


def _convert(kind: str, payload: dict[str, JsonValue], spec: KindSpec) -> str:
    text = dump_payload(payload)
    if spec.payload_schema is None:
        return text
    from blackboard.board.mark_classes.payload_checks import convert_payload  # jsonschema is slow to import

    return dump_payload(convert_payload(kind, payload, spec.payload_schema))


def _check_schema(kind: str, text: str, spec: KindSpec, class_path: str | None = None) -> None:
    from blackboard.board.mark_classes.payload_checks import problems_of  # jsonschema is slow to import

    if problems := problems_of(json.loads(text), spec.payload_schema or {}):
        hint = (
            f"; {class_path} differs from the registered schema: deploy it, as 'blackboard init' does"
            if class_path
            else ""
        )
        raise InvalidMark(f"the payload does not fit kind {kind!r} as registered: {'; '.join(problems)}{hint}")
