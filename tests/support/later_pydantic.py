"""A plugin of pytest: pydantic says that it is a version whose internals the program does not know."""

from __future__ import annotations

import pydantic

pydantic.VERSION = "2.99.0"
