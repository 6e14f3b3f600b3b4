"""A daemon on a host of its own that publishes to a shared file: `python -m tests.postgresql.publishing_host URL FILE`.

It prints its events, one per line, as `tests.support.worker_program` does. With `waits`, it waits for an input line
each time that it has read what it is about to publish.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from blackboard import Blackboard, Mark, agent, strength
from blackboard.cli.terminal.process_signals import handle_signals
from blackboard.daemon import DaemonLoop
from blackboard.settings.sections import DaemonSection
from tests.support.worker_program import PATIENT, say

__all__ = ["Page"]


class Page(Mark, kind="page", on_repeat="separate"):
    """The published content."""


def publish(reader: Any, settings: Any) -> None:
    """Write the number of pages to the shared file."""
    pages = len(reader.marks(Page))
    say("read", {"pages": pages})
    if "waits" in sys.argv:
        sys.stdin.readline()
    Path(sys.argv[2]).write_text(f"{pages}\n", "utf-8")
    say("published", {"pages": pages})


@agent(watches=strength(Page) >= 0.5, publish=publish)
def publisher(pages: Sequence[Page], context: Any) -> None:
    """Take note of pages."""


def main() -> None:
    with Blackboard.open(sys.argv[1], author="host") as board:
        daemon = DaemonLoop(board, [publisher], DaemonSection.model_validate(PATIENT))
        daemon.on_event.append(say)
        with handle_signals(daemon):
            daemon.run()


if __name__ == "__main__":
    main()
