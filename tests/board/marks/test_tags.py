"""Marks are found by the tags of their kind, whose values are compared exactly and by their type."""

from __future__ import annotations

import contextlib
import enum
import json
import tempfile
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from blackboard import Blackboard, Context, Mark, agent, connect, count, of_subject, strength, strongest_of
from blackboard.board.mark_tables import filtered_marks
from blackboard.board.reading.mark_queries import MarkQuery, marks_of_class
from blackboard.core.marks.decay import Exponential, Linear
from blackboard.core.marks.kinds import Kind
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.durations import HOUR, MINUTE
from blackboard.errors import ConfigurationError, UnknownName, UsageError
from blackboard.store.dialects.dialect import Dialect
from blackboard.store.statement_file import Statement
from tests.support.hypothesis_examples import examples
from tests.support.world import World, kind, spec


class Level(enum.Enum):
    LOW = "low"
    HIGH = "high"


class Alert(
    Mark,
    kind="alert",
    on_repeat="replace",
    tags=["service", "level", "number", "rate", "on", "labels", "price", "since"],
):
    service: str | None = None
    level: Level = Level.LOW
    number: int | str = 0
    rate: float = 0.0
    on: bool | None = None
    labels: list[str] = Field(default_factory=list)
    price: Decimal | None = None
    since: datetime | None = None
    detail: dict[str, int] = Field(default_factory=dict)


class Plain(Mark, kind="plain"):
    service: str = "db"


class Note(Mark, kind="note", search=["text"]):
    text: str


@agent(watches=count(Alert, by="service", within="1h") >= 3)
def paged(alerts: list[Alert], context: Context) -> None: ...


def found(board: Blackboard, **where: Any) -> list[str]:
    return sorted(mark.subject for mark in board.marks(Alert, where=where))


NINE = datetime(2026, 3, 4, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "value", "matches", "others"),
    [
        ("service", "db", ["db", ["web", "db"], {"db"}], ["DB", "db ", "", None, [], ["web"]]),
        ("level", Level.HIGH, [Level.HIGH, "high"], [Level.LOW, "HIGH"]),
        ("number", 1, [1, 1.0, Decimal("1.00")], ["1", True, 2, 1.5]),
        ("number", "1", ["1"], [1, 1.0, "1.0", True]),
        ("number", 2**70 + 1, [2**70 + 1], [2**70]),
        ("rate", 0.5, [0.5, Decimal("0.50")], ["0.5", 0]),
        ("rate", 1, [1, 1.0], [True, "1"]),
        ("on", True, [True], [1, "true", False]),
        ("on", False, [False], [0, None, ""]),
        ("labels", ["red", "blue"], ["red", "blue", ["green", "blue"]], ["green", '["red"]', []]),
        ("price", Decimal("1.50"), [1.5, Decimal("1.5"), "1.50"], [1, "x"]),
        ("since", NINE, [NINE, "2026-03-04T10:00:00+01:00"], ["2026-03-04", "nine"]),
        ("service", "long " * 500, ["long " * 500], ["long " * 499, "long " * 500 + "x"]),
        ("service", 'a "quoted" \\ one\x00\n', ['a "quoted" \\ one\x00\n'], ["a", "\ud800"]),
    ],
)
def test_values_are_compared_exactly_and_by_their_type(
    world: World, field: str, value: Any, matches: list[Any], others: list[Any]
) -> None:
    world.board.deposit(Alert(subject="it", **{field: value}))
    world.board.deposit(Alert(subject="other", service="none", level=Level.LOW, number=-1, rate=-1.0, labels=["none"]))
    for item in matches:
        assert found(world.board, **{field: item}) == ["it"], item
    for item in others:
        assert "it" not in found(world.board, **{field: item}), item


