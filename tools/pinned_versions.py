"""The text of constraints.txt: the versions installed here, those that an installation brings first.

`make constraints` runs it in an environment with the newest versions that pyproject.toml allows.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution, distributions

from packaging.requirements import Requirement

PROGRAM = "blackboard-marks"
EXTRAS = ("desk", "telemetry", "plot", "postgresql", "webhooks", "server", "mcp")
"""The extras for users. The others are for work on the program."""
NOT_PINNED = {PROGRAM, "pip", "setuptools", "wheel"}
BROUGHT = "# What the program and its extras bring. The ranges are in pyproject.toml."
TOOLS = "# What only work on the program needs: the extras dev and dev-postgresql."


def canonical(name: str) -> str:
    """Return the name of a package in the form in which names are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(requirement: Requirement, seen: set[tuple[str, str]]) -> Iterator[str]:
    """Yield the installed packages that a requirement brings on this platform, itself first.

    `seen` are the packages that were yielded before, each with an extra or "". It is brought up to date.
    """
    name = canonical(requirement.name)
    new = {(name, extra) for extra in {"", *requirement.extras}} - seen
    try:
        needs = [Requirement(text) for text in distribution(name).requires or []] if new else []
    except PackageNotFoundError:  # the extra is not installed here
        return
    seen |= new
    yield name
    for need in needs:
        if any(need.marker is None or need.marker.evaluate({"extra": extra}) for _, extra in new):
            yield from closure(need, seen)


def lines() -> Iterator[str]:
    """Yield the lines of constraints.txt."""
    brought = set(closure(Requirement(f"{PROGRAM}[{','.join(EXTRAS)}]"), set()))
    installed = {canonical(item.name): f"{item.name}=={item.version}" for item in distributions()}
    names = installed.keys() - NOT_PINNED
    yield "# The versions that the tests ran with; `make` installs these."
    yield BROUGHT
    yield from _in_order(installed[name] for name in names & brought)
    yield TOOLS
    yield from _in_order(installed[name] for name in names - brought)


def _in_order(pins: Iterable[str]) -> list[str]:
    return sorted(pins, key=str.lower)


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in lines())
