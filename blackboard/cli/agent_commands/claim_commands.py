"""The commands of workers of remote agents: claim, heartbeat, finish, fail.

With them, any shell script can be an agent.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blackboard.cli import completion
from blackboard.cli.cli_session import CommandSession, HookExitCode, session_of
from blackboard.cli.terminal.output import AsJson, print_json, print_line, print_note, timestamp
from blackboard.errors import AgentError, Conflict, ExitCode, UsageError
from blackboard.system.files.board_files import path_in, resolved_path
from blackboard.system.files.file_locks import try_lock
from blackboard.system.files.private_files import open_private

if TYPE_CHECKING:
    from blackboard.board.result_types.remote_work_results import RemoteActivation, RunState
    from blackboard.cli.command_documents import RunCommands


MAX_EVENT_CHARACTERS = 1_000_000
"""The largest number of characters that are read from the event of a hook."""

RunId = Annotated[int, typer.Argument(metavar="ID", help="The id of the activation, as 'blackboard claim' printed it.")]
FenceOption = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="The fence that 'blackboard claim' printed. Required with --url. On a local board it may be left out: then"
        " the claim of this author is used.",
    ),
]
OfAgent = Annotated[str | None, typer.Option("--agent", metavar="NAME", help="The remote agent. Required with --url.")]
LeaseOption = Annotated[
    str | None, typer.Option(metavar="DURATION", help="The length of the lease, 1s to 1d; by default 5m.")
]


def claim(
    context: typer.Context,
    agent: Annotated[str, typer.Argument(help="The remote agent.", autocompletion=completion.remote_agents)],
    wait: Annotated[str, typer.Option(metavar="DURATION", help="Wait for work for this long, up to 1d.")] = "0s",
    lease: LeaseOption = None,
    hook: Annotated[
        bool,
        typer.Option(
            "--hook",
            help="For hooks of coding agents: print work on stderr and exit with 2; without work, exit with 0.",
        ),
    ] = False,
    as_json: Annotated[  # accepted for scripts that pass --json to every command
        bool, typer.Option("--json", help="The output is always JSON; this option changes nothing.")
    ] = False,
) -> None:
    """Claim an activation of a remote agent, and print it as JSON. The exit code is 3 if there is no work.

    --author names the worker. Before the lease ends, the worker must finish the activation, report a failure, or send a
    heartbeat.

    Examples:
      blackboard claim review --wait 10m --lease 30m
      blackboard --author reviewer claim review > activation.json
      blackboard --author claude claim review --hook --wait 8h --lease 30m
    """
    session = session_of(context)
    if hook:
        _claim_for_hook(session, agent, wait, lease)
        return
    with session.board_or_client() as board:
        found = board.claim(agent, wait=wait, lease=lease)
        if found is None:
            print_note(f"there is no work for {agent}")
            raise typer.Exit(ExitCode.NO_WORK)
    from blackboard.cli.command_documents import ClaimedRun

    print_json(ClaimedRun(**vars(found), commands=_commands(session, found)))


def _claim_for_hook(session: CommandSession, agent: str, wait: str, lease: str | None) -> None:
    """Claim an activation, and end as a hook does: work is an error that a coding agent reads and acts on.

    A session runs the hook each time that it stops, so only one hook of a session may wait. An error of the command
    must not look like work, because the session would then never end.
    """
    from blackboard.presentation.untrusted_data import activation_of, encode_compact

    try:
        with hook_lock(session, agent) as is_first:
            if not is_first:
                return
            with session.board_or_client() as board:
                found = board.claim(agent, wait=wait, lease=lease)
    except UsageError as error:
        print_note(f"error: {error}")
        raise typer.Exit(HookExitCode.FAILED) from None
    if found is not None:
        shown = {**activation_of(found), "commands": _commands(session, found)}
        print_note("The blackboard has work for you. You hold it under a lease:")
        print_note(encode_compact(shown), wraps=False)
        raise typer.Exit(HookExitCode.HAS_WORK)


def heartbeat(
    context: typer.Context,
    activation_id: RunId,
    fence: FenceOption = None,
    agent: OfAgent = None,
    lease: LeaseOption = None,
    as_json: AsJson = False,
) -> None:
    """Extend the lease of an activation that this author has claimed. The new lease counts from now.

    Example:
      blackboard heartbeat 17 --fence 1 --lease 30m
    """
    with session_of(context).board_or_client() as board:
        state = board.heartbeat(activation_id, fence=fence, agent=agent, lease=lease)
    _show(state, f"the lease of activation {state.id} ends at {timestamp(state.lease_until)}", as_json=as_json)


def finish(
    context: typer.Context,
    activation_id: RunId,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file with the result; by default it is read from stdin.")
    ] = None,
    fence: FenceOption = None,
    agent: OfAgent = None,
    as_json: AsJson = False,
) -> None:
    """Finish an activation that this author has claimed, with its result as JSON.

    The result is an object with marks, withdrawals, reinforcements and usage; {} is an empty result. If the
    board refuses the result, nothing changes and the activation stays claimed: correct it, and finish again.

    Examples:
      echo '{"marks": [{"kind": "verdict", "subject": "r/1"}]}' |
        blackboard finish 17 --fence 1
      blackboard finish 17 --fence 1 --file result.json
    """
    session = session_of(context)
    result = _read_result(file)
    with session.board_or_client() as board:
        try:
            state = board.finish(activation_id, result, fence=fence, agent=agent)
        except (AgentError, UsageError) as error:
            from blackboard.local_or_remote_calls import calls_on_board

            if not isinstance(error, Conflict) and calls_on_board(board).is_claimed(activation_id, agent):
                print_note(
                    f"nothing has changed, and activation {activation_id} is still claimed; correct the result, then"
                )
                print_note(
                    f"  {_command(session, 'finish', activation_id, fence, agent)} --file RESULT.json", wraps=False
                )
            raise
    _show(state, f"activation {state.id} is {state.state}", as_json=as_json)


def fail(
    context: typer.Context,
    activation_id: RunId,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why it failed. The board shows it to people.")
    ] = "the worker gave no reason",
    final: Annotated[
        bool, typer.Option("--final", help="Do not try it again: no further attempt can succeed.")
    ] = False,
    fence: FenceOption = None,
    agent: OfAgent = None,
    as_json: AsJson = False,
) -> None:
    """Report the failure of an activation that this author has claimed.

    The board tries the activation again. After the last attempt, a batch is split into smaller ones, and an activation
    of a single mark is dead.

    Examples:
      blackboard fail 17 --fence 1 --reason "the page does not load"
      blackboard fail 17 --fence 1 --reason "it is not a report" --final
    """
    with session_of(context).board_or_client() as board:
        state = board.fail(activation_id, reason, retry=not final, fence=fence, agent=agent)
    again = "" if state.retry_at is None else f", and tried again at {timestamp(state.retry_at)}"
    _show(state, f"activation {state.id} is {state.state}{again}", as_json=as_json)


def _show(state: RunState, line: str, *, as_json: bool) -> None:
    if as_json:
        print_json(state)
    else:
        print_line(line)


def _commands(session: CommandSession, found: RemoteActivation) -> RunCommands:
    """Return the commands that continue or end a run, with the options of this command."""
    from blackboard.cli.command_documents import RunCommands

    agent = None if session.server_url is None else found.agent
    command = partial(_command, session, activation_id=found.id, fence=found.fence, agent=agent)
    return RunCommands(
        finish=f"{command('finish')} --file RESULT.json",
        heartbeat=command("heartbeat"),
        fail=f"{command('fail')} --reason TEXT",
    )


def _command(session: CommandSession, name: str, activation_id: int, fence: int | None, agent: str | None) -> str:
    common = {
        "--config": session.config,
        "--database": session.database,
        "--author": session.author,
        "--url": session.server,
        "--token-file": session.token_file,
    }
    own = {"--fence": fence, "--agent": agent}
    return shlex.join(["blackboard", *_option_words(common), name, str(activation_id), *_option_words(own)])


def _option_words(options: Mapping[str, object]) -> list[str]:
    return [word for name, value in options.items() if value is not None for word in (name, str(value))]


def _read_result(file: Path | None) -> dict[str, Any]:
    """Return the result in a file or on stdin.

    Raises:
        UsageError: The text is not a JSON object.
    """
    where = "stdin" if file is None else str(file)
    text = sys.stdin.buffer.read() if file is None else file.read_bytes()
    if not text.strip():
        raise UsageError(f"{where} is empty; give the result as a JSON object, such as {{}} for an empty result")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UsageError(f'{where} is not a JSON object such as {{"marks": []}}')
    return value


@contextmanager
def hook_lock(session: CommandSession, agent: str) -> Iterator[bool]:
    """Take the lock of a session for the context, and yield whether no other hook of this session waits.

    A session runs its hook each time that it stops. Without the lock, a hook of each earlier stop would still wait, and
    each of them would claim work. The lock ends with the process, however that ends.

    Args:
        session: The session of the command.
        agent: The agent whose work is waited for.
    """
    where = session.server_url or session.url
    path = path_in(where)
    named = [where if path is None else str(resolved_path(path)), agent, session.author or "", _session_id()]
    digest = hashlib.sha256(json.dumps(named).encode()).hexdigest()[:20]
    file = Path(tempfile.gettempdir()) / f"blackboard-{os.getuid()}-hook-{digest}.lock"
    handle = open_private(file, os.O_RDWR)
    try:
        yield try_lock(handle)
    finally:
        os.close(handle)


def _session_id() -> str:
    """Return the id of the session; "" if there is none. A coding agent writes it to the stdin of its hook, as JSON."""
    if sys.stdin is None or sys.stdin.isatty():
        return ""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        event = json.loads(sys.stdin.read(MAX_EVENT_CHARACTERS))
        if isinstance(event, dict):
            return str(event.get("session_id", ""))
    return ""
