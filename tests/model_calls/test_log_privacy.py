"""Nothing that depositors or models wrote reaches the log or stderr; each line names its subject and seconds."""

from __future__ import annotations

import asyncio
import errno
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, create_model, field_validator
from structlog.testing import capture_logs

from blackboard import Blackboard, ManualClock, Mark, agent, strength
from blackboard.core.agents.agent_definition import Agent
from blackboard.daemon import DaemonLoop
from blackboard.errors import AgentError, InvalidMark, StoreError
from blackboard.settings.sections import DaemonSection
from blackboard.system import error_descriptions
from blackboard.system.error_descriptions import class_name, describe_error, frame_places, show_messages
from tests.support.fake_api_faults import Fault, Junk, Says, Status
from tests.support.manual_daemons import run_until_idle, served
from tests.support.messages_api import MessagesApi
from tests.support.paying_board import Judged, Lead, PayingBoard

WORDS = "my daughter is called Wilhelmina"


class Note(Mark, kind="note", on_repeat="separate"):
    text: str


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with capture_logs() as entries:
        yield entries
    show_messages(shown=False)


@pytest.fixture
def board(board_url: str, clock: ManualClock) -> Iterator[Blackboard]:
    with Blackboard.open(board_url, clock=clock, author="person:test") as opened:
        yield opened


def raising(make: Callable[[str], BaseException]) -> Agent:
    @agent(watches=strength(Note) >= 0.5, max_attempts=1, name="raises")
    def raises(notes: Sequence[Note], context: Any) -> None:
        raise make(notes[0].text)

    return raises


class Strict(BaseModel):
    text: str

    @field_validator("text")
    @classmethod
    def refuse(cls, text: str) -> str:
        raise ValueError(f"no: {text}")


def misfit(text: str) -> BaseException:
    try:
        Strict(text=text)
    except ValueError as error:
        return error
    raise AssertionError


@pytest.mark.parametrize(
    "make",
    [
        ValueError,
        KeyError,
        SystemExit,
        KeyboardInterrupt,
        AgentError,
        InvalidMark,
        StoreError,
        misfit,
        lambda text: OSError(errno.EIO, text, text),
        lambda text: ExceptionGroup(text, [ValueError(text)]),
        lambda text: UnicodeEncodeError("utf-8", text, 0, 1, text),
    ],
)
def test_an_agents_exception_is_logged_by_its_type_and_place(
    board: Blackboard, clock: ManualClock, logs: list[Any], make: Callable[[str], BaseException]
) -> None:
    daemon = served(board, raising(make))
    board.deposit(Note(subject="lead/7", text=WORDS))
    run_until_idle(daemon)
    daemon.close()
    assert WORDS not in str(logs)
    lines = [entry for entry in logs if entry["log_level"] in ("error", "warning")]
    assert "test_log_privacy.py:" in str(lines)


def test_a_dead_activation_is_an_error_that_names_its_mark_its_subject_and_seconds(
    board: Blackboard, logs: list[Any]
) -> None:
    daemon = served(board, raising(ValueError))
    mark = board.deposit(Note(subject="lead/7", text=WORDS)).mark_id
    run_until_idle(daemon)
    [failed] = [entry for entry in logs if entry["event"] == "failed"]
    assert (failed["log_level"], failed["state"]) == ("error", "dead")
    assert (failed["subject"], failed["marks"]) == ("lead/7", [mark])
    assert failed["seconds"] >= 0
    assert failed["error"].startswith("ValueError (")
    [activation] = board.activations(state="dead")
    assert WORDS in str(activation.error), "the board keeps all of it"
    daemon.close()


def test_the_messages_of_errors_are_logged_on_request(board: Blackboard, logs: list[Any]) -> None:
    daemon = DaemonLoop(board, [raising(ValueError)], DaemonSection(log_payloads=True))
    daemon.start()
    board.deposit(Note(subject="lead/7", text=WORDS))
    run_until_idle(daemon)
    daemon.close()
    assert WORDS in str(logs)


