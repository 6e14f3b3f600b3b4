"""Write `blackboard/client/client_methods.py`, the methods of both clients; `make methods` runs this.

A public function of `blackboard/client/calls` is a method of the clients if it returns a `ClientCall`, or a `Feed` of
events. `tests/client/test_client.py` compares the file with these functions.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Final

FOLDER = Path(__file__).resolve().parents[1] / "blackboard" / "client"
FILE = FOLDER / "client_methods.py"
CALLS = FOLDER / "calls"

HEADING: Final = '''\
"""The methods of both clients, a line for each call. `make methods` writes this file from the calls."""

from __future__ import annotations

from blackboard.client.calls import (
{modules}
)
from blackboard.client.method_builders import (
    AsyncCallRunner,
    SyncCallRunner,
    async_event_method,
    async_method,
    sync_event_method,
    sync_method,
)
'''
CLASSES: Final = (
    'class ClientMethods(SyncCallRunner):\n    """The methods of a client that waits for each response."""\n',
    'class AsyncClientMethods(AsyncCallRunner):\n    """The methods of a client that awaits each response."""\n',
)
BUILDERS: Final = (
    {"ClientCall": "sync_method", "Feed": "sync_event_method"},
    {"ClientCall": "async_method", "Feed": "async_event_method"},
)


def client_methods() -> str:
    """Return the text of the file."""
    calls = _calls()
    modules = sorted({call.partition(".")[0] for call in calls})
    parts = [HEADING.format(modules="\n".join(f"    {module}," for module in modules))]
    for heading, builders in zip(CLASSES, BUILDERS, strict=True):
        methods = [f"    {call.partition('.')[2]} = {builders[kind]}({call})" for call, kind in calls.items()]
        parts.append("\n".join([heading, *methods, ""]))
    return "\n\n".join(parts)


def _calls() -> Mapping[str, str]:
    """Return what each call returns, `ClientCall` or `Feed`, by the call's module and name.

    The files are read but not imported, because they cannot be imported while the list names a call that is gone.
    """
    found = {}
    for file in sorted(CALLS.glob("*_calls.py")):
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.returns is not None and not node.name.startswith("_"):
                kind = ast.unparse(node.returns).partition("[")[0]
                if kind in BUILDERS[0]:
                    found[f"{file.stem}.{node.name}"] = kind
    return found


if __name__ == "__main__":
    FILE.write_text(client_methods(), "utf-8")
