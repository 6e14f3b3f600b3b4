"""Read positions: how far each followed file has been deposited.

All lines before the position in a file were deposited, so a restart continues there. A position belongs to the path of
a file, the author and the kind. When another file appears at the path, a new generation begins.
"""

from __future__ import annotations

from dataclasses import dataclass

from blackboard.board.facade import Blackboard
from blackboard.store.statements import MARKS


@dataclass(frozen=True)
class ReadPosition:
    """A position in a file: how far it has been deposited."""

    inode: int
    generation: int
    """How many files were read at this path, including this file."""
    position: int
    """Bytes from the start of the file; all lines before it are deposited or rejected."""
    digest: str
    """A digest of the bytes right before the position, which identifies the file after a restart."""
    header: str = ""
    """The line with the names of the columns; empty for a file without one."""


def read_position(board: Blackboard, source: str, author: str, kind: str) -> ReadPosition | None:
    """Return how far a file has been deposited; None if it never was."""
    row = board.session.read(lambda txn: txn.sql.one(MARKS.get_read_position, source=source, author=author, kind=kind))
    return None if row is None else ReadPosition(int(row.inode), row.generation, row.position, row.digest, row.header)


def record_position(board: Blackboard, source: str, author: str, kind: str, to: ReadPosition) -> None:
    """Record how far a file has been deposited."""
    board.session.write(
        lambda txn: txn.sql.run(
            MARKS.set_read_position,
            source=source,
            author=author,
            kind=kind,
            inode=str(to.inode),
            generation=to.generation,
            position=to.position,
            digest=to.digest,
            header=to.header,
            at=txn.now,
        )
    )