def test_all_tags_must_match_and_an_absent_tag_matches_nothing(world: World) -> None:
    board = world.board
    board.deposit(Alert(subject="a", service="db", level=Level.HIGH))
    board.deposit(Alert(subject="b", service="db"))
    board.deposit(Alert(subject="c", level=Level.HIGH))
    assert found(board, service="db", level="high") == ["a"]
    assert found(board, service=["db", "web"], level=["low", "high"]) == ["a", "b"]
    assert found(board, service=None) == found(board, service="null") == found(board, service=[]) == []
    assert found(board) == ["a", "b", "c"]
    assert [mark.subject for mark in board.marks(Alert, subject="b", where={"service": "db"})] == ["b"]
    assert board.marks(Alert, subject="b", where={"level": "high"}) == []


@pytest.mark.parametrize("few", [1, 1000])
def test_the_strongest_with_a_tag_come_first(world: World, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(filtered_marks, "FEW_MARKS", few)
    kinds = {name: kind(name, law, tags=("n",)) for name, law in (("e", Exponential("1h")), ("l", Linear("9h")))}
    world.deploy(kinds)
    for number in range(12):
        world.put("e" if number % 2 else "l", f"s{number}", 1 + number, payload={"n": number % 3})
    marks = world.board.marks(where={"n": 1}, limit=3)
    assert [mark.subject for mark in marks] == ["s10", "s7", "s4"]
    assert [mark.subject for mark in world.board.marks("e", where={"n": [1, 2]}, limit=2)] == ["s11", "s7"]
    assert [mark.subject for mark in world.board.marks("e", where={"n": 1}, min_strength=7.5)] == ["s7"]
    later = world.board.now().timestamp() + 3600
    assert len(world.board.marks("l", where={"n": 1}, at=datetime.fromtimestamp(later, UTC), limit=9)) == 2


def test_a_redeposit_moves_the_mark(world: World) -> None:
    board = world.board
    mark = board.deposit(Alert(subject="a", service="db", labels=["x", "y"])).mark_id
    world.advance(MINUTE)
    before = board.now()
    world.advance(MINUTE)
    board.deposit(Alert(subject="a", service="web", labels=["y", "z"]))
    assert found(board, service="db") == found(board, labels="x") == []
    assert found(board, service="web") == found(board, labels="z") == found(board, labels="y") == ["a"]
    assert [mark.subject for mark in board.marks("alert", where={"service": "db"}, at=before)] == ["a"]
    assert board.marks("alert", where={"service": "web"}, at=before) == []
    board.reinforce(mark, by=1.0)
    assert found(board, service="web") == ["a"]
    board.withdraw(mark)
    assert found(board, service="web") == []
    assert tags(world) == []


def test_a_late_deposit_leaves_the_tags_of_the_payload_that_shows(world: World) -> None:
    world.deploy({"sum": kind("sum", Exponential("1h"), on_repeat="add", tags=("n",))})
    world.put("sum", payload={"n": 1})
    world.put("sum", payload={"n": 2}, occurred_at=world.clock.now() - HOUR)
    assert len(world.board.marks("sum", where={"n": 1})) == 1
    assert world.board.marks("sum", where={"n": 2}) == []


def test_tags_leave_the_board_with_the_mark(world: World) -> None:
    world.deploy({"short": kind("short", Linear("1h"), tags=("n",), floor=0.1)})
    world.put("short", "fades", payload={"n": "a"})
    world.put("short", "forgotten", payload={"n": "secret word"})
    world.put("short", "weak", 0.01, payload={"n": "a"})
    assert [(row[0], row[1]) for row in tags(world)] == [("short", '"a"'), ("short", '"secret word"')]
    world.board.forget("forgotten")
    assert [row[1] for row in tags(world)] == ['"a"']
    world.advance(2 * HOUR)
    assert world.board.marks(where={"n": "a"}) == []
    world.evaporate()
    assert tags(world) == []


def test_a_kind_without_tags_runs_no_further_statement(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.board.deposit(Plain(subject="a"))
    names: list[str] = []
    compiled = Statement.compile

    def note(self: Statement[object], dialect: Dialect) -> tuple[str, tuple[str, ...]]:
        names.append(self.name)
        return compiled(self, dialect)

    monkeypatch.setattr(Statement, "compile", note)
    world.board.deposit(Plain(subject="a", service="web"))
    world.board.deposit(Plain(subject="b"))
    world.board.withdraw(world.board.marks(Plain)[0].id)
    assert "marks.insert_mark" in names
    assert [name for name in names if "tag" in name] == []
    world.board.deposit(Alert(subject="b"))
    assert "marks.insert_tag" in names


def rows(path: Path) -> Counter[str]:
    """Return the number of rows of each table, those of the full-text index included."""
    with contextlib.closing(connect(path)) as connection:
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL TABLE%'"
        ).fetchall()
        return Counter({name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for (name,) in names})


def test_a_deposit_of_a_kind_without_tags_and_search_has_no_further_row(tmp_path: Path) -> None:
    path = tmp_path / "board.db"
    with Blackboard.open(path) as board:
        board.deploy(paged, kinds=(Note, Plain))
        board.deposit(Alert(subject="a", service="db"))
        board.deposit(Note(subject="a", text="slow disk"))
        before = rows(path)
        board.deposit(Plain(subject="a"))
        board.deposit(Plain(subject="a", intensity=2))
        assert rows(path) - before == Counter({"event": 2, "mark": 1})
        before = rows(path)
        board.deposit(Alert(subject="b", service="web"))
        board.deposit(Note(subject="b", text="slow network"))
        added = rows(path) - before
        assert {"mark_tag", "window_event", "window_tag", "search_doc", "search_index_docsize"} <= added.keys()


# -- deployments


def test_a_kind_that_becomes_tagged_is_found_at_once_and_in_the_past(world: World) -> None:
    world.deploy({"alert": kind("alert", Exponential("1h"))})
    world.put("alert", "a", payload={"service": "db", "n": 1})
    world.put("alert", "b", payload={"service": {"name": "db"}, "n": [1, 2, "x"]})
    world.advance(MINUTE)
    before = world.board.now()
    with pytest.raises(UnknownName, match="there is no tag 'service' of kind 'alert'"):
        world.board.marks("alert", where={"service": "db"})
    changed = world.deploy({"alert": kind("alert", Exponential("1h"), tags=("service", "n"))}).changed
    assert "kind alert: 2 live marks have the tags service, n" in changed
    assert [mark.subject for mark in world.board.marks(where={"service": "db"})] == ["a"]
    assert [mark.subject for mark in world.board.marks(where={"n": "x"})] == ["b"]
    assert [mark.subject for mark in world.board.marks(where={"n": 1}, at=before)] == ["a"]
    world.deploy({"alert": kind("alert", Exponential("1h"), tags=("n",))})
    assert {row[1] for row in tags(world)} == {"1", '"x"'}
    assert world.deploy({"alert": kind("alert", Exponential("2h"), tags=("n",))}).changed == ("kind alert: decay",)


def test_a_changed_type_changes_the_comparison(world: World) -> None:
    def of_type(schema: Mapping[str, Any]) -> KindSpec:
        return KindSpec.of(
            Kind("alert", tags=("price",), payload_schema={"type": "object", "properties": {"price": schema}})
        )

    world.deploy({"alert": of_type({"type": "string"})})
    world.put("alert", payload={"price": "1.50"})
    assert world.board.marks("alert", where={"price": 1.5}) == []
    world.deploy({"alert": of_type({"type": "string", "format": "decimal"})})
    assert len(world.board.marks("alert", where={"price": 1.5})) == 1


@pytest.mark.parametrize(
    ("annotation", "is_fit"),
    [
        (str, True),
        (str | None, True),
        (int | float | bool | str, True),
        (Literal["a", 1], True),
        (Level, True),
        (Decimal, True),
        (datetime, True),
        (list[str] | None, True),
        (set[Level], True),
        (list[str | None], True),
        (tuple[str, ...], True),
        (tuple[str, Level], True),
        (list[int], False),
        (list[Any], False),
        (dict[str, str], False),
        (str | dict[str, str], False),
        (Any, False),
        (Plain, False),
        (None, False),
    ],
)
def test_only_texts_numbers_booleans_and_lists_of_texts_can_be_tags(annotation: Any, is_fit: bool) -> None:
    body = {"__annotations__": {"field": annotation}, "__module__": __name__}
    if is_fit:
        made: Any = type("One", (Mark,), body, kind="one", tags=["field"])
        assert made.defaults.tags == ("field",)
        return
    with pytest.raises(ConfigurationError, match="tags: 'field' must be a text, a number, a boolean or a list of text"):
        type("One", (Mark,), body, kind="one", tags=["field"])


def test_a_tag_is_a_field_of_the_payload() -> None:
    with pytest.raises(ConfigurationError, match=r"tags: the payload has no field 'servcie'; did you mean 'service'"):
        type("One", (Plain,), {"__module__": __name__}, kind="one", tags=["servcie"])
    with pytest.raises(ConfigurationError, match="tags names a field twice"):
        Kind("one", tags=("a", "a"))


def test_a_wrong_filter_is_an_error(world: World) -> None:
    world.deploy({"alert": kind("alert", tags=("service",)), "plain": kind("plain")})
    with pytest.raises(UnknownName, match="there is no tag 'servce' of kind 'alert'; did you mean 'service'"):
        world.board.marks("alert", where={"servce": "db"})
    with pytest.raises(UnknownName, match="there is no tag 'servce'; did you mean 'service'"):
        world.board.marks(where={"servce": "db"})
    with pytest.raises(UnknownName, match="there is no tag 'service' of kind 'plain'"):
        world.board.marks("plain", where={"service": "db"})
    with pytest.raises(UsageError, match="service: a tag is compared with a text, a number"):
        world.board.marks("alert", where={"service": {"name": "db"}})
    with pytest.raises(UnknownName, match="there is no tag 'x' of kind 'plain'"):
        world.board.session.read(
            lambda txn: marks_of_class(txn, Plain, world.board.session.classes, MarkQuery(where={"x": 1}))
        )


# -- reads of agents


def test_an_agent_reads_by_tags(world: World) -> None:
    kinds = {"lead": kind("lead"), "alert": kind("alert", on_repeat="separate", tags=("service", "n"))}
    reads = [strongest_of("alert", 2, where={"service": ["db", "web"]}), of_subject("alert", where={"n": Decimal(1)})]
    world.deploy(kinds, spec("sales", strength("lead") >= 0.5, reads=reads))
    marks = [
        world.put("alert", subject, intensity, payload=payload).mark_id
        for subject, intensity, payload in [
            ("x", 3.0, {"service": "mail", "n": 1}),
            ("x", 2.0, {"service": "db", "n": 2}),
            ("y", 1.5, {"service": "web", "n": 1}),
            ("y", 1.0, {"service": "db"}),
        ]
    ]
    world.put("lead", "x")
    claim = world.claim("sales")
    assert claim is not None
    assert [item.event.mark_id for item in claim.reads] == marks[:3]  # strongest first


@pytest.mark.parametrize("price", ["-2.5", "0.12345678901234567890123", "1000000000000000000000000000001", "1e400"])
def test_a_read_compares_every_digit_of_a_decimal_number(price: str) -> None:
    where = {"price": Decimal(price)}
    stored = json.loads(strongest_of(Alert, where=where).spec.model_dump_json())["where"]
    schema = Alert.defaults.tag_schema
    assert schema.filter(stored) == schema.filter(where)


def test_a_read_by_an_unknown_tag_is_refused(world: World) -> None:
    kinds = {"lead": kind("lead"), "alert": kind("alert", tags=("service",))}
    cases: list[tuple[dict[str, Any], str]] = [
        ({"servce": "db"}, r"agents\.sales\.reads: there is no tag 'servce' of kind 'alert'; did you mean 'service'"),
        ({"service": None}, r"agents\.sales\.reads: where: 'service' needs a value"),
    ]
    for where, problem in cases:
        agent = spec("sales", strength("lead") >= 0.5, reads=[strongest_of("alert", where=where)])
        with pytest.raises(ConfigurationError, match=problem):
            world.board.deploy(Deployment(kinds=kinds, agents={"sales": agent}))
    with pytest.raises(UsageError, match="a tag is compared with"):
        strongest_of("alert", where={"service": object()})


# -- the view


def test_the_view_has_the_tags_of_live_marks(world: World) -> None:
    world.deploy({"alert": kind("alert", on_repeat="separate", tags=("a", "b"))})
    world.put("alert", "x", payload={"a": 'say "hi"\n', "b": ["red", "1"]})
    world.put("alert", "y", payload={"a": 1.50, "b": True})
    world.put("alert", "z", payload={"a": "old"}, decay=Linear("1h"))
    world.advance(2 * HOUR)
    world.put("alert", "now")  # the view has the time of the last event
    rows = {tuple(row)[1:] for row in world.sql("SELECT * FROM mark_tags")}
    assert rows == {
        ("alert", "a", 'say "hi"\n', "text"),
        ("alert", "b", "red", "text"),
        ("alert", "b", "1", "text"),
        ("alert", "a", "1.5", "number"),
        ("alert", "b", "true", "boolean"),
    }


# -- against a plain filter

scalars = st.one_of(
    st.sampled_from(["a", "b", "1", "true", "", "é", "a b"]),
    st.sampled_from([0, 1, 2, 1.0, 0.5, -0.0, 1e30, 10**30, 2**53, 2**53 + 1]),
    st.booleans(),
)
values = st.one_of(st.none(), scalars, st.lists(st.sampled_from(["a", "b", "1"]), max_size=3))
payloads = st.dictionaries(st.sampled_from(["x", "y"]), values, max_size=2)
wheres = st.dictionaries(
    st.sampled_from(["x", "y"]), st.one_of(st.none(), scalars, st.lists(scalars, max_size=2)), min_size=1, max_size=2
)


def typed(value: Any) -> tuple[str, Any]:
    """Return a value with its type, as Python compares them without confusion. Numbers are those of their digits."""
    if isinstance(value, bool | str):
        return type(value).__name__, value
    return "number", Fraction(str(value))


def passes(payload: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    for name, wanted in where.items():
        value = payload.get(name)
        has = {typed(item) for item in (value if isinstance(value, list) else [value]) if item is not None}
        asked = {typed(item) for item in (wanted if isinstance(wanted, list) else [wanted]) if item is not None}
        if not has & asked:
            return False
    return True


@pytest.mark.hypothesis
@given(
    st.lists(st.tuples(st.sampled_from(["s", "t", "u"]), payloads), max_size=6),
    wheres,
    st.integers(0, 5),
    st.sampled_from([None, 1, 2, 9]),
)
@examples(0.3)
def test_filters_agree_with_a_plain_filter(
    deposits: list[tuple[str, dict[str, Any]]], where: dict[str, Any], place: int, limit: int | None
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "board.db")
        world.deploy({"alert": kind("alert", Exponential("9h"), on_repeat="replace", floor=0.01, tags=("x", "y"))})
        states: list[dict[str, dict[str, Any]]] = [{}]
        instants = [world.board.now()]
        for number, (subject, payload) in enumerate(deposits):
            world.advance(MINUTE)
            world.put("alert", subject, 2.0**number, payload=payload)
            states.append({**states[-1], subject: payload})
            instants.append(world.board.now())
        for index, at in ((-1, None), (-1, "2099-01-01"), (min(place, len(deposits)), "past")):
            live = states[index] if at != "2099-01-01" else {}
            expected = {subject for subject, payload in live.items() if passes(payload, where)}
            then: Any = instants[index] if at == "past" else at
            marks = world.board.marks("alert", where=where, at=then)
            assert {mark.subject for mark in marks} == expected
            assert world.board.marks(where=where, at=then, limit=limit) == marks[:limit]
            for mark in marks:
                assert json.dumps(mark.payload) == json.dumps(live[mark.subject])
        world.close()


def tags(world: World) -> list[tuple[str, str]]:
    return [tuple(row) for row in world.sql("SELECT kind, value FROM mark_tag ORDER BY mark_id, name, value")]