def test_done_and_batches_name_their_subjects(board: Blackboard, logs: list[Any]) -> None:
    @agent(watches=strength(Note) >= 0.5, name="reads")
    def reads(notes: Sequence[Note], context: Any) -> None:
        return None

    board.deploy(reads)
    for number in range(3):
        board.deposit(Note(subject=f"lead/{number}", text=WORDS))
    daemon = served(board, reads)
    daemon.close()
    [done] = [entry for entry in logs if entry["event"] == "done"]
    assert (done["subject"], done["marks"], done["seconds"] >= 0) == ("lead/0 and 2 more", 3, True)


def test_hooks_listeners_and_tasks_that_are_left_behind_are_logged_without_words(
    board: Blackboard, logs: list[Any], capfd: pytest.CaptureFixture[str]
) -> None:
    async def fails() -> None:
        raise ValueError(WORDS)

    def publish(reader: Any, settings: Any) -> None:
        raise ValueError(WORDS)

    @agent(watches=strength(Note) >= 0.5, name="leaves", publish=publish)
    async def leaves(notes: Sequence[Note], context: Any) -> None:
        task = asyncio.ensure_future(fails())
        future = asyncio.get_running_loop().create_future()
        future.set_exception(StoreError(WORDS))
        await asyncio.sleep(0)
        del task, future
        await asyncio.sleep(0)

    def listener(event: str, details: Any) -> None:
        raise ValueError(WORDS)

    daemon = served(board, leaves)
    daemon.on_event.append(listener)
    board.deposit(Note(subject="lead/7", text=WORDS))
    run_until_idle(daemon)
    daemon.close()
    shown = str(logs) + "".join(capfd.readouterr())
    assert WORDS not in shown
    assert {"publishing failed; the next change retries it", "a listener failed"} <= {entry["event"] for entry in logs}


ECHOES: dict[str, Fault] = {
    "400": Status(400, message=f"cannot judge: {WORDS}"),
    "413": Status(413, message=WORDS),
    "401": Status(401, message=WORDS),
    "402": Status(402, message=WORDS),
    "404": Status(404, message=WORDS),
    "429": Status(429, message=WORDS),
    "500": Status(500, message=WORDS),
    "type": Status(400, body=f'{{"error": {{"type": "{WORDS}", "message": "{WORDS}"}}, "request_id": "{WORDS}"}}'),
    "page": Status(504, body=f"<html>{WORDS}</html>"),
    "page with 200": Junk(f"<html>{WORDS}</html>"),
    "no message": Junk(f'{{"echo": "{WORDS}"}}'),
    "prose": Says(WORDS),
    "wrong field": Says(f'{{"verdicts": "{WORDS}"}}'),
}


@pytest.mark.parametrize("echo", ECHOES)
def test_a_gateway_or_a_model_that_repeats_the_request_is_not_quoted(
    world_of: Callable[..., PayingBoard], api: MessagesApi, logs: list[Any], echo: str
) -> None:
    world = world_of(max_attempts=1)
    world.board.deposit(Lead(subject="lead/7", message=WORDS))
    api.queue(ECHOES[echo])
    report = world.run_until_quiescent()
    assert WORDS not in str(logs) + str(report)
    assert {"failed", "deferred"} & {entry["event"] for entry in logs}


def test_an_answer_that_does_not_fit_is_described_without_its_words(
    world: PayingBoard, api: MessagesApi, logs: list[Any]
) -> None:
    world.board.deposit(Lead(subject="lead/7", message=WORDS))
    api.queue(*[Says(WORDS)] * 9)
    world.run_until_quiescent()
    failed = [entry["error"] for entry in logs if entry["event"] == "failed"]
    assert failed
    assert all(error.startswith("the answer is not JSON") for error in failed)
    assert world.board.marks(Judged) == []


