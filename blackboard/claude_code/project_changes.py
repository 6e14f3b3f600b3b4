"""The changes of a project's files that connect the project to a board, or that remove a connection.

A record beside the settings has the text that was written. If a part differs from the record, a person has changed it,
and it stays as it is.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from blackboard.claude_code import json_edits
from blackboard.claude_code.project_connection import (
    BEGIN,
    CONNECTION,
    FOLDERS,
    MCP_SERVER_NAME,
    MCP_SERVERS,
    MEMORY,
    RECORD,
    SETTINGS,
    SKILL,
    SKILL_TEXT,
    ProjectConnection,
    read_record,
    write_record,
)
from blackboard.claude_code.project_files import newline_of, read_text, remove_empty, write_texts
from blackboard.errors import UsageError

NEEDED_FOLDERS = tuple(str(path) for path in reversed(Path(SKILL).parents[:-1]))


@dataclass
class ProjectChanges:
    """The texts of the files of a project, before and after.

    Args:
        folder: The folder of the project.
    """

    folder: Path
    notes: list[str] = field(default_factory=list)
    """The parts that stay as they are, with the reasons."""

    def __post_init__(self) -> None:
        self._before: dict[str, str | None] = {
            name: self._read(name) for name in (MCP_SERVERS, SETTINGS, SKILL, MEMORY)
        }
        self._before[RECORD] = self._read(RECORD)
        self._after = dict(self._before)
        self._record = read_record(self._before[RECORD])
        self._unneeded: list[Path] = []

    def _read(self, name: str) -> str | None:
        """Return the text of a file; None if there is none.

        Raises:
            UsageError: The file cannot be read, it is not UTF-8, or it is a JSON file and not valid JSON.
        """
        text = read_text(self.folder, name)
        if text is not None and name.endswith(".json"):
            try:
                if not isinstance(json.loads(text), dict):
                    raise ValueError("it is not an object")
            except (ValueError, RecursionError) as error:
                raise UsageError(f"{name} cannot be changed, because it is not valid: {error}") from None
        return text

    @property
    def earlier(self) -> ProjectConnection | None:
        """The present connection of the project; None if there is none."""
        return None if CONNECTION not in self._record else ProjectConnection(**self._record[CONNECTION])

    def connect(self, connection: ProjectConnection) -> None:
        """Plan how the files change to connect the project. The new connection replaces an earlier one."""
        self._set_value(MCP_SERVERS, ("mcpServers",), MCP_SERVER_NAME, connection.mcp_server_entry())
        self._set_value(SETTINGS, ("hooks", "Stop"), None, connection.hook())
        self._set_text(SKILL, SKILL_TEXT)
        self._set_section(connection.section())
        made = self._record.get(FOLDERS, ())
        self._record[FOLDERS] = [name for name in NEEDED_FOLDERS if name in made or not (self.folder / name).exists()]
        self._record[CONNECTION] = {**asdict(connection), "options": list(connection.options)}
        self._after[RECORD] = write_record(self._record)

    def disconnect(self) -> None:
        """Plan to remove everything that an earlier connection wrote."""
        self._set_value(MCP_SERVERS, ("mcpServers",), MCP_SERVER_NAME, None)
        self._set_value(SETTINGS, ("hooks", "Stop"), None, None)
        self._set_text(SKILL, None)
        self._set_section(None)
        made = self._record.get(FOLDERS, ())
        self._unneeded = [self.folder / name for name in NEEDED_FOLDERS if name in made]
        self._after[RECORD] = None

    def diff(self) -> str:
        """Return the changes as a unified diff, without the record; "" if there are none."""
        return "".join(line for name in self._changed() if name != RECORD for line in self._diff_of(name))

    def write(self) -> list[str]:
        """Write the changed files, and return their names. After an error, they are as they were.

        Raises:
            OSError: A file cannot be written.
        """
        # If the process is killed between two files, there must be a record of what it wrote.
        is_last = self._after[RECORD] is None
        names = sorted(self._changed(), key=lambda name: (name == RECORD) == is_last)
        write_texts(self.folder, names, self._before, self._after)
        remove_empty(self._unneeded)
        return [name for name in self._changed() if name != RECORD]

    def _changed(self) -> Iterator[str]:
        return (name for name, text in self._after.items() if text != self._before[name])

    def _diff_of(self, name: str) -> Iterator[str]:
        old, new = ((texts[name] or "").splitlines(keepends=True) for texts in (self._before, self._after))
        before = "/dev/null" if self._before[name] is None else f"a/{name}"
        after = "/dev/null" if self._after[name] is None else f"b/{name}"
        for line in difflib.unified_diff(old, new, before, after):
            yield line if line.endswith("\n") else f"{line}\n"

    # -- JSON files

    def _set_value(self, name: str, path: tuple[str, ...], key: str | None, value: Any) -> None:
        """Add a member or an item to a JSON file, in place of the entry that an earlier connection wrote.

        Args:
            name: The file.
            path: The object or the list. Missing objects on the path are added.
            key: The key of a member; None for an item of a list.
            value: The value; None removes the entry.
        """
        written = self._record.get(name)
        present = self._place(name, path, key, None if written is None else written["value"])
        if written is None and (value is None or present is not None):
            if value is not None and present is not None:
                self._leave(name, "this command did not write its entry of this name")
            return
        if written is not None:
            if present is None:
                self._leave(name, "its entry was changed or removed by hand")
                if value is None:
                    del self._record[name]
                return
            if written["value"] == value:
                return
            self._take_back(name, written, present)
        if value is not None:
            self._record[name] = {"value": value, **self._add(name, path, key, value)}

    def _place(self, name: str, path: tuple[str, ...], key: str | None, value: Any) -> list[str | int] | None:
        """Return the path of the entry with a value, and with a key if one is given; None if there is no such entry.

        With a key, the value None stands for any value.
        """
        container = json_edits.find(json_edits.parse(self._after[name] or "{}"), path)
        if container is None:
            return None
        if key is not None:
            part = container.parts.get(key)
            return [*path, key] if part is not None and (value is None or part.value == value) else None
        return next(([*path, at] for at, part in container.parts.items() if part.value == value), None)

    def _add(self, name: str, path: tuple[str, ...], key: str | None, value: Any) -> dict[str, Any]:
        """Add an entry and the missing objects around it, and return the data that its removal needs.

        The data is the paths of the objects that were added around the entry, and the white space that was there
        before.

        Raises:
            UsageError: The file has something else where the entry belongs.
        """
        text = self._after[name]
        added: list[list[str]] = [] if text is not None else [[]]
        text = "{}\n" if text is None else text
        root = json_edits.parse(text)
        present = [path[:depth] for depth in range(len(path) + 1) if json_edits.find(root, path[:depth]) is not None]
        space = json_edits.space_in(text, present[-1])
        for depth, step in enumerate(path):
            kind = list if depth == len(path) - 1 and key is None else dict
            part = json_edits.find(json_edits.parse(text), path[: depth + 1])
            if part is None:
                text = json_edits.add(text, path[:depth], kind(), step)
                added.append(list(path[: depth + 1]))
            elif not isinstance(part.value, kind):
                expected = "a list" if kind is list else "an object"
                raise UsageError(
                    f"{name} cannot be changed: {'.'.join(path[: depth + 1])} is not {expected}; correct the file"
                )
        self._after[name] = json_edits.add(text, path, value, key)
        return {"added": added, "space": space}

    def _take_back(self, name: str, written: dict[str, Any], place: list[str | int]) -> None:
        """Remove an entry, and the objects that were added around it, if they have no other entry."""
        outermost = written["added"][0] if written["added"] else place
        text = json_edits.remove(self._after[name] or "", place, written["space"] if place == outermost else "")
        del self._record[name]
        for path in reversed(written["added"]):
            part = json_edits.find(json_edits.parse(text), path)
            if part is not None and not part.value:
                if not path:
                    self._after[name] = None
                    return
                text = json_edits.remove(text, path, written["space"] if path == outermost else "")
        self._after[name] = text

    # -- texts

    def _set_text(self, name: str, text: str | None) -> None:
        """Set the whole text of a file, unless a person has changed it."""
        written, present = self._record.get(name), self._before[name]
        if present != written:
            if present is not None and (text is not None or written is not None):
                self._leave(name, "its text is not what this command has written")
            if text is None:
                self._record.pop(name, None)
            if present is not None or text is None:
                return
        self._after[name] = text
        self._record.pop(name, None)
        if text is not None:
            self._record[name] = text

    def _set_section(self, section: str | None) -> None:
        """Set the section between the two marks, unless a person has changed it."""
        if (written := self._record.pop(MEMORY, None)) is not None:
            self._change_section(section, written)
        elif section is not None and BEGIN in (self._before[MEMORY] or ""):
            self._leave(MEMORY, "this command did not write its section")
        elif section is not None:
            self._add_section(section)

    def _add_section(self, section: str) -> None:
        """Add the section at the end of the file."""
        text = self._before[MEMORY] or ""
        before = "" if not text else "\n" if text.endswith("\n") else "\n\n"
        new = (before + section).replace("\n", newline_of(text))
        self._after[MEMORY] = text + new
        self._record[MEMORY] = {"value": new, "is_new": self._before[MEMORY] is None}

    def _change_section(self, section: str | None, written: dict[str, Any]) -> None:
        """Replace or remove the section. `written` is the record of the section that this command has written."""
        value: str = written["value"]
        text = self._before[MEMORY]
        if text is None or value not in text:
            self._leave(MEMORY, "the section between the marks was changed or removed by hand")
            if section is not None:
                self._record[MEMORY] = written
            return
        if section is None:
            rest = text.replace(value, "", 1)
            self._after[MEMORY] = None if written["is_new"] and not rest else rest
        else:
            new = value[: value.index(BEGIN)] + section.replace("\n", newline_of(value))
            self._after[MEMORY] = text.replace(value, new, 1)
            self._record[MEMORY] = {**written, "value": new}

    def _leave(self, name: str, why: str) -> None:
        self.notes.append(f"{name} is left as it is: {why}")
