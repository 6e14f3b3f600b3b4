"""Owners of files, and the users who can change a file, as messages name them."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import stat
from collections.abc import Iterable
from pathlib import Path

ROOT = 0
"""The id of root, whose files everyone trusts."""

# The calls of the system in this module, which tests replace to simulate several users.
status_of = os.lstat
user_of, user_named, all_users = pwd.getpwuid, pwd.getpwnam, pwd.getpwall
group_of = grp.getgrgid


def this_user() -> int:
    """Return the id of the user whose rights this process has for files."""
    return os.geteuid()


def name_of(user: int) -> str:
    """Return the name of a user, or `user 1234` if it has none."""
    try:
        return user_of(user).pw_name
    except KeyError:
        return f"user {user}"


def owner_of(path: str | Path) -> int | None:
    """Return the owner of a file, folder or link; None if it does not exist or cannot be reached."""
    try:
        return status_of(path).st_uid
    except OSError:
        return None


def foreign_owner(path: str | Path) -> str | None:
    """Return the name of the owner of a file if this is another user; otherwise None."""
    owner = owner_of(path)
    return None if owner is None or owner == this_user() else name_of(owner)


def may_write(path: Path) -> bool:
    """Return whether this user may write to a file or folder."""
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def is_private_folder(path: str | Path) -> bool:
    """Return whether a path is a folder, and not a link to a folder, that belongs to this user.

    Raises:
        OSError: There is no such folder, or it cannot be reached.
    """
    status = status_of(path)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == this_user()


def others_who_change(path: Path) -> str | None:
    """Return how a user other than this user and root can change a file or folder, as a sentence; None if none can.

    Raises:
        OSError: The path does not exist, or cannot be reached.
    """
    status = status_of(path)
    if status.st_uid not in (this_user(), ROOT):
        return f"{path} belongs to {name_of(status.st_uid)}"
    if stat.S_ISLNK(status.st_mode):
        return None  # the mode of a link means nothing
    if status.st_mode & stat.S_IWOTH:
        return f"everyone may write to {path}"
    if status.st_mode & stat.S_IWGRP:
        if _has_access_list(path):
            return f"the access control list of {path} may let others write to it"
        if _has_other_members(status.st_gid):
            return f"the group {_group_name(status.st_gid)} may write to {path}"
    return None


def others_who_place(link: Path) -> str | None:
    """Return how another user could have placed a link: as its owner, or by replacing it in its folder.

    Raises:
        OSError: The path does not exist, or cannot be reached.
    """
    if (problem := others_who_change(link)) is not None:
        return problem
    folder = link.parent.stat()
    if folder.st_mode & stat.S_ISVTX and folder.st_uid in (ROOT, this_user()):
        return None  # only the owner of a link, and of the folder, may replace it
    return others_who_change(link.parent)


def describe_access(path: str | Path) -> str:
    """Return a text for an error: who owns a file, or else the nearest existing folder above it, and who this user is.

    The text is empty if the owner is this user.
    """
    place = Path(path).absolute()
    for candidate in (place, *place.parents):
        if (owner := owner_of(candidate)) is not None:
            if owner == this_user():
                return ""
            return f"{candidate} belongs to {name_of(owner)}, and this process runs as {name_of(this_user())}"
    return ""


def describe_foreign(paths: Iterable[Path]) -> str | None:
    """Return a text that names this user and the files of other users; None if all belong to this user."""
    by_owner: dict[str, list[str]] = {}
    for path in paths:
        if (owner := foreign_owner(path)) is not None:
            by_owner.setdefault(owner, []).append(str(path))
    if not by_owner:
        return None
    parts = (
        f"{', '.join(names)} {'belongs' if len(names) == 1 else 'belong'} to {owner}"
        for owner, names in by_owner.items()
    )
    return f"{'; '.join(parts)}; this process runs as {name_of(this_user())}"


def _group_name(group: int) -> str:
    try:
        return group_of(group).gr_name
    except KeyError:
        return str(group)


def _has_other_members(group: int) -> bool:
    """Return whether a group may have a member other than this user and root."""
    allowed = {ROOT, this_user()}
    try:
        named = group_of(group).gr_mem
    except KeyError:
        return True  # the members of the group are unknown here
    for name in named:
        with contextlib.suppress(KeyError):  # a name without a user has no rights
            if user_named(name).pw_uid not in allowed:
                return True
    return any(user.pw_gid == group and user.pw_uid not in allowed for user in all_users())


def _has_access_list(path: Path) -> bool:
    """Return whether a file has an access control list.

    Where a file has such a list, the group's bits of its mode are only the upper limit of the list.
    """
    try:
        return "system.posix_acl_access" in os.listxattr(path)
    except (AttributeError, OSError):  # a system or file system without them
        return False
