"""What a deposit takes as a mark is read back as that mark, field by field and type by type, or it is refused."""

from __future__ import annotations

import enum
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from inspect import signature
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import pytest
from pydantic import (
    AfterValidator,
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Json,
    JsonValue,
    SecretBytes,
    SecretStr,
    SerializeAsAny,
    computed_field,
    field_serializer,
    field_validator,
    model_validator,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass

from blackboard import Blackboard, Daemon, Deposit, ManualClock, Mark, agent, strength
from blackboard.errors import ConfigurationError, InvalidMark
from blackboard.settings.deployment_resolver import resolve_file
from tests.support.bounds import BOUND_SECONDS


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


@dataclass
class Place:
    row: int
    labels: tuple[str, ...] = ()


class Size(BaseModel):
    width: int = Field(alias="W", default=1)
    height: Decimal = Field(validation_alias=AliasPath("box", 0), serialization_alias="H", default=Decimal(1))


class Named(Mark, kind="named"):
    model_config = ConfigDict(serialize_by_alias=True)
    label: str = Field(alias="inboundLabel")
    size: Size = Field(default_factory=Size)
    sizes: dict[str, list[Size]] = Field(default_factory=dict)


class Derived(Mark, kind="derived"):
    width: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def area(self) -> int:
        return self.width**2


class Strict(Mark, kind="strict"):
    model_config = ConfigDict(strict=True)
    at: datetime | None = None
    day: date | None = None
    wait: timedelta | None = None
    token: uuid.UUID | None = None
    colour: Colour | None = None
    price: Decimal | None = None
    pair: tuple[int, str] | None = None
    tags: frozenset[str] | None = None


class Encoded(Mark, kind="encoded"):
    day: date
    numbers: Json[list[int]] = Field(default_factory=list)
    place: Place | None = None
    blob: bytes = b""

    @field_validator("day", mode="before")
    @classmethod
    def _parse(cls, value: Any) -> Any:
        return "-".join(value.split("/")[::-1]) if isinstance(value, str) and "/" in value else value

    @field_serializer("day")
    def _write(self, value: date) -> str:
        return value.strftime("%d/%m/%Y")


class Revealed(Mark, kind="revealed"):
    token: SecretStr

    @field_serializer("token", when_used="json")
    def _reveal(self, value: SecretStr) -> str:
        return value.get_secret_value()


class Loose(Mark, kind="loose"):
    model_config = ConfigDict(extra="allow")
    value: Any = None


class Cents(Mark, kind="cents"):
    amount: Annotated[int, BeforeValidator(lambda euros: euros * 100)]


class Trimmed(Mark, kind="trimmed"):
    text: Annotated[str, AfterValidator(lambda text: text[1:])]


class Shouting(Mark, kind="shouting"):
    text: str

    @field_validator("subject")
    @classmethod
    def _prefix(cls, subject: str) -> str:
        return f"lead/{subject}"


class Defaulted(Mark, kind="defaulted"):
    a: int = 0
    b: int = 0

    @model_validator(mode="before")
    @classmethod
    def _count(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {**values, "b": values.get("b", 0) + 1}


class Shape(BaseModel):
    name: str


class Circle(Shape):
    radius: float


class Drawing(Mark, kind="drawing"):
    shape: Shape
    other: SerializeAsAny[Shape] | None = None


class Written(Mark, kind="written"):
    day: date

    @field_serializer("day")
    def _write(self, value: date) -> str:
        return value.strftime("%d/%m/%Y")


class Clock(Mark, kind="clock"):
    at: datetime
    day: date | None = None


class Ratio(Mark, kind="ratio"):
    value: float | None = None


class Open(Mark, kind="open"):
    model_config = ConfigDict(ser_json_inf_nan="constants")
    value: float = 0.0
    words: str = ""


class Plain(Mark, kind="plain"):
    count: int = 0
    note: str | None = None
    state: Literal["on", "off"] = "on"


BERLIN = ZoneInfo("Europe/Berlin")
FAITHFUL = [
    Named(subject="s", inboundLabel="x", size=Size(W=3)),
    Named(subject="s", inboundLabel="x", sizes={"a": [Size(W=2), Size()]}),
    Derived(subject="s", width=4),
    Strict(subject="s", at=datetime(2027, 3, 2, 10, tzinfo=UTC), day=date(2027, 3, 2), wait=timedelta(minutes=90)),
    Strict(subject="s", token=uuid.UUID(int=7), colour=Colour.RED, price=Decimal("2.50"), pair=(1, "a")),
    Strict(subject="s", tags=frozenset({"b", "a", "c"})),
    Strict(subject="s", at=datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)),  # in the hour that comes twice
    Strict(subject="s", at=datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN)),
    Encoded(subject="s", day=date(2027, 3, 2), numbers="[1, 2]", place=Place(3, ("a",)), blob=b"abc"),
    Revealed(subject="s", token=SecretStr("open sesame")),
    Loose(subject="s", value={"a": [1, 2.5, None, True]}, more="yes"),
    Clock(subject="s", at=datetime(2027, 3, 2, 10, 0, 0, 5, tzinfo=BERLIN), day=date(1, 1, 1)),
    Clock(subject="s", at=datetime(2027, 3, 2, 10)),  # noqa: DTZ001
    Ratio(subject="s", value=1e300),
    Open(subject="s", value=0.1, words="NaN"),
    Plain(subject="s", count=3, note="n", state="off"),
]
UNFAITHFUL = [
    Loose(subject="s", value=date(2027, 3, 2)),
    Loose(subject="s", value=(1, 2)),
    Loose(subject="s", value=Level.LOW),
    Loose(subject="s", value={1: "a"}),
    Loose(subject="s", more=Decimal("1.5")),
    Cents(subject="s", amount=5),
    Trimmed(subject="s", text="xab"),
    Shouting(subject="s", text="a"),
    Defaulted(subject="s", a=1),
    Drawing(subject="s", shape=Circle(name="c", radius=1.5)),
    Drawing(subject="s", shape=Shape(name="s"), other=Circle(name="c", radius=1.5)),
    Written(subject="s", day=date(2027, 3, 2)),
    Clock(subject="s", at=datetime(1880, 1, 1, tzinfo=BERLIN)),  # an offset of 53 minutes and 28 seconds
    Ratio(subject="s", value=float("nan")),
    Ratio(subject="s", value=float("-inf")),
    Open(subject="s", value=float("nan")),
    Plain(subject="s").model_copy(update={"count": "three"}),
    Plain(subject="s").model_copy(update={"count": 2.0}),
    Plain(subject="s").model_copy(update={"state": "maybe"}),
]