def of_the_board(path: Path) -> StoreError:
    """Return the error of a board that cannot be used, as the daemon meets it."""
    path.write_text("no database at all, but a text that is long enough to be read as one" * 10)
    with pytest.raises(StoreError) as raised:
        Blackboard.open(path)
    error = raised.value
    assert error.__traceback__ is not None
    return error.with_traceback(error.__traceback__.tb_next)  # without the frame of this test


def test_an_error_of_the_board_is_logged_with_its_message(tmp_path: Path) -> None:
    error = of_the_board(tmp_path / "board.db")
    assert describe_error(error) == str(error)


def test_an_agent_that_calls_the_package_with_words_is_not_quoted(tmp_path: Path) -> None:
    for call in (
        lambda: Blackboard.open(tmp_path / WORDS, create=False),
        lambda: Blackboard.open(tmp_path / "b.db").forget(WORDS),
        lambda: Blackboard.open(tmp_path / "b.db").pause(WORDS),
    ):
        with pytest.raises(Exception, match=r".") as raised:
            call()
        assert WORDS not in describe_error(raised.value)
        assert "test_log_privacy.py:" in describe_error(raised.value)


def test_an_error_through_a_module_of_the_context_keeps_its_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    functions: dict[str, Any] = {}
    exec(compile("def call(work, *args, **options): work(*args, **options)", "moved_context.py", "exec"), functions)
    monkeypatch.setattr(error_descriptions, "_context_files", set())
    with pytest.raises(StoreError) as raised:
        functions["call"](Blackboard.open, tmp_path / "none.db", create=False)
    assert str(raised.value) not in describe_error(raised.value)
    error_descriptions.add_context_file("moved_context.py")
    assert describe_error(raised.value) == str(raised.value)


@pytest.mark.file_only("the trouble is a file that is gone")
@pytest.mark.parametrize("is_async", [False, True])
def test_trouble_of_the_board_is_named_in_a_run_too(
    world_of: Callable[..., PayingBoard], tmp_path: Path, is_async: bool
) -> None:
    shown: list[str] = []
    path = tmp_path / "board.db"

    def note(error: StoreError) -> None:
        shown.append(describe_error(error))
        path.with_name("away").rename(path)

    @agent(watches=strength(Note) >= 0.5, name="asks")
    def asks(notes: Sequence[Note], context: Any) -> None:
        path.rename(path.with_name("away"))
        try:
            context.ask("judge", {}, Strict)
        except StoreError as error:
            note(error)

    @agent(watches=strength(Note) >= 0.5, name="asks")
    async def asks_in_a_thread(notes: Sequence[Note], context: Any) -> None:
        path.rename(path.with_name("away"))
        try:
            await asyncio.to_thread(context.ask, "judge", {}, Strict)
        except StoreError as error:
            note(error)

    world = world_of(agents=(asks_in_a_thread if is_async else asks,), kinds=(Note,))
    world.board.deposit(Note(subject="lead/7", text=WORDS))
    world.run_until_quiescent()
    assert "was removed while it was open" in shown[0]


class Empty(Exception):
    def __len__(self) -> int:
        return 0


def made(text: str, *, bases: tuple[type, ...] = (ValueError,)) -> type[Any]:
    return type(text, bases, {})


def compiled(text: str) -> Any:
    """Return a function whose file and name are words of a payload."""
    name = "_".join(text.split())
    space: dict[str, Any] = {}
    exec(compile(f"def {name}(): raise ValueError('x')", f"/home/{text}.py", "exec"), space)
    return space[name]


