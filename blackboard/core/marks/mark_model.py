"""The base class of marks: each kind is a pydantic model."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue, PrivateAttr
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUndefinedAnnotation
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import DecimalSchema

from blackboard.clock import Instant, When, instant_of, to_datetime
from blackboard.core.marks.decay import Decay, Never, law_from
from blackboard.core.marks.kinds import (
    DEFAULT_FLOOR,
    DEFAULT_MAX_PAYLOAD_BYTES,
    DEFAULT_ON_REPEAT,
    DEFAULT_WEIGHT,
    Kind,
    OnRepeat,
)
from blackboard.core.marks.mark_checks import check_if_event
from blackboard.core.marks.mark_error_texts import not_json
from blackboard.core.marks.pydantic_internals import (
    has_private_attributes_of,
    private_attribute,
    set_private_attributes,
    wrapped_hook,
)
from blackboard.core.unevaluated_annotations import annotated_names
from blackboard.errors import InvalidDuration, InvalidLaw, InvalidMark, InvalidTime, nearest

RESERVED_FIELDS = ("subject", "intensity")
EXCLUDED_FROM_PAYLOAD = set(RESERVED_FIELDS)
BUILT_IN_MARKS = "blackboard.core.built_in_marks"
"""The module of the mark classes that every process knows."""


class DepositOptions(NamedTuple):
    """The options for the deposit of a mark; see `Mark.with_options`."""

    key: str | None = None
    decay: Decay | None = None
    until: Instant | None = None
    occurred_at: Instant | None = None
    if_event: int | None = None
    alternative: Mark | None = None
    """The mark that is deposited instead if the unique value of this mark is taken."""

    def completed_by(self, others: DepositOptions) -> DepositOptions:
        """Return these options, with `others` where one is not set. `decay` and `until` count as one option."""
        if others is NO_OPTIONS:
            return self
        if self is NO_OPTIONS:
            return others
        law = others if self.decay is None and self.until is None else self
        return DepositOptions(
            key=others.key if self.key is None else self.key,
            decay=law.decay,
            until=law.until,
            occurred_at=others.occurred_at if self.occurred_at is None else self.occurred_at,
            if_event=others.if_event if self.if_event is None else self.if_event,
            alternative=others.alternative if self.alternative is None else self.alternative,
        )


NO_OPTIONS = DepositOptions()


@dataclass(frozen=True)
class StoredMark:
    """The state of a mark on the board when it was read or when an activation took it."""

    id: int
    event_id: int
    author: str
    strength: float
    deposited_at: Instant
    reinforced_at: Instant
    reinforcements: int
    occurred_at: Instant


class _PayloadSchema(GenerateJsonSchema):
    """The schema of a payload. Unlike pydantic's, it distinguishes a decimal number in text from other text."""

    def decimal_schema(self, schema: DecimalSchema) -> JsonSchemaValue:
        written = super().decimal_schema(schema)
        choices = written.get("anyOf", [written])
        marked = [{**choice, "format": "decimal"} if choice["type"] == "string" else choice for choice in choices]
        return {**written, "anyOf": marked} if len(marked) > 1 else marked[0]


