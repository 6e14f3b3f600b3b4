"""Every public name, command, option, setting, view and term is documented in agreement with the code."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

import blackboard
from blackboard import agent_package_support, errors
from blackboard.cli.app import app
from blackboard.core.conditions.measures import Measure
from blackboard.core.marks.decay import LAWS, Decay
from blackboard.core.records.event_kinds import HistoryEvent
from blackboard.core.records.view_columns import VIEWS
from blackboard.core.specs.agent_spec import Budget
from blackboard.daemon import DaemonEvent
from blackboard.durations import Microseconds, format_duration
from blackboard.llm.model_settings import ModelSettings
from blackboard.settings.deployment_file import Settings
from blackboard.settings.sections import (
    AgentSection,
    AuthorSection,
    DaemonSection,
    DatabaseSection,
    DeploymentSection,
    KindSection,
    ServerSection,
    WatchSection,
)
from blackboard.settings.sink_sections import MailSection, SinkSection, WebhookSection
from blackboard.system.files.packaged_files import config_file
from tests.docs.blocks import DOCUMENTS

DOCS = Path(__file__).resolve().parents[2] / "docs"
SECTIONS: dict[str, type[BaseModel]] = {
    "[database]": DatabaseSection,
    "[deployment]": DeploymentSection,
    "[kinds.NAME]": KindSection,
    "[agents.NAME]": AgentSection,
    "[agents.NAME.watches.NAME]": WatchSection,
    "[authors]": AuthorSection,
    "[model]": ModelSettings,
    "[budget]": Budget,
    "[daemon]": DaemonSection,
    "[server]": ServerSection,
    "[[sinks]]": SinkSection,
    "[sinks.webhook]": WebhookSection,
    "[sinks.mail]": MailSection,
}


def section(page: str, title: str) -> str:
    """Return the text under a heading of the second level."""
    text = (DOCS / page).read_text("utf-8")
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"docs/{page} has no section {title!r}"
    return found[1]


def rows(text: str) -> dict[str, list[str]]:
    """Return the rows of a section's tables by the name in their first cell."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:3] == "| `"]
    return {row[0].strip("`"): row for row in cells}


def names_in_files(model: type[BaseModel]) -> dict[str, str]:
    """Return the fields of a section by the names that they have in a deployment file."""
    return {field.alias or name: name for name, field in model.model_fields.items()}


def test_the_events_of_marks_and_of_daemons_are_documented() -> None:
    events = re.findall(r"^\| (\w+) \|", section("views.md", "`mark_history`"), re.MULTILINE)
    assert set(events) - {"column", "event"} == set(HistoryEvent)
    assert list(rows(section("operations.md", "Logs"))) == list(DaemonEvent)


def default_of(model: type[BaseModel], name: str) -> str:
    """Return the default of a setting as a deployment file would write it."""
    field = model.model_fields[name]
    value: Any = field.get_default(call_default_factory=True)
    assert (value is PydanticUndefined) == field.is_required()
    if isinstance(value, Microseconds):
        value = format_duration(value)
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_defaults=True)
    return "-" if value in (None, PydanticUndefined) else f"`{json.dumps(value)}`"


def test_every_public_name_is_on_the_pages_for_python() -> None:
    text = "".join(
        (DOCS / name).read_text("utf-8") for name in ("python.md", "agents.md", "conditions.md", "people.md")
    )
    assert [name for name in dir(blackboard) if f"`{name}" not in text] == []


@cache
def pages() -> str:
    """Return the text of all pages."""
    return "".join(path.read_text("utf-8") for path in DOCS.glob("*.md"))


def test_every_member_of_the_board_is_on_the_pages(tmp_path: Path) -> None:
    with blackboard.Blackboard.open(tmp_path / "board.db") as board:
        members = {name for name in dir(board) if not name.startswith("_")}
    assert {name for name in members if not re.search(rf"`(board|Blackboard)\.{name}\b", pages())} == {
        "session", "database",  # for the package itself, as docs/python.md says
    }  # fmt: skip


def test_every_member_of_another_exported_class_is_on_the_pages() -> None:
    """Check all classes, except results, whose fields are the columns of views, and laws and measures."""
    code = re.findall(r"```.*?```|`[^`\n]+`", pages(), re.DOTALL)
    words = {word for text in code for word in re.findall(r"\w+", text)}
    missing = []
    for name in dir(blackboard):
        value = getattr(blackboard, name)
        if isinstance(value, type) and not (issubclass(value, Decay | Measure) or "result_types" in value.__module__):
            bases = [base for base in (BaseModel, Exception, Sequence) if issubclass(value, base)]
            own = {*dir(value)}.difference(*map(dir, bases))
            missing += [f"{name}.{member}" for member in own - words if member[0] != "_"]
    assert missing == []


def test_contributing_names_each_folder_of_tests() -> None:
    root = DOCS.parent
    text = (root / "CONTRIBUTING.md").read_text("utf-8")
    folders = {path.parent.name for path in root.glob("tests/*/*.py")}
    assert {name for name in folders if f"`tests/{name}" not in text} == set()


def test_a_daemon_shows_what_programs_use() -> None:
    members = {name for name in dir(blackboard.Daemon) if not name.startswith("_")}
    assert members == {"from_file", "on_event", "run", "stop"}


