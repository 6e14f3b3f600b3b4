"""One worker at a time publishes, and it publishes the newest marks."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from blackboard import Blackboard, ManualClock, Mark, agent, strength
from blackboard.clock import sleep_for
from blackboard.daemon.deliveries.publish_hooks import Publisher
from blackboard.durations import Duration
from blackboard.store.sqlite.local_processes import write_lock
from blackboard.system.files.board_files import BoardFiles
from tests.support.bounds import BOUND_SECONDS
from tests.support.threads import join_all


class Page(Mark, kind="page", on_repeat="separate"):
    """The published content."""


def test_a_worker_does_not_overwrite_a_newer_publication_with_older_marks(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: list[int] = []
    reading, waiting, go_on = threading.Event(), threading.Event(), threading.Event()

    def slowly(reader: Any, settings: Any) -> None:
        seen = len(reader.marks(Page))
        reading.set()
        go_on.wait(BOUND_SECONDS)
        published.append(seen)

    def note_wait(length: Duration) -> None:
        """Take the place of the pause after a lock was found taken."""
        waiting.set()
        sleep_for(length)

    def at_once(reader: Any, settings: Any) -> None:
        published.append(len(reader.marks(Page)))

    slow, quick = (
        agent(watches=strength(Page) >= 0.5, name="publisher", publish=publish)(lambda marks, context: None)
        for publish in (slowly, at_once)
    )
    with Blackboard.open(f"sqlite:///{tmp_path / 'board.db'}", clock=clock) as board:
        BoardFiles(tmp_path / "board.db").run_folder.mkdir()
        board.deposit(Page(subject="s"))
        one, other = Publisher(board, {"publisher": slow}, {}), Publisher(board, {"publisher": quick}, {})
        threads = [threading.Thread(target=one.publish_all), threading.Thread(target=other.publish_all)]
        threads[0].start()
        assert reading.wait(BOUND_SECONDS)
        board.deposit(Page(subject="s"))
        monkeypatch.setattr(write_lock, "sleep_for", note_wait)
        threads[1].start()
        assert waiting.wait(BOUND_SECONDS)
        assert published == []
        go_on.set()
        join_all(*threads)
        assert published == [1, 2], "the newer state is the last"
        one.close()
        other.close()


def test_a_reload_publishes_under_the_new_settings_and_tells_the_former_ones(
    tmp_path: Path, clock: ManualClock
) -> None:
    calls: list[tuple[Mapping[str, Any], list[Mapping[str, Any]]]] = []
    ids: set[str] = set()

    def publish(reader: Any, settings: Mapping[str, Any]) -> None:
        calls.append((settings, list(reader.former_settings)))
        ids.add(reader.board_id)
        if settings == {"to": "b"}:
            raise OSError("the new place cannot be written")

    publisher_agent = agent(watches=strength(Page) >= 0.5, name="publisher", publish=publish)(
        lambda marks, context: None
    )
    with Blackboard.open(f"sqlite:///{tmp_path / 'board.db'}", clock=clock) as board:
        BoardFiles(tmp_path / "board.db").run_folder.mkdir(exist_ok=True)
        agents = {"publisher": publisher_agent}
        publisher = Publisher(board, agents, {"to": "a"})
        publisher.publish_all()
        publisher.replace(agents, {"to": "b"})  # it fails, so the former place is not forgotten
        publisher.replace(agents, {"to": "c"})
        publisher.replace(agents, {"to": "c"})
        publisher.close()
        assert ids == {board.board_id}
    a, b, c = ({"to": place} for place in "abc")
    assert calls == [(a, []), (b, [a]), (c, [a, b]), (c, [])]
