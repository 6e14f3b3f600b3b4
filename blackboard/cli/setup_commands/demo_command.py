"""The command `demo`: runs a deployment over its samples, on a new board.

The deployment file names the samples, maps them to marks, and lists the kinds to show.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blackboard.cli.cli_session import CommandSession, session_of
from blackboard.cli.terminal.output import live_console, live_table, number_text, print_line, print_table
from blackboard.plurals import counted

if TYPE_CHECKING:
    from rich.text import Text

    from blackboard.board import Blackboard
    from blackboard.cli.setup_commands.demo_settings import Demo
    from blackboard.daemon import DaemonLoop
    from blackboard.daemon.daemon_events import DaemonEvent, DaemonEventDetails
    from blackboard.server.transport.http_server import HttpServer
    from blackboard.settings.deployment_file import Settings

MAX_LISTED_MARKS = 10
"""The largest number of marks shown of each kind."""
VIEWER = "person:demo"
"""The author of what a person does in the browser."""


def demo(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Option(metavar="FOLDER", help="The folder of the board; an earlier demo there is deleted.")
    ] = Path("demo"),
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the board in a browser first, and serve it until Ctrl-C.")
    ] = False,
) -> None:
    """Run the sample deployment with its sample marks until no work remains, and show the results.

    Examples:
      blackboard demo
      blackboard demo --folder /tmp/demo
      blackboard demo --open
    """
    from blackboard.board import Blackboard
    from blackboard.cli.setup_commands.demo_settings import Demo
    from blackboard.cli.terminal import log_setup
    from blackboard.cli.terminal.process_signals import StopSignals, handle_signals
    from blackboard.daemon import build_loop
    from blackboard.llm.anthropic_client import client_from, describe_model
    from blackboard.settings.deployment_resolver import resolve_file
    from blackboard.system.files.packaged_files import config_file

    session = session_of(context)
    resolved = resolve_file(session.config or config_file("demo.toml"))
    section = Demo.of(resolved.settings.settings, resolved.settings.path)
    client = client_from(resolved.settings.model, os.environ)
    log_setup.configure(logging.ERROR)
    with contextlib.ExitStack() as stack:
        path = stack.enter_context(_prepare_folder(folder, section))
        author = section.author if session.author is None else session.author
        board = stack.enter_context(Blackboard.open(f"sqlite:///{path}", author=author))
        board.deploy(resolved.deployment)
        server = stack.enter_context(_in_browser(board, resolved.settings)) if open_browser else None
        print_line(
            f"Answers for the agents: {describe_model(resolved.settings.model, client)}"
            if client is not None
            else 'The deployment sets provider = "offline": the agents\' offline rules answer, and no model is asked.'
        )
        _load(board, section)
        daemon = build_loop(board, resolved, client)
        with _show_progress(board, daemon), handle_signals(daemon):
            report = daemon.run(until_quiescent=True)
        _print_results(board, section, offline=client is None)
        for line in report.lines:
            print_line(f"unfinished: {line}")
        _print_next_steps(folder / path.name, is_served=server is not None)
        if server is not None:
            with StopSignals() as signals:
                signals.wait(None, server.ended)


def _print_next_steps(name: Path, *, is_served: bool) -> None:
    """Print where the board is and how to look at it."""
    print_line("")
    print_line(f"The board is {name}. Look at it with:")
    print_line(f"  blackboard --database {name} marks", wraps=False)
    if is_served:
        print_line("It is served until Ctrl-C.")
    else:
        print_line("or in a browser:")
        print_line(f"  blackboard --database {name} serve --open", wraps=False)


def _in_browser(board: Blackboard, settings: Settings) -> contextlib.AbstractContextManager[HttpServer]:
    """Serve the board inside the context, and open it in a browser.

    Raises:
        MissingPackage: The extra `server` is not installed.
        WorkError: The address cannot be used.
    """
    from blackboard.cli.operating_commands.serve_command import serving_board

    session = CommandSession(config=settings.path)
    return serving_board(board.as_author(VIEWER), session, settings.server, settings.server.listen, opens=True)


@contextlib.contextmanager
def _prepare_folder(folder: Path, section: Demo) -> Iterator[Path]:
    """Prepare the folder, change to it, and yield the path of the board.

    The board of an earlier demo is deleted. Agents resolve relative paths from this folder.
    """
    from blackboard.board import board_storage
    from blackboard.cli.setup_commands.demo_settings import file_of
    from blackboard.system.files.private_files import make_folder, open_private

    make_folder(folder)
    path = (folder / "demo.db").absolute()
    board_storage.delete_board(path)
    for name, source in section.files.items():
        with open(open_private(folder / Path(name).name, os.O_WRONLY | os.O_TRUNC), "wb") as copy:
            copy.write(file_of(source).read_bytes())
    with contextlib.chdir(folder):
        yield path


def _load(board: Blackboard, section: Demo) -> None:
    """Deposit the sample rows of the demonstration, and print which were rejected."""
    from blackboard.cli.row_files.column_matching import Columns
    from blackboard.cli.row_files.row_deposits import load_rows
    from blackboard.cli.row_files.row_reader import BadRow, Rows
    from blackboard.cli.setup_commands.demo_settings import file_of

    rejected: list[BadRow] = []
    source = file_of(section.samples)
    with source.open("rb") as stream:
        columns = Columns(section.kind, section.subject, section.map)
        rows = Rows(stream, source.name)
        loaded = load_rows(board, rows, columns, rejected.append, lambda: None)
    colon = ":" if rejected else ""
    print_line(f"{sum(loaded.outcomes.values())} sample rows are on the board; {len(rejected)} were rejected{colon}")
    for row in rejected:
        print_line(f"  row {row.number}: {row.reason}")


@contextlib.contextmanager
def _show_progress(board: Blackboard, daemon: DaemonLoop) -> Iterator[None]:
    """Show progress: a live view on a terminal, otherwise a line for each activation that ends."""
    from blackboard.daemon.daemon_events import DaemonEvent

    counts: dict[str, Counter[str]] = {name: Counter() for name in daemon.agents}
    screen = live_console()

    def count(event: DaemonEvent, details: DaemonEventDetails) -> None:
        if "agent" not in details:
            return
        count_of = counts.setdefault(details["agent"], Counter())
        count_of[event] += 1
        count_of["running"] += 1 if event == DaemonEvent.CLAIMED else -1
        count_of["absorbed"] += details.get("marks", 0) if event == DaemonEvent.DONE else 0
        count_of["deposited"] += details.get("deposited", 0)
        if not screen.is_terminal and event == DaemonEvent.DONE:
            marks = counted(details["marks"], "mark")
            print_line(f"{details['agent']}: {marks} absorbed, {details['deposited']} deposited")

    daemon.on_event.append(count)
    if not screen.is_terminal:
        yield
        return
    from rich.live import Live

    with Live(get_renderable=lambda: _view(board, counts), console=screen, refresh_per_second=4):
        yield


def _view(board: Blackboard, counts: dict[str, Counter[str]]) -> Text:
    """Return the table of what the agents have done so far."""
    from blackboard.daemon.daemon_events import DaemonEvent

    status = board.status()
    marks = ", ".join(f"{count} {kind}" for kind, count in status.marks.items())
    return live_table(
        ("agent", "running", "done", "failed", "absorbed", "deposited"),
        (
            (
                name,
                max(0, count_of["running"]),
                count_of[DaemonEvent.DONE],
                count_of[DaemonEvent.FAILED],
                count_of["absorbed"],
                count_of["deposited"],
            )
            for name, count_of in list(counts.items())
        ),
        title=f"{status.waiting} crossings waiting; on the board: {marks}",
    )


def _print_results(board: Blackboard, section: Demo, *, offline: bool) -> None:
    """Print the results and their cost."""
    from blackboard.board.user_queries import run_query

    deposits = run_query(
        board, "select kind, count(distinct mark_id) from mark_history where event = 'deposited' group by kind"
    )
    print_table(("kind", "marks"), deposits.rows, empty="no marks", title="Deposited marks")
    for kind, fields in section.show.items():
        marks = board.marks(kind) if kind in board.deployment.kinds else []
        print_table(
            ("subject", "strength", *fields),
            (
                (mark.subject, number_text(mark.strength), *map(_cell, map(mark.payload.get, fields)))
                for mark in marks[:MAX_LISTED_MARKS]
            ),
            empty=f"no live {kind}",
            title=f"{kind}: {len(marks)}"
            + (f", the strongest {MAX_LISTED_MARKS}" if len(marks) > MAX_LISTED_MARKS else ""),
        )
    calls, tokens_in, tokens_out, cost = run_query(
        board,
        "select count(*), coalesce(sum(input_tokens + cache_read_tokens + cache_write_tokens), 0),"
        " coalesce(sum(output_tokens), 0), coalesce(sum(cost_usd), 0) from model_calls where sent_at is not null",
    ).rows[0]
    rules = " (the offline rules answered)" if offline else ""
    print_line(
        f"Cost: {calls} model calls, {tokens_in} tokens in, {tokens_out} tokens out, {cost:.4f} US dollars{rules}."
    )


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