def test_every_error_is_on_the_page_for_python() -> None:
    text = (DOCS / "python.md").read_text("utf-8")
    names = [name for name in errors.__all__ if name not in ("Mistake", "nearest")]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_the_support_for_packages_of_agents_is_on_the_page_for_agents() -> None:
    text = section("agents.md", "Packages of agents")
    assert [name for name in agent_package_support.__all__ if f"`{name}`" not in text] == []


COMMANDS: dict[str, Any] = dict(vars(typer.main.get_command(app))["commands"])


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_documented_with_its_options(name: str) -> None:
    command = COMMANDS[name]
    text = section("commands.md", f"`{name}`")
    parameters = [
        *command.params,
        *(param for sub in getattr(command, "commands", {}).values() for param in sub.params),
    ]
    options = [word for parameter in parameters for word in parameter.opts if word.startswith("--")]
    assert [word for word in options if f"`{word}" not in text and word not in ("--help", "--json")] == []


def test_the_commands_without_json_are_named() -> None:
    page = " ".join((DOCS / "commands.md").read_text("utf-8").split())
    named = re.search(r"Every command takes it, except ((?:`[a-z]+`(?:, | and )?)+)", page)
    assert named
    assert set(re.findall(r"[a-z]+", named[1])) == {
        name
        for name, command in COMMANDS.items()
        if not any(
            "--json" in parameter.opts
            for part in (command, *getattr(command, "commands", {}).values())
            for parameter in part.params
        )
    } | {"and"}


def test_every_command_that_a_document_names_exists() -> None:
    """A list such as `marks`, `history` and `forget` names commands if most of its words are commands."""
    wrong: list[str] = []
    for path in DOCUMENTS:
        text = path.read_text("utf-8")
        for run in re.findall(r"`[a-z-]+`(?:(?:,| and| or|, and|, or)\s`[a-z-]+`)+", text):
            words = re.findall(r"`([a-z-]+)`", run)
            unknown = [word for word in words if word not in COMMANDS]
            wrong += unknown if 0 < len(unknown) < len(words) / 2 else []
        wrong += [word for word in re.findall(r"`blackboard ([a-z][a-z-]*)", text) if word not in COMMANDS]
    assert wrong == []


def test_every_section_of_a_deployment_file_is_documented() -> None:
    text = (DOCS / "settings.md").read_text("utf-8")
    assert [name for name in Settings.model_fields if not re.search(rf"`\[+{name}", text)] == []


@pytest.mark.parametrize("title", SECTIONS)
def test_every_setting_is_documented_with_its_default(title: str) -> None:
    documented = rows(section("settings.md", f"`{title}`"))
    model = SECTIONS[title]
    names = names_in_files(model)
    assert set(documented) == set(names)
    wrong = {
        name: (row[2], default_of(model, names[name]))
        for name, row in documented.items()
        if row[2] != default_of(model, names[name])
    }
    assert wrong == {}
    assert all(len(row) == 5 for row in documented.values())


def range_of(field: FieldInfo) -> str:
    """Return the range of a number as the page writes it; "" if the type of the setting gives none."""
    above, least, most = (
        next((f"{getattr(item, name):,.0f}" for item in field.metadata if hasattr(item, name)), None)
        for name in ("gt", "ge", "le")
    )
    if above is None and least is None:
        return ""
    if most is None:
        return f"above {above}" if least is None else f"at least {least}"
    return f"above {above}, up to {most}" if least is None else f"{least} to {most}"


@pytest.mark.parametrize("title", SECTIONS)
def test_the_range_of_a_setting_is_the_one_that_its_type_accepts(title: str) -> None:
    model = SECTIONS[title]
    ranges = {name: range_of(model.model_fields[field]) for name, field in names_in_files(model).items()}
    documented = {name: row[3] for name, row in rows(section("settings.md", f"`{title}`")).items()}
    documented.pop("clear_above", None)  # the page names a narrower range
    assert [(name, text, ranges[name]) for name, text in documented.items() if not text.startswith(ranges[name])] == []


def test_every_setting_is_in_the_packaged_file_with_a_comment() -> None:
    text = config_file("default.toml").read_text("utf-8")
    names = {name for model in SECTIONS.values() for name in names_in_files(model)} - {"watches", "webhook", "mail"}
    assert [
        name
        for name in sorted(names)
        if not re.search(rf"^(# )?(webhook\.)?{name} = .*(\n#\s+)?# \S", text, re.MULTILINE)
    ] == []


def test_every_law_of_decay_is_documented() -> None:
    text = section("settings.md", "Laws of decay")
    built_in = {name for name, law in LAWS.items() if law.__module__ == "blackboard.core.marks.decay"}
    assert built_in <= set(rows(text))


@pytest.mark.parametrize("view", VIEWS)
def test_every_column_of_a_view_is_documented_in_its_order(view: str) -> None:
    assert tuple(rows(section("views.md", f"`{view}`"))) == VIEWS[view]


def test_the_glossary_defines_each_word_once_in_alphabetical_order() -> None:
    words = re.findall(r"^\*\*([^*]+)\*\*:", (DOCS / "glossary.md").read_text("utf-8"), re.MULTILINE)
    assert {"mark", "watch", "guard", "stimulus", "crossing"} <= set(words)
    assert words == sorted(set(words))