@pytest.fixture
def board(tmp_path: Path, clock: ManualClock) -> Any:
    with Blackboard.open(tmp_path / "board.db", clock=clock) as board:
        yield board


def values(mark: Mark) -> dict[str, Any]:
    return {name: getattr(mark, name) for name in type(mark).model_fields} | (mark.model_extra or {})


@pytest.mark.parametrize("mark", FAITHFUL, ids=lambda mark: mark.kind)
def test_a_mark_is_read_and_given_as_it_was_deposited(board: Blackboard, mark: Mark) -> None:
    given: list[Mark] = []

    @agent(watches=strength(type(mark)) >= 0.5, name="reader")
    def reader(marks: Any, context: Any) -> None:
        given.extend(marks)

    board.deploy(reader)
    board.deposit(mark)
    Daemon(board, [reader]).run(until_quiescent=True)
    for read in (board.marks(type(mark))[0], given[0]):
        for name, value in values(mark).items():
            again = getattr(read, name)
            assert type(again) is type(value)
            same = (value.timestamp(), again.timestamp()) if isinstance(value, datetime) else (value, again)
            assert same[0] == same[1]


@pytest.mark.parametrize("mark", FAITHFUL, ids=lambda mark: mark.kind)
def test_a_payload_that_was_read_can_be_deposited_by_the_name_of_its_kind(board: Blackboard, mark: Mark) -> None:
    board.deposit(mark)
    (record,) = board.marks(mark.kind)
    board.deposit(mark.kind, subject="again", payload=record.payload)
    (again,) = board.marks(mark.kind, subject="again")
    assert again.payload == record.payload