class Mark(BaseModel):
    """The base class of marks: `class Smoke(Mark, kind="smoke"): detail: str`.

    The class arguments are defaults; a deployment may override them:

    - `decay`: a law; by default `Never()`.
    - `weight`: the strength is this times the remaining intensity; at least 0, by default 1.
    - `floor`: a mark evaporates when its remaining intensity falls below this; at least 0, by default 0.01.
    - `on_repeat`: how a deposit joins a live mark of the same subject: "add", "max", "replace" or "separate"; by
      default "max".
    - `cap`: the highest intensity of a mark, whatever `on_repeat` is.
    - `unique`: a payload field whose value only one live mark of the kind may have.
    - `tags`: payload fields by which marks are found.
    - `search`: payload fields whose text is searched.
    - `max_payload`: the largest payload in bytes, by default 1 MiB.
    - `max_text`: the most characters of one text in the payload.

    Marks are immutable. A mark from a board also has `id`, `event_id`, `strength`, `author`, `occurred_at`,
    `deposited_at` and `reinforced_at`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: ClassVar[str] = ""
    defaults: ClassVar[Kind]

    subject: str
    """The thing that the mark is about; 1 to 512 characters, stored in the form NFC."""
    intensity: float = 1.0
    """How strong the mark is when deposited; 0 to 1e12."""
    _stored: StoredMark | None = PrivateAttr(default=None)
    _options: DepositOptions | None = PrivateAttr(default=None)

    def __init_subclass__(cls, **class_arguments: Any) -> None:
        super().__init_subclass__()  # pydantic passes the class arguments to the hook below

    @classmethod
    def __pydantic_init_subclass__(
        cls,
        *,
        kind: str = "",
        decay: Decay | str | None = None,
        weight: float = DEFAULT_WEIGHT,
        floor: float = DEFAULT_FLOOR,
        on_repeat: OnRepeat = DEFAULT_ON_REPEAT,
        cap: float | None = None,
        unique: str | None = None,
        tags: Iterable[str] = (),
        search: Iterable[str] = (),
        max_payload: int = DEFAULT_MAX_PAYLOAD_BYTES,
        max_text: int | None = None,
        **others: Any,
    ) -> None:
        super().__pydantic_init_subclass__(**others)
        _set_attributes_at_once(cls)
        if others and not _has_hooks_of_others(cls):
            name, known = next(iter(others)), inspect.signature(Mark.__pydantic_init_subclass__).parameters
            raise InvalidMark(f"{cls.__name__}: there is no setting {name!r}{nearest(name, known.keys() - {'others'})}")
        if not kind:
            raise InvalidMark(f'{cls.__name__} has no kind; write class {cls.__name__}(Mark, kind="...")')
        # pydantic would take an attribute of that name, such as a property, as the default of the field.
        if clash := [name for name in annotated_names(cls) if name in Mark.__annotations__ or hasattr(Mark, name)]:
            place = f"{cls.__name__}.{clash[0]}"
            raise InvalidMark(f"{place}: every mark has an attribute of that name; rename the field")
        cls.kind = kind
        cls.defaults = Kind(
            name=kind,
            decay=law_from(decay) if decay is not None else Never(),
            weight=weight,
            floor=floor,
            on_repeat=on_repeat,
            cap=cap,
            unique=unique,
            tags=(tags,) if isinstance(tags, str) else tuple(tags),
            search=(search,) if isinstance(search, str) else tuple(search),
            max_payload=max_payload,
            max_text=max_text,
            class_path=class_path_of(cls),
            payload_schema=cls.payload_schema(),
        )

    @classmethod
    def payload_schema(cls) -> dict[str, JsonValue]:
        """Return the JSON schema of the payload, as the board registers it. Its properties have the fields' names.

        Raises:
            InvalidMark: JSON cannot represent a field, a type is not defined yet, or the class contains itself.
        """
        try:
            cls.model_rebuild()  # its error names a type that is not defined
            schema = cls.model_json_schema(by_alias=False, schema_generator=_PayloadSchema)
        except PydanticUndefinedAnnotation as error:
            raise InvalidMark(f"{cls.__qualname__} needs {error.name}; define it before the class") from None
        except PydanticInvalidForJsonSchema as error:
            raise InvalidMark(f"{cls.__qualname__} has a field that JSON cannot represent: {error}") from None
        if "properties" not in schema:
            raise InvalidMark(
                f"a field of {cls.__qualname__} holds marks of this class again; give this field another pydantic model"
            )
        for name in RESERVED_FIELDS:
            schema["properties"].pop(name, None)
        schema["required"] = [name for name in schema.get("required", []) if name not in RESERVED_FIELDS]
        return schema

    @property
    def payload(self) -> dict[str, JsonValue]:
        """The fields of this kind as JSON values, by their names and without computed fields.

        Raises:
            InvalidMark: JSON cannot represent a value.
        """
        try:
            return self.model_dump(
                mode="json", exclude=EXCLUDED_FROM_PAYLOAD, by_alias=False, round_trip=True, warnings=False
            )
        except (ValueError, RecursionError) as error:  # an error of pydantic is a ValueError
            raise not_json(error) from None

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        yield from super().__repr_args__()
        if self._stored is not None:
            yield from (("id", self.id), ("strength", self.strength), ("author", self.author))

    def or_else(self, alternative: Mark) -> Self:
        """Return a copy that deposits an alternative if its `unique` value is taken.

        The choice is made in the transaction that writes the mark.
        """
        return self._with(alternative=alternative)

    def with_options(
        self,
        *,
        key: str | None = None,
        decay: Decay | str | None = None,
        until: When | None = None,
        occurred_at: When | None = None,
        if_event: int | None = None,
    ) -> Self:
        """Return a copy that is deposited with these options, for an agent to return. Other options stay.

        Args:
            key: An idempotency key of the author and the kind, as in `Blackboard.deposit`.
            decay: A decay law for this mark only.
            until: The mark keeps its full strength until this time and then evaporates; instead of `decay`.
            occurred_at: When it occurred; by default when the board records it.
            if_event: Deposit it only if the live mark that it joins is still at this event; 0 if there must be none.

        Raises:
            InvalidMark: `if_event` is not a whole number of at least 0.
            InvalidLaw: `decay` is not a valid law.
            InvalidDuration: A duration in `decay` is not valid.
            InvalidTime: `until` or `occurred_at` is not a time.
        """
        options = {
            "key": key,
            "decay": _option("decay", law_from, decay),
            "until": _option("until", instant_of, until),
            "occurred_at": _option("occurred_at", instant_of, occurred_at),
            "if_event": _option("if_event", check_if_event, if_event),
        }
        return self._with(**{name: value for name, value in options.items() if value is not None})

    def _with(self, **options: Any) -> Self:
        copy = self.model_copy()
        copy._options = options_of(self)._replace(**options)  # noqa: SLF001 -- of the same class
        return copy

    @property
    def stored(self) -> StoredMark:
        """The state of this mark on the board.

        Raises:
            InvalidMark: The mark does not come from a board.
        """
        stored = self._stored  # pydantic takes microseconds to find a private attribute
        if stored is None:
            raise InvalidMark(f"this {self.kind} mark was not read from a board: it has no id, strength or author yet")
        return stored

    @property
    def id(self) -> int:
        """The id of the mark on its board."""
        return self.stored.id

    @property
    def event_id(self) -> int:
        """The id of the last event that changed the mark, for `if_event`."""
        return self.stored.event_id

    @property
    def strength(self) -> float:
        """Weight x intensity x share when the mark was read or when an activation took it."""
        return self.stored.strength

    @property
    def author(self) -> str:
        """The author of the payload that the mark shows: an agent, a person or a program."""
        return self.stored.author

    @property
    def occurred_at(self) -> datetime:
        """When the deposit with this payload occurred, in UTC; by default when the board recorded it."""
        return to_datetime(self.stored.occurred_at)

    @property
    def deposited_at(self) -> datetime:
        """When the board recorded the first deposit, in UTC."""
        return to_datetime(self.stored.deposited_at)

    @property
    def reinforced_at(self) -> datetime:
        """When the board recorded the last deposit or reinforcement that changed the mark, in UTC."""
        return to_datetime(self.stored.reinforced_at)


def _begin_attributes(mark: Mark, context: Any, /) -> None:
    """Set the attributes of a new mark that are not fields, as pydantic does for any class, but faster.

    If a class has a hook of its own that calls this function, pydantic may already have set more attributes.
    """
    if type(mark).model_post_init is _begin_attributes:
        set_private_attributes(mark, {"_stored": None, "_options": None})
    else:
        _begin_as_pydantic(mark, context)


_begin_as_pydantic = Mark.model_post_init


def _set_attributes_at_once(mark_class: type[Mark]) -> None:
    """Make a class use `_begin_attributes`, unless the class has more private attributes or a hook of its own."""
    is_hook_of_marks = wrapped_hook(mark_class) in (Mark.model_post_init, _begin_attributes)
    if is_hook_of_marks and has_private_attributes_of(mark_class, Mark):
        mark_class.model_post_init = _begin_attributes  # type: ignore[assignment, method-assign]


def _has_hooks_of_others(mark_class: type[Mark]) -> bool:
    """Return whether a base class that is not a mark has a hook of pydantic, which may take other class arguments."""
    return any(
        "__pydantic_init_subclass__" in vars(base) for base in mark_class.__mro__ if base not in (Mark, BaseModel)
    )


def class_path_of(mark_class: type) -> str:
    """Return where a class of marks can be imported, as `module:name`.

    A built-in class has its public name, so that boards find it wherever its module is.
    """
    module = "blackboard" if mark_class.__module__ == BUILT_IN_MARKS else mark_class.__module__
    return f"{module}:{mark_class.__qualname__}"


class StandIn(Mark, kind="stand_in"):
    """The base class of marks whose class this process does not know. They take any fields, and check none."""

    model_config = ConfigDict(extra="allow")


_M = TypeVar("_M", bound=Mark)
_R = TypeVar("_R")


def attach_stored(mark: _M, stored: StoredMark) -> _M:
    """Give a mark its state on the board, and return it.

    This is not a method, because a field of a payload cannot have the name of a method.
    """
    mark._stored = stored  # noqa: SLF001 -- of the class above
    return mark


def was_read(mark: Mark) -> bool:
    """Return whether a mark was read from a board. Like `attach_stored`, this is not a method."""
    return mark._stored is not None  # noqa: SLF001


def alternative_of(mark: Mark) -> Mark | None:
    """Return the mark that is deposited if the `unique` value of this mark is taken (see `Mark.or_else`)."""
    return options_of(mark).alternative


def options_of(mark: Mark) -> DepositOptions:
    """Return the options for the deposit of a mark."""
    return private_attribute(mark, "_options") or NO_OPTIONS


def _option(name: str, convert: Callable[[Any], _R], value: Any) -> _R | None:
    """Return an option as it is stored, None if it is not given; an error names the option."""
    if value is None:
        return None
    try:
        return convert(value)
    except (InvalidDuration, InvalidLaw, InvalidTime) as error:
        raise type(error)(f"{name}: {error}") from None
