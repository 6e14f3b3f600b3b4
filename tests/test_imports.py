"""Each module of the program can be imported, also with the lowest versions of the packages."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import pytest

import blackboard
import lead_desk
from blackboard.errors import MissingPackage

OF_EXTRAS = ("dateutil", "icalendar", "mcp")
"""The packages that a module of an extra imports at its top. Where such a package is not installed, it is left out."""


@pytest.mark.parametrize("package", [blackboard, lead_desk], ids=lambda package: package.__name__)
def test_each_module_can_be_imported(package: ModuleType) -> None:
    absent = [name for name in OF_EXTRAS if find_spec(name) is None]
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if found.name.endswith("__main__"):
            continue
        try:
            import_module(found.name)
        except (ModuleNotFoundError, MissingPackage) as error:
            if not any(name in str(error) for name in absent):
                raise
