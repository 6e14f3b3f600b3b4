"""The report of `load`: the rows by outcome, the values of tags, and the remains of an earlier load."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from blackboard.cli.terminal.output import print_json, print_line, print_note, print_table
from blackboard.errors import nearest
from blackboard.plurals import counted

if TYPE_CHECKING:
    from blackboard.board.deposited_files.loaded_files import SourceWithdrawal
    from blackboard.cli.command_documents import LoadDocument
    from blackboard.cli.row_files.row_deposits import LoadResult

TAG_VALUES_SHOWN = 5
"""How many values of each tag a report shows."""


def report(loaded: LoadResult, encoding: str | None, file: str, rejects: Path, *, as_json: bool) -> None:
    """Print the results of a load, and on stderr what the user should look at.

    Args:
        loaded: The results.
        encoding: The encoding in which the file was read; None if it had no rows.
        file: The name of the file, as the user gave it.
        rejects: The file with the rejected rows.
        as_json: Whether the results are printed as JSON.
    """
    if as_json:
        print_json(_document(loaded, encoding, rejects))
    else:
        _show(loaded, file)
    for column in loaded.unseen:
        print_note(f"no row has a column {column!r}{nearest(column, loaded.columns)}")
    if loaded.rejected:
        print_note(f"{counted(loaded.rejected, 'row')} rejected; see {rejects} for the rows and the reasons")


def _document(loaded: LoadResult, encoding: str | None, rejects: Path) -> LoadDocument:
    """Return the results of a load as `load --json` prints them."""
    from blackboard.cli.command_documents import LoadDocument

    outcomes, before = loaded.outcomes, loaded.before
    return LoadDocument(
        encoding=encoding,
        loaded=outcomes.total(),
        deposited=outcomes["deposited"],
        reinforced=outcomes["reinforced"],
        unchanged=outcomes["unchanged"],
        duplicate=outcomes["duplicate"],
        stale=outcomes["stale"],
        skipped=loaded.skipped,
        tags={name: dict(values.most_common()) for name, values in loaded.tags.items()},
        withdrawn=0 if before is None else before.withdrawn,
        kept=() if before is None else before.kept,
        rejected=loaded.rejected,
        rejects=rejects if loaded.rejected else None,
        crossed=dict(loaded.crossed),
    )


def _show(loaded: LoadResult, file: str) -> None:
    if loaded.before is not None:
        _show_withdrawal(loaded.before, file)
    parts = [f"{count} {name}" for name, count in loaded.outcomes.items()]
    print_line(f"{counted(loaded.outcomes.total(), 'row')} loaded{': ' + ', '.join(parts) if parts else ''}")
    for name, values in loaded.tags.items():
        if values:
            print_line(f"{name}: {_most_common(values)}")
    if loaded.skipped:
        print_note(f"{counted(loaded.skipped, 'row')} without the tags of --tag, not loaded")


def _most_common(values: Counter[str]) -> str:
    """Return the most common values of a tag, each with its number, and how many more there are."""
    shown = [f"{value} {count}" for value, count in values.most_common(TAG_VALUES_SHOWN)]
    more = len(values) - len(shown)
    return ", ".join(shown) + (f", and {counted(more, 'more value')}" if more else "")


def _show_withdrawal(before: SourceWithdrawal, file: str) -> None:
    if not before.freed and not before.kept:
        print_note(f"no earlier load of {file} is known, so nothing was withdrawn")
        return
    print_line(f"{counted(before.withdrawn, 'mark')} of an earlier load withdrawn")
    if before.kept:
        rows = ((mark.mark_id, mark.kind, mark.subject, mark.reason) for mark in before.kept)
        print_table(("mark", "kind", "subject", "kept because"), rows, empty="", title=f"{len(before.kept)} kept")
