"""Owners of files that a test invents, so that it needs no second user."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from blackboard.system.files import file_owners

ALICE, MALLORY, BOB = 70001, 70002, 70003
"""Alice runs the test."""
ALICES_GROUP, TEAM, NOBODYS, MALLORYS_GROUP = 70001, 70010, 70011, 70002
NAMES = {ALICE: "alice", MALLORY: "mallory", BOB: "bob"}
PRIMARY = {ALICE: ALICES_GROUP, MALLORY: MALLORYS_GROUP, BOB: TEAM}
GROUPS = {ALICES_GROUP: ["alice", "root"], TEAM: [], NOBODYS: ["ghost"], MALLORYS_GROUP: []}


class Owners:
    """The invented owners, groups and modes of files. All other files are Alice's, and nobody else may write them."""

    def __init__(self) -> None:
        self._changes: dict[str, dict[str, int]] = {}

    def set(self, path: Path, *, owner: int = ALICE, group: int = ALICES_GROUP, mode: int = 0o644) -> None:
        """Let a file have an owner, a group and permissions."""
        self._changes[os.path.realpath(path.parent) + "/" + path.name] = {"uid": owner, "gid": group, "mode": mode}

    def status_of(self, path: str | Path) -> os.stat_result:
        """Return what `os.lstat` would."""
        status: list[Any] = list(os.lstat(path))
        absolute = Path(path).absolute()
        name = os.path.realpath(absolute.parent) + "/" + absolute.name
        change = self._changes.get(name, {"uid": ALICE, "gid": ALICES_GROUP, "mode": 0o644})
        status[0] = (status[0] & ~0o777) | change["mode"]
        status[4], status[5] = change["uid"], change["gid"]
        return os.stat_result(status)


@pytest.fixture
def owners(monkeypatch: pytest.MonkeyPatch) -> Owners:
    """Return the owners of files, all of them Alice, who is this user."""
    made = Owners()

    def user(number: int) -> pwd.struct_passwd:
        return pwd.struct_passwd((NAMES[number], "x", number, PRIMARY[number], "", "/", "/bin/sh"))

    def group(number: int) -> grp.struct_group:
        return grp.struct_group((f"group{number}", "x", number, GROUPS[number]))

    def named(name: str) -> pwd.struct_passwd:
        return user({name: number for number, name in NAMES.items()}[name])

    replaced: dict[str, Callable[..., object]] = {
        "this_user": lambda: ALICE,
        "status_of": made.status_of,
        "user_of": user,
        "user_named": named,
        "group_of": group,
        "all_users": lambda: [user(number) for number in NAMES],
    }
    for name, function in replaced.items():
        monkeypatch.setattr(file_owners, name, function)
    return made
