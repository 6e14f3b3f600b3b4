"""Finds the files that travel with the program: `config/` and `migrations/`; it reads none of them.

In a checkout they lie beside the package; in an installed wheel they lie inside it, as `_config` and `_migrations`.
"""

from __future__ import annotations

from pathlib import Path

from blackboard.errors import UnknownName, WorkError

__all__ = ["config_file", "migrations_folder"]

_PACKAGE = Path(__file__).resolve().parent


def config_file(name: str) -> Path:
    """The path of a file of `config/`, such as `prices.toml`.

    Raises:
        UnknownName: there is no such file.
        WorkError: the installation lacks the folder.
    """
    folder = _folder("config")
    if not (path := folder / name).is_file():
        raise UnknownName("packaged file", name, (file.name for file in folder.iterdir()))
    return path


def migrations_folder() -> Path:
    """The folder of the schema's migrations.

    Raises:
        WorkError: the installation lacks the folder.
    """
    return _folder("migrations")


def _folder(name: str) -> Path:
    # The wheel's place first: beside an installed package lies site-packages, where `config` would be someone else's.
    for folder in (_PACKAGE / f"_{name}", _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise WorkError(f"this installation lacks its {name} folder ({_PACKAGE / f'_{name}'}); install it again")
