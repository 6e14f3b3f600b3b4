"""The kit for tests of agents: marks, a context, a scripted model, and the pytest plugin."""

from __future__ import annotations

import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import BaseModel

from blackboard import (
    Blackboard,
    Context,
    Daemon,
    Exponential,
    ManualClock,
    Mark,
    Never,
    agent,
    search,
    strength,
    strongest_of,
)
from blackboard.clock import from_datetime, to_datetime
from blackboard.errors import AgentError, ConfigurationError, InvalidMark, InvalidTime, ModelError, UsageError
from blackboard.testing import Overloaded, RequestRejected, ScriptedAnswer, ScriptedModel, context, mark, replay
from tests.support.bounds import BOUND_SECONDS
from tests.support.fake_api_faults import Status
from tests.support.messages_api import MessagesApi


class Fog(Mark, kind="kit_fog", weight=2.0):
    """A mark whose strength differs from its intensity."""

    place: str = ""


class Horn(Mark, kind="kit_horn"):
    """What the agent deposits."""

    level: int


class Level(BaseModel):
    """The answer of the model."""

    level: int


NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@agent(watches=strength(Fog) >= 0.5, writes=[Horn], reads=[strongest_of(Horn)])
def keeper(marks: list[Fog], context: Context) -> list[Horn]:
    answer = context.ask("How thick?", [fog.place for fog in marks], Level)
    return [Horn(subject=fog.subject, level=answer.level) for fog in marks]


def test_a_mark_is_as_if_read_from_a_board() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    fog = mark(Fog, "pier", strength=0.8, id=7, author="sensor", deposited_at=at, place="east")
    assert (fog.id, fog.strength, fog.author, fog.place, fog.subject) == (7, 0.8, "sensor", "east", "pier")
    assert fog.deposited_at == fog.reinforced_at == fog.occurred_at == at
    late = mark(Fog, occurred_at=at, reinforced_at=at + timedelta(hours=2), place="east")
    assert (late.occurred_at, late.deposited_at, late.reinforced_at) == (at, at, at + timedelta(hours=2))
    assert mark(Fog, intensity=0.5).strength == 1.0
    assert mark(Fog).id != mark(Fog).id
    with pytest.raises(InvalidMark, match="at least 0"):
        mark(Fog, strength=-1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "kit_fog"}, "takes a class of marks"),
        ({"subject": " "}, "the subject is empty"),
        ({"strength": "1"}, "at least 0, not '1'"),
        ({"id": 0}, "at least 1, not 0"),
        ({"author": ""}, "the author is blank"),
        ({"occurred_at": NOON, "deposited_at": NOON - timedelta(days=1)}, "before the mark occurred"),
        ({"deposited_at": NOON, "reinforced_at": NOON - timedelta(days=1)}, "before the first deposit"),
    ],
)
def test_a_mark_that_no_board_could_have_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidMark, match=message):
        mark(**{"kind": Fog, **change})
    with pytest.raises(InvalidTime, match="is not a time"):
        mark(Fog, occurred_at=date(2026, 3, 1))  # type: ignore[arg-type]


def test_what_is_not_an_agent_a_mark_or_an_answer_is_named() -> None:
    anything: Any = lambda marks, context: []  # noqa: E731
    with pytest.raises(UsageError, match="decorate it with @agent"):
        context(anything)
    with pytest.raises(UsageError, match="write subject='web'"):
        context(keeper, subjects="web")
    with pytest.raises(InvalidMark, match="was not read from a board"):
        context(keeper, reads=[Horn(subject="pier", level=1)])
    for wrong in ({"level": 1}, [Level(level=1)], Level, ValueError("busy"), None):
        with pytest.raises(UsageError, match="answer 2 of the script must be a pydantic model"):
            ScriptedModel("first", cast("Any", wrong))
    with pytest.raises(UsageError, match="negative number of tokens"):
        ScriptedModel(ScriptedAnswer("first", input_tokens=-1))


def test_a_replay_takes_agents_or_a_path(board: Blackboard) -> None:
    for wrong in (keeper, [print], "blackboard.toml"):
        with pytest.raises(UsageError, match=r"replay\(\) takes a list of agents"):
            replay(board, cast("Any", wrong), [])


def test_a_manual_clock_takes_times_only() -> None:
    clock = ManualClock("2026-03-01")
    clock.set("2026-03-01T09:00")
    assert to_datetime(clock.now()) == datetime(2026, 3, 1, 9, tzinfo=UTC)
    for wrong in ("nine", date(2026, 3, 1)):
        with pytest.raises(InvalidTime):
            ManualClock(cast("Any", wrong))
        with pytest.raises(InvalidTime):
            clock.set(cast("Any", wrong))


