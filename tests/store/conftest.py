"""One board for each test."""

from __future__ import annotations

from tests.board.conftest import world

__all__ = ["world"]
