"""Descriptions of errors for the log: the class of an error, and the file and line that raised it.

The message of an error may contain words of a payload. So may the name of a class, a file or a function, because agents
can make such names at run time. So a message is shown only if this package wrote it without a quotation, and a name
only if the loaded program contains it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import pairwise
from types import FrameType, ModuleType

from blackboard.errors import BlackboardError

_MAX_NAME_CHARACTERS = 200

_shows_messages = False
_context_files: set[str] = set()


def add_context_file(file: str) -> None:
    """Add the `__file__` of a module with functions that agents call in a run.

    An error of the board from there is about the daemon's board, so the log shows its text.
    """
    _context_files.add(file)


def show_messages(*, shown: bool) -> None:
    """Set whether the lines of this process contain the messages of all errors, which may quote payloads."""
    global _shows_messages
    _shows_messages = shown


def shows_messages() -> bool:
    """Return whether the lines of this process contain the messages of all errors."""
    return _shows_messages


def describe_error(error: BaseException) -> str:
    """Return the description of an error for the log: its class, and the file and line that raised it.

    An own error that quotes no agent is described by its message instead, and an `OSError` by the system's words for
    its number. After `show_messages`, every description has the class, the message and the place.
    """
    name = class_name(type(error))
    if _shows_messages:
        return f"{type(error).__qualname__}: {error}{_place(error)}"
    if isinstance(error, OSError) and isinstance(error.errno, int):
        return f"{name}: {os.strerror(error.errno)}{_place(error)}"
    if isinstance(error, BlackboardError) and type(error).__module__.startswith("blackboard.") and _is_own(error):
        text = error.log_text
        if text is not None:
            return text
    return f"{name}{_place(error)}"


def class_name(kind: type) -> str:
    """Return the name of a class in its module.

    The name of a class that was made at run time may come from a payload, so its nearest base class is named instead.
    """
    for known in kind.__mro__:
        if (name := _name_in_module(known)) is not None:
            return name if known is kind else f"{name} of a class defined at run time"
    return "a class defined at run time"


def place_of(frame: FrameType) -> str | None:
    """Return the file and line of a frame; None if its code was made at run time, under any name."""
    return place_in(frame.f_code.co_filename, frame.f_lineno)


def place_in(file: str, line: int) -> str | None:
    """Return a file and line; None if no module was loaded from the file."""
    return f"{file}:{line}" if file in _loaded_files() else None


def frame_places(error: BaseException) -> Iterator[str]:
    """Yield the file and line of each frame of an error, the outermost first."""
    files = _loaded_files() | _files_being_imported(error)
    for file, line in _lines(error):
        if file in files:
            yield f"{file}:{line}"


def _name_in_module(kind: type) -> str | None:
    name, module = kind.__qualname__, kind.__module__
    if not (isinstance(name, str) and isinstance(module, str)) or len(name) > _MAX_NAME_CHARACTERS:
        return None
    here: object = sys.modules.get(module)
    for part in name.split("."):
        if not part.isidentifier():
            return None
        here = getattr(here, "__dict__", {}).get(part)
    return name if here is kind else None


def _is_own(error: BlackboardError) -> bool:
    """Return whether code of this package made an error, and the text of the error quotes no agent.

    A text that `quotes_nothing` may contain arguments of the call, such as a path. So the call must not come from the
    code of an agent.
    """
    files = [file for file, _ in _lines(error)]
    if not files:
        return True
    if not files[-1].startswith(_OWN):
        return False
    if not error.quotes_nothing:
        return True
    foreign = [place for place, file in enumerate(files) if not file.startswith("<") and not _is_known(file)]
    return not foreign or not _context_files.isdisjoint(files[foreign[-1] :])


def _place(error: BaseException) -> str:
    """Return the innermost file and line outside of this package, Python and libraries; if none, the innermost one."""
    place = fallback = ""
    files = _loaded_files() | _files_being_imported(error)
    for file, line in _lines(error):
        if file not in files:
            continue
        fallback = f" ({file}:{line})"
        if not (_is_known(file) or _is_of_library(file)):
            place = fallback
    return place or fallback


def _lines(error: BaseException) -> Iterator[tuple[str, int]]:
    """Yield the file and line of each frame of an error, the outermost first."""
    frame = error.__traceback__
    while frame is not None:
        yield frame.tb_frame.f_code.co_filename, frame.tb_lineno
        frame = frame.tb_next


def _is_known(file: str) -> bool:
    """Return whether a file is of this package or of Python."""
    return file.startswith(_OWN) or (file.startswith(_STANDARD) and not _is_of_library(file))


def _is_of_library(file: str) -> bool:
    return "site-packages" in file or "dist-packages" in file


def _loaded_files() -> frozenset[str]:
    """Return the files of all modules that are loaded. Code that is compiled at run time may name any other file."""
    modules = [module for module in list(sys.modules.values()) if isinstance(module, ModuleType)]
    return frozenset(file for module in modules if isinstance(file := module.__dict__.get("__file__"), str))


def _files_being_imported(error: BaseException) -> set[str]:
    """Return the files of the modules whose import failed with this error. Python has unloaded them."""
    files = [file for file, _ in _lines(error)]
    return {file for importer, file in pairwise(files) if importer == _IMPORTER and os.path.isfile(file)}


_OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_IMPORTER = "<frozen importlib._bootstrap>"
_STANDARD = os.path.dirname(os.__file__) + os.sep
