"""Schemas have equal forms if they differ only in words, or in what another version of pydantic writes."""

from __future__ import annotations

import copy
import dataclasses
import json
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import AnyUrl, BaseModel, ConfigDict, Field

from blackboard import Blackboard, Mark, agent, strength
from blackboard.core.marks.canonical_json_schema import canonical_form
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec

WRITTEN_BEFORE = json.loads(Path(__file__).with_name("schema_of_pydantic_2_13.json").read_text("utf-8"))
"""What pydantic 2.12 and 2.13 write for `Order`."""


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


class Rank(IntEnum):
    LOW = 1
    HIGH = 2


class Item(BaseModel):
    """An item of an order."""

    name: str = Field(min_length=1, description="what it is called")
    price: Decimal = Field(ge=0, max_digits=9, decimal_places=2)
    parts: list[Item] = Field(default_factory=list)


class Letter(BaseModel):
    by: Literal["letter"]
    weight: float


class Parcel(BaseModel):
    by: Literal["parcel"]
    size: Size


@dataclasses.dataclass
class Place:
    street: str
    number: int = 1


class Order(BaseModel):
    """An order."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    at: datetime
    total: Decimal
    discount: Decimal | int | str | None = None
    items: list[Item]
    size: Size = Size.SMALL
    rank: Rank
    state: Literal["new"] = "new"
    wait: timedelta | None = None
    sent: Annotated[Letter | Parcel, Field(discriminator="by")]
    place: Place
    tags: frozenset[str]
    pair: tuple[int, str]
    extra: dict[str, Any]
    amounts: dict[str, Decimal]
    link: AnyUrl | None = Field(default=None, title="Link", examples=["https://example.org"])
    ref: UUID
    code: str = Field(pattern="^[a-z]+$", default="a")


class Bill(Mark, kind="bill"):
    total: Decimal
    place: Place


def test_another_version_of_pydantic_gives_the_same_form() -> None:
    assert canonical_form(Order.model_json_schema(by_alias=False)) == canonical_form(WRITTEN_BEFORE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"const": "a"}, {"enum": ["a"], "type": "string"}),
        ({"const": "a", "enum": ["a"]}, {"const": "a", "type": "string"}),
        ({"type": "object"}, {"type": "object", "additionalProperties": True}),
        ({"allOf": [{"type": "string"}]}, {"type": "string", "description": "words"}),
        ({"$ref": "#/$defs/a", "$defs": {"a": {}}}, {"$ref": "#/$defs/m__a", "$defs": {"m__a": {}, "unused": {}}}),
        ({"required": ["a", "b"]}, {"required": ["b", "a"]}),
        ({"properties": {"a": {"type": "null"}}}, {"properties": {"a": {"title": "A", "type": "null"}}}),
    ],
)
def test_two_texts_of_a_schema_have_one_form(one: Any, other: Any) -> None:
    assert canonical_form(one) == canonical_form(other)


CHANGES: dict[str, Any] = {
    "properties.rank.default": 1,
    "properties.code.pattern": "^[a-z]*$",
    "properties.title": {"type": "string"},  # a field of this name
    "additionalProperties": True,
    "required": ["at"],
    "$defs.Item.properties.name.minLength": 2,
    "$defs.Rank.enum": [1, 2, 3],
    "properties.ref.format": "uri",
}


@pytest.mark.parametrize("place", CHANGES)
def test_what_changes_the_payloads_that_are_allowed_changes_the_form(place: str) -> None:
    changed = inner = copy.deepcopy(WRITTEN_BEFORE)
    *steps, last = place.split(".")
    for step in steps:
        inner = inner[step]
    inner[last] = CHANGES[place]
    assert canonical_form(changed) != canonical_form(WRITTEN_BEFORE)


def test_a_board_keeps_the_schema_that_another_version_of_pydantic_wrote(tmp_path: Path) -> None:
    spec = KindSpec.of(Bill.defaults)
    assert spec.payload_schema is not None
    older = copy.deepcopy(spec.payload_schema)
    for choice in older["properties"]["total"]["anyOf"]:
        if choice["type"] == "string" and not choice.pop("pattern", None):  # some versions write one
            choice["pattern"] = r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"
    older["$defs"]["Place"].pop("additionalProperties", None)
    assert older != spec.payload_schema
    with Blackboard.open(tmp_path / "board.db") as board:
        board.deploy(Deployment(kinds={"bill": spec.model_copy(update={"payload_schema": older})}))
        version = board.deployment.version
        assert board.deploy(kinds=[Bill]).changed == ()
        assert board.deploy(Deployment(kinds={**board.deployment.kinds, "bill": spec})).changed == ()
        assert board.preview(Deployment(kinds={"bill": spec})).changes == ()
        board.deposit(Bill(subject="s", total=Decimal("1.5"), place=Place("Quay")))
        assert (board.deployment.version, board.deployment.kinds["bill"].payload_schema) == (version, older)


def test_the_digest_of_an_agent_s_code_is_the_same_under_both_texts_of_a_schema(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def declared() -> str | None:
        return agent(watches=strength(Bill) >= 1, name="clerk")(lambda marks, context: None).spec.code

    before = declared()
    older = json.loads(json.dumps(Bill.defaults.payload_schema)) | {"title": "Bill, as it was called"}
    older["properties"]["total"]["anyOf"][1]["pattern"] = r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"
    monkeypatch.setattr(Bill, "defaults", dataclasses.replace(Bill.defaults, payload_schema=older))
    assert declared() == before
