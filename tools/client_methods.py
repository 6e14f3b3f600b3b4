"""Write `blackboard/client/client_methods.py`, the methods of both clients; `make methods` runs this.

A public function of `blackboard/client/calls` is a method of the clients if it returns a `ClientCall`, or a `Feed` of
events. `tests/server/test_client.py` compares the file with these functions.
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

from blackboard.client.call_methods import (
    AwaitingCaller,
    WaitingCaller,
    awaits,
    iterates,
    iterates_async,
    waits,
)
from blackboard.client.calls import (
{modules}
)
'''
CLASSES: Final = (
    'class ClientMethods(WaitingCaller):\n    """The methods of a client that waits for each response."""\n',
    'class AsyncClientMethods(AwaitingCaller):\n    """The methods of a client that awaits each response."""\n',
)
MAKERS: Final = ({"ClientCall": "waits", "Feed": "iterates"}, {"ClientCall": "awaits", "Feed": "iterates_async"})


def client_methods() -> str:
    """Return the text of the file."""
    calls = _calls()
    modules = sorted({call.partition(".")[0] for call in calls})
    parts = [HEADING.format(modules="\n".join(f"    {module}," for module in modules))]
    for heading, makers in zip(CLASSES, MAKERS, strict=True):
        methods = [f"    {call.partition('.')[2]} = {makers[kind]}({call})" for call, kind in calls.items()]
        parts.append("\n".join([heading, *methods, ""]))
    return "\n\n".join(parts)


def _calls() -> Mapping[str, str]:
    """Return what each call returns, `ClientCall` or `Feed`, by the call's module and name.

    The files are read but not imported, because they cannot be imported while the list names a call that is gone.
    """
    found = {}
    for file in [*sorted(CALLS.glob("*_calls.py")), CALLS / "board_events.py"]:
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.returns is not None and not node.name.startswith("_"):
                kind = ast.unparse(node.returns).partition("[")[0]
                if kind in MAKERS[0]:
                    found[f"{file.stem}.{node.name}"] = kind
    return found


if __name__ == "__main__":
    FILE.write_text(client_methods(), "utf-8")
