"""Checks of the full-text index of a board."""

from __future__ import annotations

from typing import Any

from blackboard import Blackboard, SearchResult
from tests.support.file_boards import path_of

__all__ = ["check_index", "embedded", "subjects"]


def embedded(board: Blackboard) -> bool:
    """Return whether a board is in a file."""
    return path_of(board) is not None


def subjects(found: SearchResult[Any]) -> list[str]:
    """Return the subjects of the marks that were found, in their order."""
    return [mark.subject for mark in found]


def check_index(board: Blackboard) -> None:
    """Check that the index has exactly the texts of the marks that it should have."""
    if embedded(board):
        with board.database.rehearsal() as transaction:
            transaction.cursor.execute("INSERT INTO search_index (search_index, rank) VALUES ('integrity-check', 1)")