@pytest.mark.parametrize("mark", UNFAITHFUL, ids=lambda mark: mark.kind)
def test_a_mark_that_would_be_read_as_another_is_refused(board: Blackboard, mark: Mark) -> None:
    with pytest.raises(InvalidMark, match=r"would be read as|cannot read what it writes|not JSON"):
        board.deposit(mark)
    [error] = board.deposit_many([mark], on_error="return")
    assert isinstance(error, InvalidMark)
    assert board.marks() == []


def test_the_refusal_names_the_field_and_both_values(board: Blackboard) -> None:
    deep = Loose(subject="s", value={"a": [1, date(2027, 3, 2)]})
    with pytest.raises(InvalidMark, match=r"'loose': value\.a\.1: datetime.date\(2027, 3, 2\) would be read as '2027"):
        board.deposit(deep)


def test_a_payload_that_its_class_would_change_again_is_refused(board: Blackboard) -> None:
    board.deploy(kinds=[Cents])
    with pytest.raises(InvalidMark, match="500 would be read as 50000"):
        board.deposit("cents", subject="s", payload={"amount": 5})


def test_what_an_agent_returns_is_checked_in_the_same_way(board: Blackboard) -> None:
    @agent(watches=strength(Plain) >= 0.5, writes=[Cents], max_attempts=1)
    def payer(marks: Any, context: Any) -> Cents:
        return Cents(subject="s", amount=5)

    board.deploy(payer)
    board.deposit(Plain(subject="s"))
    Daemon(board, [payer]).run(until_quiescent=True)
    (activation,) = board.activations()
    assert activation.state == "dead"
    assert "500 would be read as 50000" in (activation.error or "")


def test_a_strict_class_takes_a_payload_by_the_rules_for_json_and_by_aliases(board: Blackboard) -> None:
    board.deploy(kinds=[Strict, Named])
    payload: dict[str, JsonValue] = {"at": "2027-03-02T10:00:00Z", "colour": "red", "pair": [1, "a"], "price": "2.50"}
    board.deposit("strict", subject="s", payload=payload)
    (mark,) = board.marks(Strict)
    assert (mark.at, mark.colour, mark.pair) == (datetime(2027, 3, 2, 10, tzinfo=UTC), Colour.RED, (1, "a"))
    board.deposit_many([Deposit("named", "s", {"inboundLabel": "x"}), Deposit("named", "t", {"label": "y"})])
    assert {mark.label for mark in board.marks(Named)} == {"x", "y"}
    with pytest.raises(InvalidMark, match="valid integer"):
        board.deposit("strict", subject="s", payload={"pair": ["1", "a"]})


def test_an_intensity_that_the_class_would_not_take_is_the_boards(board: Blackboard) -> None:
    class Bounded(Mark, kind="bounded", on_repeat="add"):
        text: str

        @field_validator("intensity")
        @classmethod
        def _at_most_one(cls, intensity: float) -> float:
            if intensity > 1:
                raise ValueError("above 1")
            return intensity

    for _ in range(3):
        board.deposit(Bounded(subject="s", text="a"))
    assert [mark.intensity for mark in board.marks(Bounded)] == [3.0]


@pytest.mark.skipif("exclude_if" not in signature(Field).parameters, reason="new in pydantic 2.12")
def test_a_value_that_only_some_marks_leave_out_is_refused(board: Blackboard) -> None:
    class Sparse(Mark, kind="sparse"):
        value: int = Field(default=1, exclude_if=lambda value: value > 5)

    board.deposit(Sparse(subject="s", value=5))
    with pytest.raises(InvalidMark, match="value: 6 would be read as 1"):
        board.deposit(Sparse(subject="s", value=6))


def hidden() -> type[Mark]:
    class Hidden(Mark, kind="hidden"):
        value: str = Field(default="default", exclude=True)

    return Hidden


def hidden_within() -> type[Mark]:
    class Inner(BaseModel):
        value: str = Field(default="default", exclude=True)

    class Outer(Mark, kind="outer"):
        inner: list[Inner] = Field(default_factory=list)

    return Outer


def secret() -> type[Mark]:
    class Secret(Mark, kind="secret"):
        token: SecretStr | None = None

    return Secret