NAMED: dict[str, Callable[[str, Any], Any]] = {
    "class": lambda text, context: throw(made(text)("x")),
    "class in a module": lambda text, context: throw(
        type(text, (KeyError,), {"__module__": __name__, "__qualname__": text})()
    ),
    "class of the package": lambda text, context: throw(made(text, bases=(AgentError,))(text)),
    "falsy error": lambda text, context: throw(Empty(text)),
    "file and function": lambda text, context: compiled(text)(),
    "group": lambda text, context: throw(ExceptionGroup(text, [made(text)()])),
    "result": lambda text, context: made(text, bases=(object,))(),
    "results": lambda text, context: [made(text, bases=(object,))()],
    "kind of a result": lambda text, context: type(
        "Made", (Mark,), {"__module__": __name__}, kind="_".join(text.lower().split())
    )(subject="x"),
    "kind that is read": lambda text, context: context.read("_".join(text.lower().split())),
    "class of an answer": lambda text, context: context.ask("judge", {}, create_model(text, verdict=(dict, ...))),
    "class of data": lambda text, context: context.ask("judge", made(text, bases=(object,))(), Strict),
    "answer that does not fit": lambda text, context: context.ask("judge", {}, create_model(text, verdict=(int, ...))),
}


def throw(error: BaseException) -> Any:
    raise error


@pytest.mark.parametrize("name", NAMED)
def test_a_name_that_an_agent_makes_of_a_payload_is_not_logged(
    world_of: Callable[..., PayingBoard], api: MessagesApi, logs: list[Any], name: str
) -> None:
    @agent(watches=strength(Note) >= 0.5, max_attempts=1, name="makes")
    def makes(notes: Sequence[Note], context: Any) -> Any:
        return NAMED[name](notes[0].text, context)

    world = world_of(agents=(makes,), kinds=(Note,))
    api.queue(*[Says('{"verdict": "x"}')] * 3)
    world.board.deposit(Note(subject="lead/7", text=WORDS))
    report = world.run_until_quiescent()
    shown = str(logs) + str(report)
    assert not any(words in shown for words in (WORDS, "Wilhelmina", "wilhelmina"))
    [failed] = [entry for entry in logs if entry["event"] == "failed"]
    assert failed["error"]
    assert "wilhelmina" in str(world.board.activations(state="dead")[0].error).lower(), "the board keeps all of it"


def test_a_class_is_named_as_its_module_has_it() -> None:
    assert class_name(Strict) == "Strict"
    assert class_name(KeyError) == "KeyError"
    assert class_name(made("Strict")) == "ValueError of a class defined at run time"
    assert class_name(type("x" * 300, (object,), {})) == "object of a class defined at run time"


def test_code_that_was_compiled_at_run_time_has_no_place() -> None:
    with pytest.raises(ValueError, match="x") as raised:
        compiled(WORDS)()
    assert "test_log_privacy.py:" in describe_error(raised.value)
    assert WORDS not in describe_error(raised.value) + str(list(frame_places(raised.value)))


@pytest.mark.processes
def test_threads_and_forked_children_of_agents_print_no_words(tmp_path: Path) -> None:
    (tmp_path / "leaky.py").write_text(
        """
import os, threading, warnings
from blackboard import Mark, agent, strength

class Note(Mark, kind="note"):
    text: str

def fail(text):
    raise ValueError(text)

@agent(watches=strength(Note) >= 0.5)
def leaky(notes, context):
    text = notes[0].text
    thread = threading.Thread(target=fail, args=[text], name=text)
    thread.start()
    thread.join()
    warnings.warn(text)
    warnings.warn_explicit(text, type(text, (UserWarning,), {}), text, 1)
    space = {"fail": fail, "text": text}
    exec(compile("def run(): fail(text)", text, "exec"), space)
    child = os.fork()
    if child == 0:
        space["run"]()
    os.waitpid(child, 0)
"""
    )
    (tmp_path / "blackboard.toml").write_text('[deployment]\nagents = ["leaky:leaky"]\n')
    command = [sys.executable, "-m", "blackboard"]
    payload = f'{{"text": "{WORDS}"}}'
    subprocess.run([*command, "deposit", "note", "lead/7", "--payload", payload], cwd=tmp_path, check=True)
    done = subprocess.run(
        [*command, "run", "--until-quiescent"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert WORDS not in done.stdout + done.stderr
    assert "a thread failed" in done.stderr
    assert done.stderr.count("Python warns") == 2
    assert f"{tmp_path / 'leaky.py'}:" in done.stderr
    assert done.stderr.count("ValueError (") == 2
