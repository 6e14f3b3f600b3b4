"""The journeys name the modules that a deposit and a claim pass through, in the order in which they are entered."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest

from blackboard import Blackboard, Context, Daemon, Exponential, ManualClock, Mark, agent, count, strength, total, watch
from tests.docs.blocks import ROOT

JOURNEYS = (ROOT / "docs/journeys.md").read_text("utf-8")
PACKAGE = f"{ROOT / 'blackboard'}/"


class Smoke(
    Mark, kind="smoke", decay=Exponential("25m"), on_repeat="add", unique="place", tags=["place"], search=["text"]
):
    place: str
    text: str = "thin, grey"


class Alarm(Mark, kind="alarm", decay=Exponential("1m")):
    pass


WATCHES = {
    "hot": watch(strength(Smoke) >= 0.7, unless=count("smoke") >= 9),
    "cold": watch(strength(Smoke) < 0.2),
    "everywhere": watch(total(Smoke, over="board") >= 0.5),
    "often": watch(count(Smoke, within="10m") >= 5),
    "lasting": watch(strength(Smoke) >= 0.3, held_for="10m"),
}


@agent(watches=WATCHES, writes=[Alarm], cooldown="1m", cooldown_per="subject")
def watchman(smokes: list[Smoke], context: Context) -> list[Alarm]:
    return [Alarm(subject=smoke.subject) for smoke in smokes]


def steps_of(title: str) -> dict[str, list[str]]:
    """Return the Python modules of each step of a journey, by its number."""
    text = JOURNEYS.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \|.* \| (.*) \|$", text, re.MULTILINE)
    return {number: re.findall(r"`([a-z_/]+\.py)`", cell) for number, cell in rows}


def entered(action: Callable[[], object]) -> list[str]:
    """Return the modules of the package whose functions are called during an action, in this order."""
    calls: list[str] = []

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            calls.append(frame.f_code.co_filename.removeprefix(PACKAGE))

    threading.setprofile(note)  # for the threads that start from now on
    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return calls


def out_of_order(steps: dict[str, list[str]], calls: list[str]) -> list[str]:
    """Return the steps of which no module is entered after the steps before them."""
    late, position = [], 0
    for number, modules in steps.items():
        if found := [calls.index(module, position) for module in modules if module in calls[position:]]:
            position = min(found)
        else:
            late.append(number)
    return late


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Blackboard]:
    with Blackboard.open(tmp_path / "board.db", clock=ManualClock()) as board:
        board.deploy(watchman)
        board.deposit(Smoke(subject="kitchen", place="a"), intensity=0.4)
        yield board


def test_a_deposit_enters_the_modules_of_its_journey_in_their_order(board: Blackboard) -> None:
    steps = steps_of("A deposit")
    calls = entered(lambda: board.deposit(Smoke(subject="kitchen", place="b"), intensity=0.4, key="second"))
    assert out_of_order(steps, calls) == ["21"], "only a mark below its floor takes step 21"
    Daemon(board, [watchman]).run(until_quiescent=True)
    calls += entered(lambda: board.deposit(Smoke(subject="kitchen", place="b"), intensity=0.4))
    calls += entered(lambda: board.deposit(Smoke(subject="cellar", place="c"), intensity=0))
    assert {module for modules in steps.values() for module in modules} - set(calls) == set()


def test_a_claim_enters_the_modules_of_its_journey_in_their_order(board: Blackboard) -> None:
    steps = steps_of("A claim")
    board.deposit(Smoke(subject="kitchen", place="a"), intensity=0.4)
    calls = entered(lambda: Daemon(board, [watchman]).run(until_quiescent=True))
    assert out_of_order(steps, calls) == []
    assert {module for modules in steps.values() for module in modules} - set(calls) == set()


@pytest.mark.postgresql(only=True)
def test_a_deposit_and_a_claim_on_postgresql_enter_the_modules_that_are_named_for_it(board_url: str) -> None:
    from tests.postgresql.optimistic_boards import be_optimistic, stay_under_the_lock

    def use_board() -> None:
        with Blackboard.open(board_url) as board:
            board.deploy(watchman)
            board.deposit(Smoke(subject="kitchen", place="a"), intensity=0.8)
            be_optimistic(board, asks=True)
            board.deposit(Alarm(subject="attic"))
            be_optimistic(board, asks=False)
            board.deposit(Alarm(subject="cellar"))
            stay_under_the_lock(board)
            Daemon(board, [watchman]).run(until_quiescent=True)

    calls = entered(use_board)
    named = re.findall(r"`([a-z_/]+\.py)`", JOURNEYS.partition("\n## On PostgreSQL\n")[2])
    assert named
    assert set(named) - set(calls) == set()


def test_every_class_and_function_that_a_journey_names_is_in_its_module() -> None:
    rows = [line for line in JOURNEYS.splitlines() if line.startswith("| ")]
    classes = [(name, row) for row in rows for name in re.findall(r"`([A-Z][a-z]+[A-Z]\w+)`", row)]
    functions = re.findall(r"`(\w+)` in `([a-z_/]+\.py)`", JOURNEYS)
    assert classes
    assert functions
    for name, module in [*functions, *((name, row.rpartition(" | ")[2]) for name, row in classes)]:
        paths = [Path(PACKAGE, path) for path in re.findall(r"[a-z_/]+\.py", module)]
        code = "\n".join(path.read_text("utf-8") for path in paths if path.is_file())
        assert re.search(rf"^(?:def|class) {name}\b", code, re.MULTILINE), name