def secret_within() -> type[Mark]:
    class Keys(BaseModel):
        ring: dict[str, SecretBytes] = Field(default_factory=dict)

    class Holder(Mark, kind="holder"):
        keys: Keys

    return Holder


def hidden_in_a_dataclass() -> type[Mark]:
    @pydantic_dataclass
    class Part:
        value: str = Field(default="default", exclude=True)

    class Whole(Mark, kind="whole"):
        parts: tuple[Part, ...] = ()

    return Whole


LOSSY = [(hidden, "value: .*exclude"), (hidden_within, "inner.value: .*exclude"), (secret, "token: .*secret")]
LOSSY.append((hidden_in_a_dataclass, "parts.value: .*exclude"))
LOSSY.append((secret_within, "keys.ring: .*secret"))


@pytest.mark.parametrize(("make", "message"), LOSSY, ids=lambda item: getattr(item, "__name__", ""))
def test_a_class_that_loses_a_value_is_refused_early_by_the_internals_of_pydantic(
    board: Blackboard, make: Callable[[], type[Mark]], message: str, tmp_path: Path
) -> None:
    model = make()
    with pytest.raises(InvalidMark, match=message):
        board.deploy(kinds=[model])
    with pytest.raises(InvalidMark, match=message):
        Blackboard.open(tmp_path / "other.db", kinds=[model])
    assert model.kind not in board.deployment.kinds


LOST = [(hidden, {"value": "a"}), (hidden_within, {"inner": [{"value": "a"}]}), (secret, {"token": "a"})]
LOST.append((hidden_in_a_dataclass, {"parts": [{"value": "a"}]}))
LOST.append((secret_within, {"keys": {"ring": {"a": "b"}}}))


@pytest.mark.parametrize(("make", "fields"), LOST, ids=lambda item: getattr(item, "__name__", ""))
def test_a_later_pydantic_shows_at_the_deposit_that_a_value_would_be_lost(
    board: Blackboard, make: Callable[[], type[Mark]], fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blackboard.core.marks.pydantic_internals.ARE_KNOWN", False)
    with pytest.raises(InvalidMark, match="would be read as"):
        board.deposit(make()(subject="s", **fields))
    assert board.marks() == []


def test_a_file_that_names_such_a_class_has_a_mistake_by_the_internals_of_pydantic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    text = "from pydantic import SecretStr\nfrom blackboard import Mark\n"
    (tmp_path / "lossy_kinds.py").write_text(f'{text}class Key(Mark, kind="key"):\n    token: SecretStr\n')
    (tmp_path / "blackboard.toml").write_text('[deployment]\nkinds = ["lossy_kinds:Key"]\n')
    with pytest.raises(ConfigurationError, match=r"Key cannot be stored and read back: token"):
        resolve_file(tmp_path / "blackboard.toml", {})


def test_a_class_with_a_value_that_json_cannot_represent_is_refused() -> None:
    with pytest.raises(InvalidMark, match="JSON cannot represent"):

        class Handler(Mark, kind="handler"):
            call: Callable[[], None]


SETS = """
import sys
from blackboard import Blackboard, Mark
from pydantic import BaseModel

class Inner(BaseModel):
    words: frozenset[str]

class Tagged(Mark, kind="tagged"):
    tags: set[str]
    order: list[str]
    inner: dict[str, list[Inner]]

words = [f"word {n}" for n in range(20)]
with Blackboard.open(sys.argv[1], author="sensor") as board:
    mark = Tagged(subject="s", tags=set(words), order=words[::-1], inner={"a": [Inner(words=frozenset(words))]})
    receipt = board.deposit(mark, key="k")
    print(receipt.outcome, board.marks(Tagged) == [mark] or board.marks(Tagged)[0].tags == mark.tags)
    print(board.marks("tagged")[0].payload["order"] == words[::-1])
"""


@pytest.mark.processes
def test_equal_sets_are_one_text_in_every_process(tmp_path: Path) -> None:
    outputs = []
    for seed in "123":
        environ = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", SETS, str(tmp_path / "board.db")]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=BOUND_SECONDS, check=False)
        outputs.append(done.stdout or done.stderr)
    assert outputs == ["deposited True\nTrue\n", "duplicate True\nTrue\n", "duplicate True\nTrue\n"]
