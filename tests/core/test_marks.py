"""Marks: data that cannot be stored is refused at the declaration or the deposit, with the field and the reason."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, PrivateAttr, ValidationError

from blackboard.clock import to_datetime
from blackboard.core.built_in_marks import Decision, Need
from blackboard.core.marks.decay import Decay, Exponential, Never, Step
from blackboard.core.marks.kinds import Kind
from blackboard.core.marks.mark_checks import check_intensity, check_subject
from blackboard.core.marks.mark_error_texts import describe_invalid
from blackboard.core.marks.mark_model import (
    NO_OPTIONS,
    Mark,
    StoredMark,
    alternative_of,
    attach_stored,
    options_of,
    was_read,
)
from blackboard.core.marks.payload_json import dump_payload
from blackboard.errors import ConfigurationError, InvalidDuration, InvalidLaw, InvalidMark, InvalidTime
from tests.core.strategies import intensities, laws


class Smoke(Mark, kind="smoke", decay=Exponential("1h"), weight=2.0, floor=0.1, on_repeat="add", cap=5.0):
    detail: str
    seen: list[int] = Field(default_factory=list)


def test_a_mistyped_class_argument_names_the_nearest() -> None:
    with pytest.raises(InvalidMark, match=r"Wrong: there is no setting 'weigth'; did you mean 'weight'\?"):

        class Wrong(Mark, kind="wrong", weigth=2):
            pass


def test_a_base_that_is_not_a_mark_class_may_take_class_arguments() -> None:
    class Labelled(BaseModel):
        label: ClassVar[str]

        @classmethod
        def __pydantic_init_subclass__(cls, *, label: str = "", **others: Any) -> None:
            super().__pydantic_init_subclass__(**others)
            cls.label = label

    class Both(Mark, Labelled, kind="both", label="a"):
        pass

    assert (Both.kind, Both.label) == ("both", "a")


def test_a_class_may_have_private_attributes_and_a_hook_after_its_creation() -> None:
    class Counted(Mark, kind="counted"):
        _seen: int = PrivateAttr(default=3)

    class Hooked(Mark, kind="hooked"):
        detail: str = ""

        def model_post_init(self, context: Any, /) -> None:
            self.__dict__["detail"] = "set by the hook"

    class Child(Hooked, kind="child"):
        pass

    for mark_class in (Smoke, Counted, Hooked, Child):
        mark = mark_class(subject="a", **({"detail": "thin"} if mark_class is Smoke else {}))
        assert options_of(mark) is NO_OPTIONS
        assert options_of(mark.with_options(key="k")).key == "k"
        assert options_of(mark) is NO_OPTIONS
        assert not was_read(mark)
    assert Counted(subject="a")._seen == 3  # noqa: SLF001 -- of the class above
    assert [cls(subject="a").detail for cls in (Hooked, Child)] == ["set by the hook"] * 2


def test_a_hook_may_call_the_hook_of_its_base_class() -> None:
    class Plain(Mark, kind="plain"):
        pass

    class Counted(Plain, kind="counted"):
        _seen: int = PrivateAttr(default=3)

        def model_post_init(self, context: Any, /) -> None:
            super().model_post_init(context)
            self._seen += 1

    class Mixin:
        def model_post_init(self, context: Any, /) -> None:
            super().model_post_init(context)  # type: ignore[misc]

    class Mixed(Mixin, Plain, kind="mixed"):
        _seen: int = PrivateAttr(default=3)

    assert Counted(subject="a")._seen == 4  # noqa: SLF001 -- of the class above
    assert Mixed(subject="a")._seen == 3  # noqa: SLF001 -- of the class above
    for mark_class in (Counted, Mixed):
        assert options_of(mark_class(subject="a")) is NO_OPTIONS


def test_class_arguments_are_the_defaults_of_a_kind() -> None:
    kind = Smoke.defaults
    assert (kind.name, kind.weight, kind.floor, kind.on_repeat, kind.cap) == ("smoke", 2.0, 0.1, "add", 5.0)
    assert kind.decay == Exponential("1h")
    assert kind.class_path.endswith(":Smoke")


def test_a_kind_without_arguments_never_fades_and_keeps_the_strongest() -> None:
    class Plain(Mark, kind="plain"):
        pass

    assert Plain.defaults == Kind(
        "plain", Never(), 1.0, 0.01, "max", class_path=Plain.defaults.class_path, payload_schema=Plain.payload_schema()
    )


def test_the_registered_schema_contains_only_the_payload() -> None:
    schema = Smoke.payload_schema()
    properties = schema["properties"]
    assert isinstance(properties, dict)
    assert set(properties) == {"detail", "seen"}
    assert schema["required"] == ["detail"]
    assert schema["additionalProperties"] is False


def test_the_payload_contains_the_fields_of_the_kind() -> None:
    mark = Smoke(subject="kitchen", intensity=0.5, detail="thin")
    assert mark.payload == {"detail": "thin", "seen": []}


def test_a_mark_is_immutable() -> None:
    mark = Smoke(subject="kitchen", detail="thin")
    with pytest.raises(ValidationError):
        mark.detail = "thick"  # type: ignore[misc]


def test_a_field_that_the_kind_does_not_have_is_refused() -> None:
    with pytest.raises(ValidationError, match="colour"):
        Smoke(subject="kitchen", detail="thin", colour="grey")  # type: ignore[call-arg]


def test_a_mark_that_is_not_from_a_board_has_no_strength() -> None:
    mark = Smoke(subject="kitchen", detail="thin")
    for name in ("id", "strength", "author", "deposited_at", "reinforced_at"):
        with pytest.raises(InvalidMark, match="was not read from a board"):
            getattr(mark, name)


def test_a_mark_from_a_board_has_its_stored_state() -> None:
    stored = StoredMark(7, 9, "watchman", 0.5, 1_000_000, 2_000_000, 1, 2_000_000)
    mark = attach_stored(Smoke(subject="kitchen", detail="thin"), stored)
    assert (mark.id, mark.author, mark.strength) == (7, "watchman", 0.5)
    assert (mark.deposited_at, mark.reinforced_at) == (to_datetime(1_000_000), to_datetime(2_000_000))


def test_the_alternative_is_kept_in_a_copy() -> None:
    mark, other = Smoke(subject="kitchen", detail="thin"), Need(subject="kitchen", question="who?")
    assert alternative_of(mark.or_else(other)) is other
    assert alternative_of(mark) is None


def test_a_class_without_a_kind_is_refused() -> None:
    with pytest.raises(InvalidMark, match=r'write class Nameless\(Mark, kind="\.\.\."\)'):

        class Nameless(Mark):
            pass


def test_a_field_of_a_type_that_is_not_defined_yet_names_the_type() -> None:
    with pytest.raises(InvalidMark, match="Report needs Item; define it before the class"):
        type("Report", (Mark,), {"__annotations__": {"items": "list[Item]"}, "__module__": __name__}, kind="report")


def test_a_class_of_marks_that_contains_itself_is_refused() -> None:
    with pytest.raises(InvalidMark, match="a field of Node holds marks of this class again; give this field another"):
        type("Node", (Mark,), {"__annotations__": {"below": "list[Node]"}, "__module__": __name__}, kind="node")


@pytest.mark.filterwarnings("ignore:Field name")
@pytest.mark.parametrize(
    "name", ["subject", "intensity", "kind", "id", "strength", "author", "payload", "defaults", "reinforced_at", "copy"]
)
def test_a_field_may_not_have_the_name_of_a_mark_attribute(name: str) -> None:
    with pytest.raises(InvalidMark, match=f"Greedy.{name}: every mark has an attribute of that name"):
        type("Greedy", (Mark,), {"__annotations__": {name: str}, "__module__": __name__}, kind="greedy")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "two words"}, "has up to 64 letters"),
        ({"kind": "größe"}, "has up to 64 letters"),
        ({"kind": "k" * 65}, "has up to 64 letters"),
        ({"kind": "2nd"}, "has up to 64 letters"),
        ({"kind": "k", "weight": -1.0}, "weight must be"),
        ({"kind": "k", "weight": math.nan}, "weight must be"),
        ({"kind": "k", "floor": math.inf}, "floor must be"),
        ({"kind": "k", "cap": 0.0}, "cap must be"),
        ({"kind": "k", "on_repeat": "sometimes"}, "on_repeat must be one of add, max, replace, separate"),
        ({"kind": "k", "unique": "slot"}, "unique names 'slot'"),
    ],
)
def test_an_invalid_kind_is_refused_at_its_declaration(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        type("Wrong", (Mark,), {"__module__": __name__}, **arguments)


def test_all_mistakes_of_a_kind_are_reported_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Kind("two words", weight=-1.0, floor=-1.0, cap=-1.0, on_repeat="no")  # type: ignore[arg-type]
    assert len(caught.value.mistakes) == 5


def test_an_invalid_law_is_refused_at_the_declaration_of_a_kind() -> None:
    with pytest.raises(InvalidLaw, match="did you mean 'never'"):
        type("Wrong", (Mark,), {"__module__": __name__}, kind="wrong", decay="nevr")


@given(st.one_of(st.just(0.0), intensities), st.floats(0, 10), laws)
def test_a_mark_is_live_exactly_while_intensity_x_share_reaches_the_floor(
    intensity: float, floor: float, law: Decay
) -> None:
    life = Kind("k", floor=floor).life(law, intensity)
    if life is None:
        return
    left = intensity * law.share(life)
    assert left < floor + 1e-9 * max(intensity, 1.0) or left == 0
    if life > 0:
        assert intensity * law.share(life - 1) >= floor - 1e-9 * max(intensity, 1.0)


def test_a_weight_does_not_change_whether_a_mark_is_live() -> None:
    light, heavy = Kind("k", floor=0.1, weight=0.001), Kind("k", floor=0.1, weight=1000.0)
    assert light.life(Exponential("1h"), 1.0) == heavy.life(Exponential("1h"), 1.0)


@pytest.mark.parametrize("floor", [0.0, 0.01])
def test_a_mark_with_intensity_0_is_not_live(floor: float) -> None:
    assert Kind("k", floor=floor).life(Never(), 0.0) == 0


def test_without_a_floor_a_mark_is_live_until_nothing_remains() -> None:
    assert Kind("k", floor=0.0).life(Step("1h"), 1e-300) == 3_600_000_000
    assert Kind("k", floor=0.0).life(Exponential("1h"), 1.0) is None


@pytest.mark.parametrize("intensity", [0, 1, 0.5, 1e12, 10**12])
def test_a_number_of_at_least_0_is_an_intensity(intensity: float) -> None:
    checked = check_intensity(intensity)
    assert checked == intensity
    assert isinstance(checked, float)


@pytest.mark.parametrize(
    "intensity",
    [math.nan, math.inf, -math.inf, -0.1, -1, 1.1e12, 10**400, 10**5000, -(10**400), True, False, "1", None, 1j, [1.0]],
    ids=lambda value: type(value).__name__,
)
def test_an_invalid_intensity_is_refused(intensity: Any) -> None:
    with pytest.raises(InvalidMark, match="intensity must be a"):
        check_intensity(intensity)


@given(st.text("abc/ é漢\U0001f600", min_size=1, max_size=512).filter(str.strip))
def test_a_text_is_a_subject_unchanged(subject: str) -> None:
    assert check_subject(subject) == subject


@pytest.mark.parametrize(
    ("subject", "message"),
    [
        ("", "is empty"),
        (" \t\n", "is empty"),
        (None, "is empty"),
        (b"lead", "is empty"),
        ("x" * 513, "513 characters long; at most 512"),
        ("a\x00b", "not valid text"),
        ("a\ud800b", "not valid text"),
    ],
)
def test_an_invalid_subject_is_refused(subject: Any, message: str) -> None:
    with pytest.raises(InvalidMark, match=message):
        check_subject(subject)


def test_an_invalid_payload_is_reported_field_by_field() -> None:
    with pytest.raises(ValidationError) as caught:
        Smoke.model_validate({"subject": "kitchen", "seen": ["x"], "colour": 1})
    text = describe_invalid("smoke", Smoke, caught.value)
    assert text.startswith("the payload does not fit kind 'smoke': ")
    for field in ("detail: field required", "seen.0:", "colour: there is no field 'colour'"):
        assert field in text
    assert "\n" not in text


class Grade(Mark, kind="grade"):
    level: Literal["High", "Low"]
    value: int = 0


def test_the_error_of_a_payload_has_the_names_as_they_are_written() -> None:
    with pytest.raises(ValidationError) as caught:
        Grade.model_validate({"subject": "x", "level": "high", "value": "much", "valeu": 1})
    assert describe_invalid("grade", Grade, caught.value) == (
        "the payload does not fit kind 'grade': level: input should be 'High' or 'Low';"
        " value: input should be a valid integer; valeu: there is no field 'valeu'; did you mean 'value'?"
    )


def test_a_payload_is_stored_unchanged() -> None:
    assert dump_payload({"who": "Zoë 漢", "n": [1, 2.5, None]}) == '{"who":"Zoë 漢","n":[1,2.5,null]}'


@pytest.mark.parametrize("value", [math.nan, math.inf, "\ud800", {1, 2}, object()])
def test_a_payload_that_json_cannot_represent_is_refused(value: Any) -> None:
    with pytest.raises(InvalidMark, match="the payload is not JSON"):
        dump_payload({"x": value})


def test_a_payload_that_contains_itself_is_refused() -> None:
    endless: dict[str, Any] = {}
    endless["more"] = endless
    with pytest.raises(InvalidMark, match="the payload is not JSON"):
        dump_payload(endless)


def test_the_kinds_of_the_board_itself_are_separate_and_do_not_fade() -> None:
    for cls in (Need, Decision):
        assert cls.defaults.on_repeat == "separate"
        assert cls.defaults.decay == Never()


@pytest.mark.parametrize(
    ("option", "value", "error"),
    [
        ("until", "tomorrow", InvalidTime),
        ("occurred_at", "yesterday", InvalidTime),
        ("decay", "bogus", InvalidLaw),
        ("decay", {"law": "linear", "lifetime": "3 days"}, InvalidDuration),
        ("if_event", -1, InvalidMark),
    ],
)
def test_an_option_that_is_wrong_is_named(option: str, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"^{option}"):
        Smoke(subject="kitchen", detail="thick").with_options(**{option: value})
