"""A board for each test."""

from __future__ import annotations

from tests.board.conftest import stored_there, world

__all__ = ["stored_there", "world"]
