"""The application of the command line: its commands by group, their common options, and the report of an error."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from blackboard.cli.cli_session import CommandSession, HookExitCode
from blackboard.cli.terminal import help_layout
from blackboard.cli.terminal.help_layout import Registry
from blackboard.cli.terminal.output import print_note
from blackboard.cli.terminal.typer_internals import (
    TyperGroup,
    get_group,
    is_about_arguments,
    name_wrong_value,
    set_metavar,
)
from blackboard.errors import BlackboardError, ConfigurationError, ExitCode, UsageError
from blackboard.system import failpoints
from blackboard.system.error_descriptions import describe_error

IS_HOOK = "blackboard.is_hook"
"""The key in `context.meta` that says whether the command is a hook."""


class CommandGroup(NamedTuple):
    """A group of commands in the help. The commands of a group are in one package of the command line."""

    title: str
    package: str
    modules: dict[str, str]
    """The module of each command, in the order of the help."""


GROUPS = (
    CommandGroup(
        "Every day",
        "everyday_commands",
        {
            "deposit": "deposit_commands",
            "load": "load_command",
            "marks": "mark_list_commands",
            "search": "mark_list_commands",
            "history": "mark_list_commands",
            "activity": "activity_command",
            "inbox": "need_commands",
            "answer": "need_commands",
            "assign": "need_commands",
            "reinforce": "deposit_commands",
            "withdraw": "deposit_commands",
            "watch": "watch_command",
            "sql": "sql_command",
        },
    ),
    CommandGroup(
        "Operating",
        "operating_commands",
        {
            "run": "run_command",
            "serve": "serve_command",
            "token": "token_commands",
            "status": "status_command",
            "doctor": "doctor_command",
            "explain": "explain_command",
            "agents": "agents_and_agenda_commands",
            "agenda": "agents_and_agenda_commands",
            "schedules": "agents_and_agenda_commands",
            "activations": "activation_commands",
            "activation": "activation_commands",
            "retry": "activation_commands",
            "discard": "activation_commands",
            "wake": "pause_and_wake_commands",
            "pause": "pause_and_wake_commands",
            "resume": "pause_and_wake_commands",
            "outbox": "outbox_commands",
            "costs": "cost_commands",
            "record-cost": "cost_commands",
        },
    ),
    CommandGroup(
        "Remote agents",
        "agent_commands",
        dict.fromkeys(("claim", "heartbeat", "finish", "fail"), "claim_commands"),
    ),
    CommandGroup("Coding agents", "agent_commands", {"connect": "connect_command", "mcp": "mcp_command"}),
    CommandGroup(
        "Data",
        "data_commands",
        {
            "backup": "backup_commands",
            "restore": "backup_commands",
            "copy": "copy_command",
            "forget": "forget_command",
            "compact": "compact_command",
        },
    ),
    CommandGroup(
        "Setup",
        "setup_commands",
        {
            "new": "new_command",
            "demo": "demo_command",
            "check": "check_command",
            "test": "test_command",
            "init": "init_command",
        },
    ),
)
"""The commands by group. In its module, the function of a command has the name of the command, and so has the
registry of the subcommands of `token` and `outbox`.
"""

COMMANDS = {name: group for group in GROUPS for name in group.modules}
"""The group of each command, in the order of the help."""


class LazyCommands(Mapping[str, Any]):
    """A mapping of commands by name. A command is built on first use, so that it imports only its own module."""

    def __init__(self) -> None:
        self._commands: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._commands:
            self._commands[name] = _build(name)
        return self._commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _build(name: str) -> Any:
    """Import the module of a command, and return the command.

    Raises:
        KeyError: There is no such command.
    """
    group = COMMANDS[name]
    module = importlib.import_module(f"blackboard.cli.{group.package}.{group.modules[name]}")
    member = getattr(module, name.replace("-", "_"))
    registry = Registry()
    if isinstance(member, typer.Typer):
        registry.add_typer(member, name=name)
    else:
        registry.command(name, epilog=getattr(module, "EPILOG", None))(member)
    return help_layout.prepare(get_group(registry).commands[name], group.title)


class Commands(TyperGroup):
    """The top-level group, which turns errors into messages and exit codes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands: Any = LazyCommands()
        help_layout.prepare(self)

    def get_params(self, ctx: Any) -> Any:
        """Return the common options, with their texts for the help."""
        return [set_metavar(param) for param in super().get_params(ctx)]

    def make_context(self, info_name: Any, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Read the common options."""
        is_hook = "--hook" in args
        with _argument_errors(is_hook=is_hook):
            context = super().make_context(info_name, args, parent, **extra)
        context.meta[IS_HOOK] = is_hook
        return context

    def invoke(self, ctx: Any) -> Any:
        """Run a command, and turn an error into a message and an exit code."""
        with _argument_errors(is_hook=ctx.meta.get(IS_HOOK, False)):
            return self._invoke(ctx)

    def _invoke(self, ctx: Any) -> Any:
        """Run a command, and report an error by its class: a wrong request, a failure of the system, or a bug."""
        try:
            return super().invoke(ctx)
        except BlackboardError as error:
            self._report(ctx, error, str(error))
            raise typer.Exit(error.exit_code) from None
        except (KeyboardInterrupt, BrokenPipeError, EOFError):
            raise
        except OSError as error:
            self._report(ctx, error, _text_of(error))
            raise typer.Exit(ExitCode.FAILED) from None
        except MemoryError as error:
            self._report(ctx, error, "this process has no memory left; each write was done completely or not at all")
            raise typer.Exit(ExitCode.FAILED) from None
        except Exception as error:
            if type(error).__module__.startswith(("typer", "click")):
                raise
            self._report(ctx, error, describe_error(error))
            print_note("this is a bug in blackboard; run again with --debug, and report the traceback")
            raise typer.Exit(ExitCode.FAILED) from None

    def _report(self, ctx: Any, error: Exception, message: str) -> None:
        session = ctx.find_object(CommandSession)
        if session is not None and session.debug:
            raise error
        if isinstance(error, ConfigurationError) and len(error.mistakes) > 1:
            print_note(f"error: {len(error.mistakes)} mistakes")
            for mistake in error.mistakes:
                print_note(f"  {mistake}")
        else:
            print_note(f"error: {message}")
        if isinstance(error, UsageError) and error.command:
            print_note(error.command, wraps=False)


@contextmanager
def _argument_errors(*, is_hook: bool) -> Iterator[None]:
    """Let an error about an argument name the wrong value.

    A hook with a wrong argument ends with 1. With 2, a coding agent would take the message for work.
    """
    try:
        yield
    except Exception as error:
        if is_about_arguments(error):
            name_wrong_value(error)
            if is_hook:
                vars(error)["exit_code"] = HookExitCode.FAILED
        raise


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""A board for the coordination of agents. They deposit marks, and marks fade over time.

    When marks reach the threshold of an agent (a crossing), the daemon wakes the agent (an activation).""",
)


