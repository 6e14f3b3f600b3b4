"""Deployment files: reading, checking and resolving them. All mistakes are reported at once; no database is opened.

sections             the sections and their fields
settings_file        finding and reading the file, with overrides from the environment
price_settings       models without a price
deployment_resolver  the agents and kinds that the file names, with their overrides
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from blackboard.settings.deployment_resolver import Resolved, resolve, resolve_file
    from blackboard.settings.price_settings import without_price
    from blackboard.settings.sections import DaemonSettings
    from blackboard.settings.settings_file import Settings, find_config, load_settings

__all__ = [
    "DaemonSettings",
    "Resolved",
    "Settings",
    "find_config",
    "load_settings",
    "resolve",
    "resolve_file",
    "without_price",
]

_HOME = {
    "settings_file": ("Settings", "find_config", "load_settings"),
    "price_settings": ("without_price",),
    "deployment_resolver": ("Resolved", "resolve", "resolve_file"),
    "sections": ("DaemonSettings",),
}


def __getattr__(name: str) -> Any:  # most commands only read the file, and import no agents
    for home, names in _HOME.items():
        if name in names:
            return getattr(importlib.import_module(f"blackboard.settings.{home}"), name)
    raise AttributeError(f"module 'blackboard.settings' has no attribute {name!r}")
