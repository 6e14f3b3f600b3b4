"""`check` warns of a condition that its kinds can never meet, and of no other."""

from __future__ import annotations

from typing import Any

import pytest

from blackboard import Exponential, Never, Step, agent, count, daily_at, strength, strongest, total, watch
from blackboard.core.conditions.condition_types import Condition
from blackboard.core.marks.decay import Linear
from blackboard.core.marks.kinds import Kind
from blackboard.errors import ConfigurationError
from blackboard.settings.declaration_warnings import warnings_about

KINDS = {
    kind.name: kind
    for kind in (
        Kind("plain", Exponential("1h")),
        Kind("capped", Exponential("1h"), weight=2.0, cap=1.5),
        Kind("each", Linear("1h"), on_repeat="separate", cap=1.0),
        Kind("idle", Exponential("1h"), weight=0.0),
        Kind("fixed", Never()),
        Kind("state", Never(), on_repeat="replace"),
        Kind("timed", Step("30m")),
        Kind("ring", Step("30m"), on_repeat="separate"),
    )
}


def warnings(watches: Any, **declared: Any) -> list[str]:
    @agent(watches=watches, name="keeper", **declared)
    def keeper(marks: Any, context: Any) -> None:
        return None

    return [f"{one.place.removeprefix('agents.keeper.')}: {one.message}" for one in warnings_about(keeper.spec, KINDS)]


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        (strength("capped") >= 3.0, None),
        (strength("capped") >= 3.1, "is never met: weight x cap of capped allows at most 3"),
        (strength("plain") >= 1000, None),
        (strength("idle") >= 0.1, "is never met: weight x cap of idle allows at most 0"),
        (strongest("capped", "each") >= 3.1, "is never met: weight x cap of capped, each allows at most 3"),
        (strongest("capped", "plain") >= 3.1, None),
        (strongest("capped", over="board") >= 3.1, "is never met"),
        (total("capped") >= 3.1, "is never met"),
        (total("capped", over="board") >= 3.1, None),
        (total("each") >= 3.1, None),
        (total("capped", within="1h") >= 3.1, None),
        (total("idle", within="1h") >= 0.1, "is never met: weight x cap of idle allows at most 0"),
        (total("idle", "capped", over="board", within="1h") >= 99, None),
        (count("idle", within="1h") >= 99, None),
        (total("idle", over="board") >= 0.1, "is never met"),
        (count("capped", over="board") >= 99, None),
        (strength("capped") < 3.1, "never falls: weight x cap of capped"),
        (strength("capped") < 3.0, None),
        (strength("fixed") < 0.5, "never falls by itself: fixed does not fade"),
        (total("fixed", "plain") < 0.5, None),
        (strength("state") < 0.5, None),
        (
            (total("plain", subject="a/*") >= 1) & (strength("capped", subject="b/*") >= 1),
            "no subject matches the patterns of all its sides",
        ),
        ((total("plain", subject="a/*") >= 1) & (strength("capped", subject="a/b*") >= 1), None),
        ((total("plain", subject="a/x") >= 1) & (strength("capped", subject="a/?") >= 1), None),
        ((total("plain", subject="a") >= 1) & (strength("capped", subject="a/*") >= 1), "no subject matches"),
        ((total("plain", subject="a/*") >= 1) | (strength("capped", subject="b/*") >= 1), None),
        (daily_at("09:00"), None),
    ],
    ids=str,
)
def test_a_condition_that_can_never_or_always_hold_has_a_warning(condition: Condition, says: str | None) -> None:
    found = warnings(condition)
    assert len(found) == (says is not None), found
    if says is not None:
        assert found[0].startswith(f"watches.watch: {condition}")
        assert says in found[0]


