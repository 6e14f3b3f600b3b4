"""The target of a backfill is stored as two texts, and has only the fields of its task."""

from __future__ import annotations

from typing import Any

import pytest

from blackboard.core.records.backfill_targets import BackfillTarget, BackfillTask


@pytest.mark.parametrize(
    "target",
    [
        BackfillTarget(BackfillTask.KIND, kind="lead"),
        BackfillTarget(BackfillTask.WATCH, 3),
        BackfillTarget(BackfillTask.WATCH, 3, last_scope="lead/7 and more"),
        BackfillTarget(BackfillTask.VALUES, 3),
        BackfillTarget(BackfillTask.WINDOW, 3),
        BackfillTarget(BackfillTask.WINDOW, 3, last_scope="lead/7"),
        BackfillTarget(BackfillTask.CROSSINGS, 3),
        BackfillTarget(BackfillTask.CROSSINGS, 3, former_kinds=("lead", "reply")),
    ],
)
def test_a_target_is_read_as_it_was_stored(target: BackfillTarget) -> None:
    assert BackfillTarget.parse(target.task, target.name) == target


@pytest.mark.parametrize(
    ("task", "fields"),
    [
        (BackfillTask.KIND, {}),
        (BackfillTask.KIND, {"kind": "lead", "watch_id": 3}),
        (BackfillTask.KIND, {"kind": "lead", "last_scope": "lead/7"}),
        (BackfillTask.WATCH, {"watch_id": 3, "kind": "lead"}),
        (BackfillTask.WATCH, {"watch_id": 3, "former_kinds": ("lead",)}),
        (BackfillTask.CROSSINGS, {"watch_id": 3, "last_scope": "lead/7"}),
    ],
)
def test_a_target_has_no_field_of_another_task(task: BackfillTask, fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="belongs to another task"):
        BackfillTarget(task, **fields)