def test_a_context_is_about_one_subject_or_a_batch() -> None:
    one = context(keeper, subject="e\u0301tage")
    assert (one.subject, one.subjects) == ("\u00e9tage", ("\u00e9tage",))
    batch = context(keeper, subjects=["web", "db", "web"])
    assert batch.subjects == ("web", "db")
    for given in (batch, context(keeper), context(keeper, subjects=["web"])):
        with pytest.raises(AgentError, match=r"takes a batch has no context.subject; use context\.subjects"):
            _ = given.subject
    with pytest.raises(UsageError, match="one subject or takes a batch"):
        context(keeper, subject="web", subjects=["db"])


def test_a_context_reads_what_a_search_found_in_the_order_given() -> None:
    @agent(watches=strength(Fog) >= 0.5, reads=[search("kit_horn", from_="text")])
    def finder(marks: object, context: object) -> None: ...

    horns = [mark(Horn, "pier", strength=0.1 * level, level=level) for level in (2, 3, 1)]
    assert context(finder, reads=horns).read(Horn) == horns


def test_a_context_reads_only_what_the_agent_declares_strongest_first() -> None:
    horns = [mark(Horn, "pier", strength=share, level=1) for share in (0.2, 0.9)]
    given = context(keeper, reads=horns)
    assert given.read(Horn, "pier") == horns[::-1]
    assert given.read("kit_horn", "elsewhere") == []
    with pytest.raises(AgentError, match="does not declare"):
        given.read(Fog)


def test_an_agent_is_called_with_a_scripted_model() -> None:
    model = ScriptedModel(Level(level=3), "no json")
    assert keeper([mark(Fog, "pier", place="east")], context(keeper, model=model)) == [Horn(subject="pier", level=3)]
    assert (model.requests[0].system, model.requests[0].data) == ("How thick?", ["east"])
    with pytest.raises(ModelError, match="not JSON"):
        keeper([mark(Fog)], context(keeper, model=model))
    with pytest.raises(RequestRejected, match="has 2 answers, and this is call 3"):
        keeper([mark(Fog)], context(keeper, model=model))
    with pytest.raises(AgentError, match="offline rule"):
        keeper([mark(Fog)], context(keeper))


def test_a_daemon_asks_the_script_again_after_a_failure(board_url: str, clock: ManualClock) -> None:
    answer = ScriptedAnswer(Level(level=4), input_tokens=1000, output_tokens=50, delay="3s")
    model = ScriptedModel(Overloaded("busy"), answer, clock=clock)
    with Blackboard.open(board_url, author="test", clock=clock) as board:
        board.deploy(keeper)
        board.deposit(Fog(subject="pier"))
        before = clock.now()
        Daemon(board, [keeper], client=model).run(until_quiescent=True)
        assert [horn.level for horn in board.marks(Horn)] == [4]
        assert len(model.requests) == 2
        assert clock.now() >= before + 3_000_000
    with pytest.raises(UsageError, match="clock"):
        ScriptedModel(answer)


def test_a_manual_clock_waits_for_a_datetime(clock: ManualClock) -> None:
    clock.wait(threading.Event(), datetime(2026, 2, 1))  # noqa: DTZ001 (a naive datetime is UTC)
    assert repr(clock) == "ManualClock('2026-02-01 00:00:00+00:00')"


@pytest.fixture
def board(board_url: str, clock: ManualClock) -> Iterator[Blackboard]:
    with Blackboard.open(board_url, author="test", clock=clock) as opened:
        yield opened


class Smoke(Mark, kind="kit_smoke", decay=Exponential("10m"), on_repeat="max"):
    """A mark that fades while the day goes on."""


class Called(Mark, kind="kit_called", decay=Never(), on_repeat="separate"):
    """What an agent deposits at its instant."""

    at: datetime


@agent(watches=strength(Smoke) < 0.5, writes=[Called])
def airer(marks: list[Smoke], context: Context) -> list[Called]:
    return [Called(subject=smoke.subject, at=context.now) for smoke in marks]


