"""Watches over groups: the marks of all subjects that share one value of a tag."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field

from blackboard import Mark, count, strength, total, watch
from blackboard.core.conditions.condition_parser import parse_condition
from blackboard.core.conditions.condition_types import over_board
from blackboard.core.marks.decay import Step
from blackboard.durations import HOUR
from blackboard.errors import ConfigurationError, InvalidCondition, UsageError
from tests.support.sum_checks import check_sums
from tests.support.world import World, kind, spec

ALERT = {"alert": kind("alert", Step("1h"), on_repeat="replace", tags=("service", "severity"))}
THREE = total("alert", by="service") >= 3


class Alert(Mark, kind="tagged_alert", tags=["service", "labels"]):
    service: str
    labels: list[str] = Field(default_factory=list)


def put(world: World, subject: str, service: Any, **options: Any) -> tuple[str, ...]:
    payload = {"service": service} | options.pop("payload", {})
    return world.put("alert", subject, payload=payload, **options).crossed


def groups(world: World) -> list[Any]:
    return [item.group for item in world.board.agenda()]


def test_the_text_of_a_condition_has_the_tag() -> None:
    condition = total("alert", by="service", where={"severity": "high"}, within="10m") >= 3
    text = 'total("alert", by="service", where={"severity": "high"}, within="10m") >= 3'
    assert str(condition) == text
    assert parse_condition(text) == condition != THREE
    assert str(over_board(THREE)) == 'total("alert", over="board") >= 3'


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: count(Alert, by="servce"), "no tag 'servce'.*did you mean 'service'"),
        (lambda: count(Alert, by="labels"), "may be a list"),
        (lambda: count(Alert, by="service", over="board"), 'leave out over="board"'),
        (lambda: count(Alert, by=""), "by names a tag"),
        (lambda: parse_condition("strength(alert, by=service) >= 1"), "one mark"),
        (
            lambda: spec("pager", (count("a", by="x") >= 1) & (count("a", by="y") >= 1)),
            "groups by one tag",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(make: Any, message: str) -> None:
    with pytest.raises((InvalidCondition, UsageError), match=f"(?i){message}"):
        make()


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"watches": watch(THREE, per="batch")}, "about one value of 'service'"),
        ({"watches": THREE, "unless": count("alert") >= 9}, "must measure the groups"),
        ({"watches": strength("alert") >= 1, "unless": count("alert", by="service") >= 9}, "has no group"),
    ],
)
def test_a_guard_and_per_fit_the_groups(declared: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        spec("pager", **declared)


def test_a_deployment_names_tags_that_its_kinds_have(world: World) -> None:
    with pytest.raises(ConfigurationError, match=r"no tag 'servise'.*'service'"):
        world.deploy(ALERT, spec("pager", count("alert", by="servise") >= 1))


@pytest.mark.postgresql
def test_each_value_crosses_once_by_its_type(world: World) -> None:
    world.deploy(ALERT, spec("pager", THREE))
    for number, service in enumerate(["db", 3, "3", "db", 3, None, "db"]):
        put(world, f"host{number}", service)
    assert groups(world) == ["db"]
    claim = world.claimed("pager")
    assert (claim.group, set(claim.subjects)) == ("db", {"host0", "host3", "host6"})
    world.finish(claim)
    put(world, "host7", 3)
    assert groups(world) == [3]
    assert world.board.query("SELECT subject, group_tag, group_value FROM agenda") == [(None, "service", "3")]
    world.board.session.write(check_sums)
    world.work_off("pager")
    assert [record.group for record in world.board.activations()] == [3, "db"]


@pytest.mark.postgresql
def test_a_deposit_moves_its_mark_between_groups(world: World) -> None:
    quiet = count("alert", by="service") < 2
    world.deploy(ALERT, spec("pager", count("alert", by="service") >= 2), spec("calm", quiet))
    for subject, service in [("a", "db"), ("b", "db"), ("c", "api")]:
        put(world, subject, service)
    world.work_off("pager")
    assert put(world, "b", "api") == ("pager",)
    assert sorted((item.agent, item.group) for item in world.board.agenda()) == [("calm", "db"), ("pager", "api")]
    world.board.session.write(check_sums)
    world.advance(HOUR)
    world.evaporate()
    assert ("calm", "api") in [(item.agent, item.group) for item in world.board.agenda()]
    assert world.sql("SELECT count(*) FROM watch_total") == [(0,)]


def test_a_claim_takes_faded_marks_out_of_the_sums_of_their_group(world: World) -> None:
    world.deploy(ALERT, spec("pager", THREE))
    for subject in "abcd":
        put(world, subject, "db")
    world.advance(2 * HOUR)
    assert set(world.claimed("pager").subjects) == set("abcd")
    world.board.session.write(check_sums)
    assert put(world, "e", "db") == ()


@pytest.mark.postgresql
def test_an_explanation_is_about_a_group(world: World) -> None:
    world.deploy(ALERT, spec("pager", THREE))
    put(world, "a", "db")
    for result in (world.board.explain("pager", "a"), world.board.explain("pager", group="db")):
        [one] = result.watches
        assert (one.group_tag, one.group, one.values and one.values[0].value) == ("service", "db", 1.0)
    world.deploy(None, spec("other", strength("alert") >= 1))
    with pytest.raises(UsageError, match="no watch over groups"):
        world.board.explain("other", group="db")


def test_a_forgotten_subject_leaves_no_group_behind(world: World) -> None:
    world.deploy(ALERT, spec("pager", count("alert", by="service") >= 1))
    put(world, "a", "secret-service")
    put(world, "b", "db")
    put(world, "c", "db")
    world.board.forget("a")
    world.board.forget("b")
    subjects = [row.scope for row in world.crossings()]
    assert not any("secret" in subject for subject in subjects)
    assert groups(world) == ["db"]


def test_no_subject_is_taken_for_a_group(world: World) -> None:
    world.deploy(ALERT)
    with pytest.raises(UsageError, match="not valid text"):
        world.put("alert", "\x1dservice\x1d3")


def test_a_new_watch_is_tested_on_each_group(world: World) -> None:
    world.deploy(ALERT)
    for number in range(6):
        put(world, f"host{number}", number % 2)
    world.deploy(None, spec("pager", THREE))
    assert sorted(groups(world)) == [0, 1]
