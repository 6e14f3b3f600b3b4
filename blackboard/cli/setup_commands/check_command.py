"""The command `check`: reports mistakes in a deployment file and previews its effect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blackboard.cli.cli_session import CommandSession, session_of
from blackboard.cli.setup_commands.preview_tables import show_preview
from blackboard.cli.terminal.output import AsJson, print_json, print_line, print_table, print_warnings
from blackboard.core.conditions.number_formats import exact_digits
from blackboard.durations import format_duration
from blackboard.errors import ConfigurationError
from blackboard.plurals import counted

if TYPE_CHECKING:
    from blackboard.board import Blackboard
    from blackboard.board.result_types.preview_results import Preview
    from blackboard.core.specs.agent_spec import AgentSpec
    from blackboard.core.specs.watch_spec import WatchSpec
    from blackboard.settings.deployment_resolver import ResolvedDeployment


def check(
    context: typer.Context,
    against_board: Annotated[
        bool,
        typer.Option("--against-board", help="Also preview the effect: marks that evaporate, agents that wake."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Report all mistakes in the deployment file, each with its location. This changes nothing.

    A running daemon applies changes of [database], [model], [daemon] and [server] only after a restart, and all others
    at a reload.

    Examples:
      blackboard --config config/leads.toml check
      blackboard --config config/leads.toml check --against-board
    """
    from blackboard.board import board_addresses

    session = session_of(context)
    try:
        resolved = session.resolve()
        board_addresses.check_url(session.url)
    except ConfigurationError as error:
        if not as_json:
            raise
        print_json({"file": _file(session), "mistakes": error.mistakes})
        raise typer.Exit(error.exit_code) from None
    if not as_json:  # the document contains the warnings
        print_warnings(resolved)
    preview = _preview(session, resolved) if against_board else None
    if as_json:
        print_json(_document(resolved, preview))
        return
    _show(resolved)
    if preview is not None:
        show_preview(preview)


def _file(session: CommandSession) -> str | None:
    """Return the path of the file; None if it does not exist."""
    from blackboard.settings.deployment_file import find_config

    try:
        return str(find_config(session.config))
    except ConfigurationError:
        return None


def _preview(session: CommandSession, resolved: ResolvedDeployment) -> Preview:
    with _board(session) as board:
        deployment = session.deployment_of(resolved, board)
        return board.preview(board.deployment if deployment is None else deployment)


@contextmanager
def _board(session: CommandSession) -> Iterator[Blackboard]:
    """Open the board, to try a deployment on it that is rolled back.

    If there is no board, open an empty temporary board. If the board cannot be written, open a copy.
    """
    from blackboard.board import Blackboard, backups_and_copies, board_addresses, board_storage

    if board_addresses.exists(session.url):
        with session.board(upgrade=False) as board:
            if not board_storage.is_read_only(board):
                yield board
                return
            with TemporaryDirectory() as folder:
                backups_and_copies.back_up(board, Path(folder) / "board.db")
                with Blackboard.open(Path(folder) / "board.db", clock=board.clock) as copy:
                    yield copy
    else:
        with TemporaryDirectory() as folder, Blackboard.open(Path(folder) / "board.db") as board:
            yield board


def _document(resolved: ResolvedDeployment, preview: Preview | None) -> dict[str, Any]:
    """Return what the command prints with `--json`."""
    deployment = resolved.deployment.model_dump(mode="json", exclude={"version"})
    return {
        "file": str(resolved.settings.path),
        "mistakes": [],
        "warnings": resolved.warnings,
        "activations": [
            {
                "agent": agent_spec.name,
                "watch": watch.name,
                "per": agent_spec.per_of(watch),
                "marks": agent_spec.batch_of(watch),
            }
            for agent_spec in resolved.deployment.agents.values()
            for watch in agent_spec.watches
        ],
        **deployment,
        **({} if preview is None else {"against_board": preview}),
    }


def _show(resolved: ResolvedDeployment) -> None:
    """Print the kinds and agents of a deployment file."""
    kinds, agents = resolved.deployment.kinds, resolved.deployment.agents
    print_line(
        f"{resolved.settings.path}: {counted(len(kinds), 'kind')} and {counted(len(agents), 'agent')}, no mistakes"
    )
    print_table(
        ("kind", "weight", "floor", "on_repeat", "decay"),
        (
            (name, kind.weight, kind.floor, kind.on_repeat, resolved.deployment.kind(name).decay)
            for name, kind in kinds.items()
        ),
        empty="no kinds",
    )
    print_table(
        ("agent", "writes", "withdraws", "watch", "condition"),
        (
            (
                *((_name_of(agent), *_kinds_of(agent)) if number == 0 else ("", "", "")),
                watch.name,
                _condition(agent, watch),
            )
            for agent in agents.values()
            for number, watch in enumerate(agent.watches)
        ),
        empty="no agents",
    )
    _show_activations(agents.values())


def _name_of(agent_spec: AgentSpec) -> str:
    return f"{agent_spec.name} (remote)" if agent_spec.remote else agent_spec.name


def _kinds_of(agent_spec: AgentSpec) -> tuple[str, str]:
    return ", ".join(agent_spec.writes), ", ".join(agent_spec.withdraws)


def _show_activations(agents: Iterable[AgentSpec]) -> None:
    """Show how many activations the agents need. Each makes at most one model call."""
    rows = [
        (agent.name if number == 0 else "", watch.name, agent.per_of(watch), _batch_text(agent, watch))
        for agent in agents
        for number, watch in enumerate(agent.watches)
    ]
    if rows:
        print_table(("agent", "watch", "per", "one activation, with at most one call, for"), rows, empty="")


def _batch_text(agent_spec: AgentSpec, watch_spec: WatchSpec) -> str:
    marks, tag = agent_spec.batch_of(watch_spec), watch_spec.condition.by
    if watch_spec.condition.is_schedule:
        return "each instant"
    if tag is not None:
        return f"each value of {tag}, {'all its' if marks is None else f'up to {marks}'} marks"
    if marks is None:
        return "all marks of the board"
    if watch_spec.condition.is_over_board:
        return f"up to {marks} marks of the board"
    return (
        f"each subject, up to {marks} marks" if agent_spec.per_of(watch_spec) == "subject" else f"up to {marks} marks"
    )


def _condition(agent_spec: AgentSpec, watch_spec: WatchSpec) -> str:
    drops = watch_spec.guard is not None and agent_spec.on_guard_of(watch_spec) == "drop"
    parts = [
        watch_spec.when,
        *_timing_texts(agent_spec, watch_spec),
        watch_spec.only_if and f"only if {watch_spec.only_if}",
        watch_spec.unless and f"unless {watch_spec.unless}",
        "dropped while its guard is closed" if drops else "",
    ]
    return ", ".join(part for part in parts if part)


def _timing_texts(agent_spec: AgentSpec, watch_spec: WatchSpec) -> Iterator[str]:
    timing = agent_spec.timing_of(watch_spec)
    if timing is None:
        return
    if timing.held_for:
        yield f"held for {format_duration(timing.held_for)}"
    if timing.rewake_every is not None:
        yield f"again every {format_duration(timing.rewake_every)}"
    if timing.clear is not None:
        yield f"cleared {'from' if watch_spec.condition.is_falling else 'below'} {exact_digits(timing.clear)}"