def test_a_replay_does_each_thing_at_its_instant_and_stops_with_the_data(board: Blackboard, clock: ManualClock) -> None:
    start = to_datetime(clock.now())
    day = [start + timedelta(minutes=4 * number) for number in range(100)]
    clocks: list[int] = []

    def events() -> Iterator[tuple[datetime, Mark]]:
        for at in day:
            clocks.append(clock.now())
            yield at, Smoke(subject="kitchen" if at < day[-4] else "cellar")

    replay(board, [airer], events(), until=day[-1] + timedelta(minutes=9))
    called = board.marks(Called)
    below = timedelta(minutes=10, microseconds=1)
    assert [(one.subject, one.at, one.deposited_at) for one in called] == [("kitchen", at := day[-5] + below, at)]
    assert clocks == [from_datetime(at) for at in [start, *day[:-1]]]
    assert to_datetime(clock.now()) == day[-1] + timedelta(minutes=9)
    replay(board, [airer], [], until=day[-1] + below)
    assert sorted(one.subject for one in board.marks(Called)) == ["cellar", "kitchen"]


def test_a_retry_within_a_replay_comes_before_the_next_event(board: Blackboard, clock: ManualClock) -> None:
    start = to_datetime(clock.now())
    model = ScriptedModel(Overloaded("busy"), Level(level=1), Level(level=2))
    events = [(start + timedelta(hours=hour), Fog(subject=f"pier {hour}")) for hour in range(2)]
    replay(board, [keeper], events, model=model)
    assert {horn.subject: horn.level for horn in board.marks(Horn)} == {"pier 0": 1, "pier 1": 2}
    assert to_datetime(clock.now()) == events[-1][0]


def test_a_replay_refuses_to_go_back_and_a_clock_that_it_cannot_move(
    board: Blackboard, clock: ManualClock, tmp_path: Path
) -> None:
    start = to_datetime(clock.now())
    late, early = (start + timedelta(hours=2), Smoke(subject="a")), (start + timedelta(hours=1), Smoke(subject="a"))
    with pytest.raises(UsageError, match="forward in time"):
        replay(board, [airer], [late, early])
    with pytest.raises(UsageError, match="forward in time"):
        replay(board, [airer], [], until=start)
    with (
        Blackboard.open(tmp_path / "real.db", author="test") as real,
        pytest.raises(UsageError, match="ManualClock"),
    ):
        replay(real, [airer], [late])


def test_a_replay_deploys_the_file_that_it_is_given(
    board: Blackboard, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = types.ModuleType("replayed_agents")
    module.__dict__["keeper"] = keeper
    monkeypatch.setitem(sys.modules, "replayed_agents", module)
    path = tmp_path / "pier.toml"
    path.write_text('[deployment]\nagents = ["replayed_agents:keeper"]\n[kinds.kit_fog]\nweight = 0.1\n')
    start = to_datetime(clock.now())
    replay(
        board,
        path,
        [(start, Fog(subject="pier")), (start, Fog(subject="bay", intensity=6))],
        model=ScriptedModel(Level(level=1)),
    )
    assert [horn.subject for horn in board.marks(Horn)] == ["bay"]  # with the weight of the class, pier woke it too
    path.write_text('[deployment]\nagents = ["replayed_agents:keper"]\n')
    with pytest.raises(ConfigurationError, match="keeper"):
        replay(board, path, [])


def test_a_replay_asks_the_model_of_its_file_as_the_command_does(
    board: Blackboard, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = types.ModuleType("asking_agents")
    module.__dict__["keeper"] = keeper
    monkeypatch.setitem(sys.modules, "asking_agents", module)
    path = tmp_path / "pier.toml"
    path.write_text('[deployment]\nagents = ["asking_agents:keeper"]\n[budget]\ncalls_per_day = 2\n')
    start = to_datetime(clock.now())
    fog = [(start + timedelta(hours=hour), Fog(subject=f"pier {hour}")) for hour in range(3)]
    with MessagesApi(lambda body: {"level": 7}, key="secret") as api:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", api.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
        api.queue(Status(529))
        replay(board, path, fog, model="deployed")
        assert sorted(horn.subject for horn in board.marks(Horn)) == ["pier 0", "pier 1"]
        assert [row.calls for row in board.costs()] == [api.paid] == [2]
        replay(board, path, [], until=start + timedelta(days=1), model="deployed")
        assert len(board.marks(Horn)) == 3
    with pytest.raises(UsageError, match="path of the file"):
        replay(board, [keeper], [], model="deployed")


@pytest.mark.processes
def test_the_plugin_gives_a_board_and_imports_nothing_unused(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import sys\n"
        "def test_unused():\n"
        "    assert not {'pydantic', 'sqlalchemy', 'blackboard.clock'} & set(sys.modules)\n"
        "def test_used(board, board_clock):\n"
        "    assert board.clock is board_clock and board.marks() == []\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "blackboard.pytest_plugin", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-p", "no:hypothesispytest", "test_it.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=BOUND_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