@pytest.mark.parametrize(
    ("guards", "says"),
    [
        ({"only_if": strength("capped") >= 4}, 'watches.watch.only_if: strength("capped") >= 4 is never met'),
        ({"unless": strength("capped") >= 4}, 'watches.watch.unless: strength("capped") >= 4 is never met'),
        ({"only_if": strength("capped") < 4}, 'strength("capped") < 4 always holds'),
        ({"only_if": strength("fixed") < 1}, None),
        ({"only_if": count("state", subject="db/*") >= 1}, "is 0 for every subject of"),
        ({"only_if": count("state", subject="web/*") >= 1}, None),
        ({"only_if": count("state", over="board", subject="db/*") >= 1}, None),
    ],
    ids=str,
)
def test_a_guard_that_can_never_or_always_hold_has_a_warning(guards: dict[str, Any], says: str | None) -> None:
    found = warnings(watch(strength("plain", subject="web/*") >= 0.5, **guards))
    assert len(found) == (says is not None), found
    assert says is None or says in found[0]


@pytest.mark.parametrize("when", [count("plain", over="board") >= 2, daily_at("09:00")], ids=str)
def test_a_guard_over_a_subject_where_there_is_none_is_a_mistake(when: Condition) -> None:
    what = "is a schedule" if when.is_schedule else "is over the whole board"
    with pytest.raises(ConfigurationError, match=rf"has no subject, because the watch .* {what}"):
        warnings(watch(when, unless=strength("state") >= 0.5))


@pytest.mark.parametrize(
    ("watches", "settings", "says"),
    [
        (strength("timed") >= 0.5, {}, None),
        (strength("timed") >= 0.5, {"when_faded": "keep"}, "marks of timed end in one step"),
        (strength("timed") >= 0.5, {"when_faded": "drop"}, None),
        (strength("timed") < 0.5, {"when_faded": "keep"}, None),
        (strength("plain") >= 0.5, {"when_faded": "keep"}, None),
        (count("timed", within="1h") >= 3, {"when_faded": "keep"}, None),
        (strength("timed") >= 0.5, {"cooldown": "30m"}, '"keep" gives its agent marks'),
        (strength("timed") >= 0.5, {"cooldown": "10m", "batch_window": "1s"}, None),
        (watch(strength("timed") >= 0.5, unless=count("state") >= 1), {}, '"keep" gives its agent marks'),
        (watch(strength("timed") >= 0.5, unless=count("state") >= 1, on_guard="drop"), {}, None),
        (strength("capped") >= 0.5, {"urgent_above": 3.5}, "urgent_above: no mark of"),
        (strength("capped") >= 0.5, {"urgent_above": 3.0}, None),
        (strength("plain") >= 0.5, {"urgent_above": 3.5}, None),
        (strength("ring") >= 0.5, {"held_for": "31m", "when_faded": "drop"}, "cannot hold for 31m: each mark of ring"),
        (strength("ring") >= 0.5, {"held_for": "30m", "when_faded": "drop"}, "held_for: "),
        (strength("ring") >= 0.5, {"held_for": "29m", "when_faded": "drop"}, None),
        (strength("ring") >= 0.5, {"rewake_every": "30m", "when_faded": "drop"}, "rewake_every: "),
        (strength("ring") >= 0.5, {"held_for": "9m", "rewake_every": "20m", "when_faded": "drop"}, None),
        (strength("each") >= 0.5, {"held_for": "31m"}, "has ended or is below the threshold after 30m"),
        (strength("timed") >= 0.5, {"held_for": "31m", "when_faded": "drop"}, None),
        (strength("each") >= 0.5, {"held_for": "29m"}, None),
        (strength("capped") < 0.5, {"clear_above": 3.5}, "clear_above: "),
        (strength("capped") < 0.5, {"clear_above": 3.0}, None),
        (strength("plain") < 0.5, {"clear_above": 3.5}, None),
        (total("capped", within="1h") < 0.5, {"clear_above": 3.5}, None),
    ],
    ids=str,
)
def test_a_setting_without_effect_has_a_warning(watches: Any, settings: dict[str, Any], says: str | None) -> None:
    found = warnings(watches, **settings)
    assert len(found) == (says is not None), found
    assert says is None or says in found[0]
