"""The page of the deployment: what is active, its versions, their differences, and what the file would change now."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from typing import NamedTuple

from pydantic import Field

from blackboard.board import page_readings
from blackboard.core.specs.deployment import Deployment
from blackboard.server.pages.page_definition import LivePage, PageCall, PageContent, PageFields

MAX_VERSIONS = 50


class DeploymentFields(PageFields):
    """The two versions that the page compares."""

    old: int | None = Field(default=None, ge=1)
    new: int | None = Field(default=None, ge=1)


class DifferenceLine(NamedTuple):
    """A line of the difference between two versions."""

    sign: str
    """`+` for a line of the new version, `-` for a line of the old version, "" for a line of both."""
    text: str


def show_deployment(call: PageCall[DeploymentFields]) -> PageContent:
    """Return the active deployment, its versions, and the difference between two of them."""
    board, parameters = call.board, call.parameters
    versions = board.deployments(limit=MAX_VERSIONS)
    active = board.deployment
    new = parameters.new or active.version
    old = parameters.old or max((record.version for record in versions if record.version < new), default=None)
    difference: list[DifferenceLine] = []
    if old and new:
        difference = list(
            _difference(page_readings.deployment_version(board, old), page_readings.deployment_version(board, new))
        )
    kinds = {
        name: {"law": str(active.kind(name).decay), "weight": spec.weight, "floor": spec.floor, "tags": spec.tags,
               "search": spec.search, "on_repeat": spec.on_repeat}
        for name, spec in active.kinds.items()
    }  # fmt: skip
    return PageContent(
        {"versions": versions},
        {
            "kinds": kinds,
            "agents": {name: _settings(active, name) for name in active.agents},
            "difference": difference,
            "old": old,
            "new": new,
            "active": active.version,
        },
    )


def _settings(deployment: Deployment, agent: str) -> str:
    """Return the settings of an agent that differ from their defaults."""
    spec = deployment.agents[agent].model_dump(mode="json", exclude_defaults=True, exclude={"name", "code"})
    return json.dumps(spec, indent=2, ensure_ascii=False)


def _difference(old: Deployment, new: Deployment) -> Iterator[DifferenceLine]:
    before, after = (
        json.dumps(version.model_dump(mode="json", exclude_defaults=True, exclude={"version"}), indent=2).splitlines()
        for version in (old, new)
    )
    for line in difflib.unified_diff(before, after, n=3, lineterm=""):
        if line.startswith(("---", "+++")):
            continue
        if line.startswith("@@"):
            yield DifferenceLine("", "…")
        else:
            yield DifferenceLine(line[0].strip(), line[1:])


PAGE = LivePage(
    "deployment",
    "/deployment",
    "Deployment",
    read=show_deployment,
    about="The kinds and agents that are active, and the versions before them.",
)
