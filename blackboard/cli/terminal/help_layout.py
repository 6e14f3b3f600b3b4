"""The layout of the help: commands in groups, a word such as KIND for each value, and brackets as they are written."""

from __future__ import annotations

import inspect
import re
from typing import Any

import typer

from blackboard.cli.terminal.typer_internals import TyperCommand, TyperGroup, set_metavar

_OPENS_A_TAG = re.compile(r"\[(?=[a-z#/@][^\[]*?\])")


class PlainCommand(TyperCommand):
    """A command whose help shows the word for each value."""

    def get_params(self, ctx: Any) -> Any:
        """Return the parameters, with their texts for the help."""
        return [set_metavar(param) for param in super().get_params(ctx)]


class PlainGroup(TyperGroup):
    """A command with subcommands, whose help says what to type."""

    def get_params(self, ctx: Any) -> Any:
        """Return the parameters, with what the help shows for each."""
        return [set_metavar(param) for param in super().get_params(ctx)]


class Registry(typer.Typer):
    """A registry of plain commands, each in its group."""

    def command(self, name: str | None = None, **options: Any) -> Any:
        """Return a decorator that registers a function as a command."""
        return super().command(name, cls=PlainCommand, **options)


def prepare(command: Any, group: str | None = None) -> Any:
    """Set the group of a command, its line in the list of commands, and the texts of its help; return the command."""
    command.rich_help_panel = group
    _set_help(command)
    return command


def _set_help(command: Any) -> None:
    """Set the texts of the help of a command, and of the commands below it."""
    command.short_help = command.short_help or re.split(r"(?<=\.)\s", command.help or "", maxsplit=1)[0]
    for item in (command, *command.params):
        if getattr(item, "help", None):
            item.help = _without_markup(item.help)
    if command.help:
        command.help = _paragraphs(command.help)
    if isinstance(command, PlainGroup):
        for subcommand in command.commands.values():
            _set_help(subcommand)


def _paragraphs(text: str) -> str:
    """Return a text with each paragraph on one line, because the terminal wraps it. Examples keep their lines."""
    first, *others = inspect.cleandoc(text).split("\n\n")
    others = [part if "\n " in part else part.replace("\n", " ") for part in others]
    if others and "\n " in others[0]:  # typer removes the indentation of a paragraph right after the first
        others[0] = "\n" + others[0]
    return "\n\n".join([first, *others])


def _without_markup(text: str) -> str:
    """Return a text that rich shows unchanged. Rich would take `[daemon]` for a style."""
    return _OPENS_A_TAG.sub(r"\\[", text)
