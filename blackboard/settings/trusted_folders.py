"""Trust in a deployment file that was found in the current folder, and not named.

A file that names agents imports code, and one with sinks runs commands and sends messages. A user who can write the
file, or put modules into its folder, could use this to act with the rights of another user who types a command there. A
user's own settings name folders that are trusted nevertheless.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from blackboard.core.validation_problems import describe_problem
from blackboard.errors import ConfigurationError, Mistake
from blackboard.system.files import file_owners
from blackboard.system.files.settings_files import read_toml


class UserSettings(BaseModel):
    """The settings of one user, for every deployment file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trusted_folders: tuple[str, ...] = ()
    """Folders, including everything below them, where other users may write a `blackboard.toml` that this user runs."""


def check_found(path: Path, environ: Mapping[str, str]) -> None:
    """Check that only this user and root can change a file that was found, and that imports code or has sinks.

    Raises:
        ConfigurationError: Another user can change the file or its folder, and the user's settings do not trust the
            folder.
    """
    path = path.absolute()
    try:
        problem = _problem(path)
    except OSError as error:
        problem = f"{error.filename} cannot be examined: {error.strerror}"
    if problem is None:
        return
    own = user_settings_file(environ)
    if _is_trusted(path.resolve().parent, own) and _is_trusted(path.parent.resolve(), own):
        return
    raise ConfigurationError(
        [
            Mistake(
                str(path),
                f"imports code or has sinks, and was only found here, but {problem}. If you trust it, name it with"
                f" --config or BLACKBOARD_CONFIG, or add its folder to trusted_folders in {own}",
            )
        ]
    )


def user_settings_file(environ: Mapping[str, str]) -> Path:
    """Return the path of the user's own settings, `~/.config/blackboard/settings.toml`."""
    base = environ.get("XDG_CONFIG_HOME") or ""
    folder = Path(base) if os.path.isabs(base) else Path("~/.config").expanduser()
    return folder / "blackboard" / "settings.toml"


def _problem(path: Path) -> str | None:
    """Return how another user can change a file, its folder or the target of its symbolic link, as text."""
    target = path.resolve(strict=True)
    places = dict.fromkeys((path, path.parent.resolve(strict=True), target, target.parent))
    return next((problem for place in places if (problem := file_owners.others_who_change(place))), None)


def _is_trusted(folder: Path, own: Path) -> bool:
    trusted = (Path(name).expanduser().resolve() for name in _read(own).trusted_folders)
    return any(folder.is_relative_to(name) for name in trusted)


def _read(path: Path) -> UserSettings:
    """Read the user's own settings.

    Raises:
        ConfigurationError: The settings have mistakes, or another user can change them.
    """
    if not path.exists():
        return UserSettings()
    try:
        if (problem := _problem(path)) is not None:
            raise ConfigurationError(
                [Mistake(str(path), f"names the folders that you trust, but {problem}; let nobody else change it")]
            )
        settings = UserSettings(**read_toml(path))
    except OSError as error:
        raise ConfigurationError([Mistake(str(path), f"cannot be read: {error.strerror}")]) from None
    except ValidationError as error:
        raise ConfigurationError([_mistake(path, problem) for problem in error.errors(include_url=False)]) from None
    relative = [name for name in settings.trusted_folders if not Path(name).expanduser().is_absolute()]
    if relative:
        raise ConfigurationError(
            [Mistake(f"{path}, trusted_folders", f"{relative[0]!r} is not an absolute path; begin it with / or ~")]
        )
    return settings


def _mistake(path: Path, problem: Mapping[str, Any]) -> Mistake:
    steps = map(str, problem["loc"])
    return Mistake(f"{path}, {'.'.join(steps)}", describe_problem(UserSettings, problem))
