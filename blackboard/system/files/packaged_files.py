"""The files that are shipped with the program, `config/` and `migrations/`, and its version.

In a checkout the folders are beside the package. In an installed wheel they are inside it, because other programs may
have folders of these names in `site-packages`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from blackboard.errors import UnknownName, WorkError

_PACKAGE = Path(__file__).resolve().parents[2]


def config_file(name: str) -> Path:
    """Return the path of a file of `config/`, such as `prices.toml`.

    Raises:
        UnknownName: There is no such file.
        WorkError: The installation lacks the folder.
    """
    folder = _folder("config")
    if not (path := folder / name).is_file():
        raise UnknownName("packaged file", name, (file.name for file in folder.iterdir()))
    return path


def migrations_folder() -> Path:
    """Return the folder of the schema's migrations.

    Raises:
        WorkError: The installation lacks the folder.
    """
    return _folder("migrations")


@cache
def program_version() -> str:
    """Return the version of the installed program, or "not installed"."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("blackboard-marks")
    except PackageNotFoundError:
        return "not installed"


def _folder(name: str) -> Path:
    for folder in (_PACKAGE / name, _PACKAGE.parent / name):  # the folder beside may be that of another program
        if folder.is_dir():
            return folder
    raise WorkError(f"this installation lacks its {name} folder ({_PACKAGE / name}); install it again")
