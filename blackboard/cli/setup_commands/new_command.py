"""The command `new`: makes a folder with a first agent, its test, and a board with a first mark."""

from __future__ import annotations

import importlib.util
import keyword
import os
import re
import shutil
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from blackboard.cli.cli_session import CommandSession, session_of
from blackboard.cli.terminal.output import AsJson, print_json, print_line, print_note
from blackboard.errors import UsageError

TEMPLATES = Path(__file__).with_name("project_template")
FOLDER_MODE = 0o755
FILE_MODE = 0o644
"""The mode of the files: all users may read them. A deployment file that other users can change would be refused."""

MAX_FOLDER_CHARACTERS = 64
FIRST_NOTE = "A mark on the board woke this agent."


def new(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The name of the new folder and of its module.")],
    model: Annotated[bool, typer.Option("--model", help="Make an agent that asks a model.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a folder with a first agent, its test, a deployment file, and a board with a first mark.

    Nothing is overwritten. In the module's name, underscores replace hyphens. An agent made with --model needs no key
    at first. The file sets provider = "offline": a rule in the agent's module answers instead of a model.

    Examples:
      blackboard new kitchen
      cd kitchen && blackboard run --until-quiescent
      blackboard new triage --model
    """
    session = session_of(context)
    if session.config is not None or session.database is not None:
        raise UsageError("new makes its own deployment file and board; leave out --config and --database")
    folder, module = Path(name), _module_of(name)
    try:
        os.mkdir(folder, FOLDER_MODE)
    except FileExistsError:
        raise UsageError(f"{name} already exists; choose another name") from None
    try:
        files = _write_files(folder, module, asks_model=model)
        _deposit_first_mark(folder, session)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)  # a folder that is left behind would block the next attempt
        raise
    for variable in sorted(_overriding_variables()):
        print_note(
            f"{variable} is set and has priority over {folder / 'blackboard.toml'}; unset it to use the new board"
        )
    if as_json:
        from blackboard.cli.command_documents import NewFolder

        print_json(NewFolder(folder=name, module=module, files=files, board="board.db"))
        return
    print_line(f"{name} has {', '.join(files)}, and a board with a first mark. Next:")
    run_test = "pytest" if importlib.util.find_spec("pytest") else "pip install pytest && pytest"
    for line in (f"cd {name}", "blackboard run --until-quiescent", "blackboard marks", run_test):
        print_line(f"  {line}", wraps=False)


def _module_of(name: str) -> str:
    """Return the name of the module, after checking that the name is possible for a folder and a module.

    Raises:
        UsageError: The name is not possible, or a module of this name is installed.
    """
    if len(name) > MAX_FOLDER_CHARACTERS or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
        raise UsageError(
            f"{name!r} cannot be the name: a name begins with a letter (a to z), then has up to"
            f" {MAX_FOLDER_CHARACTERS - 1} letters, digits, hyphens and underscores"
        )
    module = name.replace("-", "_")
    if keyword.iskeyword(module):
        raise UsageError(
            f"{name!r} cannot be the name of a module, because it is a Python keyword; choose another name"
        )
    found = importlib.util.find_spec(module)
    if found is not None and found.origin is not None:
        raise UsageError(f"a module {module!r} is installed already ({found.origin}); choose another name")
    return module


def _write_files(folder: Path, module: str, *, asks_model: bool) -> list[str]:
    """Write the files, and return their names."""
    variant = "_with_model" if asks_model else ""
    templates = {
        "blackboard.toml": "blackboard.toml",
        f"{module}.py": f"module{variant}.py",
        f"test_{module}.py": f"test{variant}.py",
        "README.md": "README.md",
    }
    for name, template in templates.items():
        text = Template((TEMPLATES / f"{template}.template").read_text("utf-8"))
        content = text.substitute(name=folder.name, module=module).encode()
        with open(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb") as file:
            file.write(content)
    return list(templates)


def _deposit_first_mark(folder: Path, session: CommandSession) -> None:
    """Create the board, deploy the file on it, and deposit a mark that wakes the agent."""
    from blackboard.board import Blackboard
    from blackboard.settings.deployment_resolver import resolve_file

    resolved = resolve_file(folder / "blackboard.toml", {})
    with Blackboard.open(f"sqlite:///{folder.absolute() / 'board.db'}", author=session.author) as board:
        board.deploy(resolved.deployment)
        board.deposit("note", subject="welcome", payload={"text": FIRST_NOTE})


def _overriding_variables() -> list[str]:
    prefixes = ("BLACKBOARD_CONFIG", "BLACKBOARD_DATABASE__", "BLACKBOARD_DEPLOYMENT__")
    return [name for name in os.environ if name.startswith(prefixes)]