def _print_version(requested: bool) -> None:  # noqa: FBT001 -- typer passes the option
    if requested:
        from blackboard.system.files.packaged_files import program_version

        typer.echo(program_version())
        raise typer.Exit


@app.callback()
def common(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The deployment file. [BLACKBOARD_CONFIG, ./blackboard.toml]", show_default=False
        ),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The board: an SQLAlchemy URL or a path. Overrides the deployment file."),
    ] = None,
    author: Annotated[
        str | None, typer.Option(metavar="NAME", help="The author of the deposits; by default person:USER.")
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Use the board of the server at this address, not a local board. [BLACKBOARD_URL]"
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The file with the server's token. Without it, BLACKBOARD_TOKEN has the token, or "
            "BLACKBOARD_TOKEN_FILE names the file.",
        ),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", hidden=True)] = False,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit."),
    ] = False,
) -> None:
    """Read the options that all commands take, before or after their name."""
    failpoints.arm_from_environment(os.environ)
    context.obj = CommandSession(
        config=config,
        database=database,
        author=author,
        debug=debug,
        server=url,
        token_file=token_file,
        command=str(context.invoked_subcommand),
    )


def _text_of(error: OSError) -> str:
    if error.filename:
        return f"{error.strerror}: {error.filename}"
    try:
        os.getcwd()
    except FileNotFoundError:
        return "the current folder was deleted; change to another folder, and run the command again"
    return error.strerror or str(error)
