"""Bars that show the progress of a long command, on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from blackboard.cli.terminal.output import live_console, print_note
from blackboard.plurals import counted


@contextmanager
def progress_bar(task_name: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr inside the context, if it is a terminal; yield a function that says how much is done.

    Args:
        task_name: What the command does.
        total: The number at which all is done; None if it is not known.
    """
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    parts = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
    )
    with Progress(*parts, console=live_console(stderr=True), transient=True) as progress:
        task = progress.add_task(task_name, total=total)
        yield lambda done: progress.update(task, completed=done)


@contextmanager
def copy_progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """Show the progress of a copy on stderr: a bar on a terminal, otherwise a line for each table that has rows.

    Yields a function that gets the name of a table, and how many of how many rows are copied.
    """
    if not sys.stderr.isatty():
        yield lambda name, done, total: print_note(f"{name}: {counted(total, 'row')}") if 0 < total == done else None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    parts = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*parts, console=live_console(stderr=True), transient=True) as bar:
        task = bar.add_task("copying", total=None)
        yield lambda name, done, total: bar.update(task, description=name, completed=done, total=total)
