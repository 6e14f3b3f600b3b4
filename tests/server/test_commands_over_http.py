"""Commands with `--url` print what they print on the board itself, and say why where they cannot."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from blackboard import Need
from blackboard.cli import completion
from blackboard.cli.app import COMMANDS, app
from blackboard.cli.cli_session import NOT_OVER_HTTP
from blackboard.cli.entry_point import move_common_first
from tests.support.board_waits import wait_until
from tests.support.bounds import BOUND_SECONDS
from tests.support.served_board import Lead, Note, Reply, Served, deploy_remote, serve

SCOPES = ("read", "deposit", "operate", "answer", "sql", "admin")
TOKENS: dict[str, str] = {}
"""The token for each board, by its id."""
PASSING = ("answers", "file_bytes", "log_bytes")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Return a served board that has something for every command; no test changes it."""
    with serve(tmp_path_factory.mktemp("filled") / "board.db") as served:
        board = served.board
        for number in range(3):
            board.deposit(Lead(subject=f"lead/{number}", company=f"Company {number % 2}", number=number))
        board.deposit(Reply(subject="lead/1", text="yes"))
        for number in range(3):
            board.deposit(Note(subject=f"note/{number}", text="wet paint", topic="paint"))
        board.deposit(Need(subject="lead/1", question="who?", options=("a", "b"), detail="soon"))
        board.pause("counter", "lunch")
        _token_of(served)  # creating a token would add a line to the activity
        yield served


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.chdir(tmp_path)
    for name in ("BLACKBOARD_URL", "BLACKBOARD_TOKEN", "BLACKBOARD_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def run(*words: str, stdin: str | None = None) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, move_common_first(list(words)), input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def remotely(served: Served, environment: pytest.MonkeyPatch, *words: str, stdin: str | None = None) -> Any:
    environment.setenv("BLACKBOARD_TOKEN", _token_of(served))
    try:
        return run(*words, "--url", served.url, stdin=stdin)
    finally:
        environment.delenv("BLACKBOARD_TOKEN")


def _token_of(served: Served) -> str:
    board = served.board
    if (token := TOKENS.get(board.board_id)) is None:
        token = TOKENS[board.board_id] = board.create_token("cli", may=SCOPES, author="person:ada")
    return token


def locally(served: Served, environment: pytest.MonkeyPatch, *words: str) -> Any:
    environment.setattr("blackboard.board.facade.SystemClock", lambda: served.clock)
    return run(*words, "--database", served.database, "--author", "person:ada")


READINGS = [
    ("marks",),
    ("marks", "--kind", "lead", "--tag", "company=Company 1", "--limit", "1"),
    ("search", "paint"),
    ("history", "lead/1"),
    ("history", "nobody"),
    ("agents",),
    ("agenda",),
    ("agenda", "--limit", "1"),
    ("schedules",),
    ("activations",),
    ("activations", "--state", "dead"),
    ("inbox",),
    ("inbox", "--all"),
    ("explain", "sales"),
    ("explain", "sales", "lead/1"),
    ("explain", "listener", "--group", "paint"),
    ("costs",),
    ("activity",),
    ("activity", "--after", "2", "--limit", "3"),
    ("outbox", "list"),
    ("status",),
    ("doctor",),
    ("sql", "select kind, count(*) as n from live_marks group by kind order by kind"),
    ("sql", "select 1 where 0"),
    ("sql", "select subject, subject from live_marks", "--csv", "--limit", "2"),
]
"""What reads the board."""
REFUSED = [
    ("marks", "--kind", "leed"), ("marks", "--tag", "colour"), ("marks", "--tag", "colour=red"), ("watch", "--once"),
    ("search", "a", "--raw"), ("outbox", "show", "9"), ("outbox", "retry", "9"),
    ("explain", "sails"), ("explain", "sales", "--group", "paint"), ("sql", "delete from mark"),
    ("activation", "7"), ("withdraw", "99"), ("reinforce", "99", "--by", "1"), ("answer", "99", "yes"),
    ("retry", "9"), ("discard", "9"),
    ("wake", "99"), ("pause", "sails"), ("record-cost", "9"), ("deposit", "leed", "x"), ("deposit", "lead", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "as_json"),
    [(words, False) for words in (*READINGS, *REFUSED)] + [(words, True) for words in READINGS if "--csv" not in words],
)
def test_a_command_prints_the_same_over_http(
    filled: Served, environment: pytest.MonkeyPatch, words: tuple[str, ...], as_json: bool
) -> None:
    if as_json:
        words = (*words, "--json")
    here, there = locally(filled, environment, *words), remotely(filled, environment, *words)
    if words[0] in ("status", "doctor") and as_json:
        here, there = ((code, without_passing(json.loads(out)), err) for code, out, err in (here, there))
    elif words[0] in ("status", "doctor", "watch"):  # they say which process answers, and the time of this machine
        here, there = ((code, out.splitlines()[0].split()[0], err) for code, out, err in (here, there))
    assert there == here


def without_passing(shape: dict[str, Any]) -> Any:
    shape["findings"] = [(item["name"], item["state"]) for item in shape.get("findings", ())]
    return {name: value for name, value in shape.items() if name not in PASSING}


def test_what_reads_and_deposits_works_over_http(board_url: str, environment: pytest.MonkeyPatch) -> None:
    with serve(board_url) as served:
        words = ("deposit", "lead", "lead/1", "--payload", '{"company": "Acme"}', "--half-life", "2h", "--json")
        code, out, _ = remotely(served, environment, *words)
        assert (code, json.loads(out)["outcome"]) == (0, "deposited")
        assert served.board.mark(1).law == "exponential(half_life=2h)"
        need = served.board.deposit(Need(subject="lead/1", question="who?"))
        for act in (
            ("reinforce", "1", "--by", "0.5"), ("assign", str(need.mark_id), "bob"),
            ("answer", str(need.mark_id), "me"), ("pause", "sales", "--reason", "x"),
            ("resume", "sales"), ("wake", "1"), ("withdraw", "1"), ("forget", "lead/1", "--yes"),
        ):  # fmt: skip
            code, out, err = remotely(served, environment, *act)
            assert code == 0, (act, out, err)
        assert served.board.marks("lead") == []


def test_a_file_is_loaded_over_http(tmp_path: Path, board_url: str, environment: pytest.MonkeyPatch) -> None:
    with serve(board_url) as served:
        file = tmp_path / "leads.csv"
        file.write_text("mail,company,score\nada,Acme,0.9\ngrace,Navy,x\nlinus,,0.5\nada,Acme,0.9\n")
        words = ("load", str(file), "--kind", "lead", "--subject", "mail", "--intensity", "score", "--json")
        code, out, err = remotely(served, environment, *words)
        report = json.loads(out)
        assert (code, report["loaded"], report["deposited"], report["rejected"]) == (0, 3, 2, 1), err
        assert report["tags"] == {"company": {"Acme": 2}}
        assert report["crossed"] == {"sales": 2}
        assert "intensity" in (tmp_path / "leads.csv.rejects.csv").read_text()
        again = json.loads(remotely(served, environment, *words)[1])
        assert (again["duplicate"], again["deposited"]) == (3, 0)
        local = json.loads(locally(served, environment, *words)[1])
        assert local["duplicate"] == 3  # the keys are the same
        rows = "mail,company,score\nzoe,Navy,1\neve,Acme,1\n"
        navy = ("load", "-", *words[2:], "--tag", "company=Navy")
        assert json.loads(remotely(served, environment, *navy, stdin=rows)[1])["deposited"] == 1
        code, _, err = remotely(served, environment, *words, "--again")
        assert (code, "--again" in err) == (2, True)
        code, _, err = remotely(served, environment, "load", str(file), "--kind", "lead", "--subject", "nothing")
        assert (code, "nothing" in err) == (2, True)


def test_a_shell_works_for_a_remote_agent_over_http(
    tmp_path: Path, board_url: str, environment: pytest.MonkeyPatch
) -> None:
    with serve(board_url) as served:
        deploy_remote(served.board)
        environment.setenv("BLACKBOARD_TOKEN", served.board.create_token("worker", may=["claim:review"]))
        work = partial(run, "--url", served.url)
        assert work("claim", "review")[0] == 3
        for number in (1, 2):
            served.board.deposit(Lead(subject=f"lead/{number}", company="Acme"))
        code, out, _ = work("claim", "review", "--lease", "5m")
        claimed = json.loads(out)
        assert (code, claimed["lease_seconds"], claimed["marks"][0]["payload"]["company"]) == (0, 300, "Acme")
        commands = {name: shlex.split(text)[1:] for name, text in claimed["commands"].items()}
        assert commands["heartbeat"] == ["--url", served.url, "heartbeat", "1", "--fence", "1", "--agent", "review"]
        code, out, _ = work(*commands["heartbeat"][2:], "--lease", "2h")
        assert (code, "the lease of activation 1 ends at" in out) == (0, True)
        (tmp_path / "RESULT.json").write_text('{"marks": [{"kind": "reply", "subject": 7}]}')
        code, _, err = work(*commands["finish"][2:])
        assert (code, "is still claimed; correct the result" in err) == (2, True)
        (tmp_path / "RESULT.json").write_text('{"marks": [{"kind": "reply", "subject": "lead/1"}]}')
        assert work(*commands["finish"][2:])[:2] == (0, "activation 1 is done\n")
        assert len(served.board.marks("reply")) == 1
        assert work(*commands["heartbeat"][2:])[0] == 1
        second = json.loads(work("claim", "review")[1])
        assert work("fail", str(second["id"]))[0] == 2, "it needs the agent and the fence"
        code, out, _ = work(*shlex.split(second["commands"]["fail"])[3:])
        assert (code, "activation 2 is ready" in out) == (0, True)


def test_a_file_is_followed_over_http(tmp_path: Path, board_url: str, environment: pytest.MonkeyPatch) -> None:
    """The program is a process of its own, which a signal ends; the position outlives it."""
    with serve(board_url) as served:
        token = served.board.create_token("follower", may=["deposit:lead", "read"], author="person:ada")
        file = tmp_path / "leads.csv"
        file.write_text("mail,company\nada,Acme\n")
        command = ["load", "leads.csv", "--kind", "lead", "--subject", "mail", "--follow", "--url", served.url]
        variables = {**os.environ, "BLACKBOARD_TOKEN": token}

        def followed(line: str, subjects: int) -> None:
            words = [sys.executable, "-m", "blackboard", *command]
            with subprocess.Popen(words, cwd=tmp_path, env=variables, stdout=subprocess.DEVNULL) as process:
                try:
                    wait_until(served.board, lambda: len(served.board.subjects()) >= subjects - 1)
                    with file.open("a") as stream:
                        stream.write(line)
                    wait_until(served.board, lambda: len(served.board.subjects()) >= subjects)
                finally:
                    process.send_signal(signal.SIGINT)
                assert process.wait(BOUND_SECONDS) == 0

        followed("grace,Navy\n", 2)
        followed("linus,Acme\n", 3)
        rows = served.board.query("SELECT count(*) AS n FROM mark_history WHERE kind = 'lead'")
        assert rows[0]["n"] == 3, "each row once"


def test_the_activity_is_followed_over_http_until_its_reader_leaves(
    tmp_path: Path, board_url: str, environment: pytest.MonkeyPatch
) -> None:
    with serve(board_url) as served:
        token = served.board.create_token("reader", may=["read"])
        variables = {**os.environ, "BLACKBOARD_TOKEN": token}
        words = [sys.executable, "-m", "blackboard", "activity", "--limit", "1", "--follow", "--json"]
        for where in (["--url", served.url], ["--database", served.database]):
            served.board.pause("sales")
            with subprocess.Popen([*words, *where], env=variables, cwd=tmp_path, stdout=subprocess.PIPE) as process:
                assert process.stdout is not None
                assert json.loads(process.stdout.readline())["event"] == "pause"
                served.board.resume("sales")
                assert json.loads(process.stdout.readline())["event"] == "resume"
                process.send_signal(signal.SIGINT)
                assert process.stdout.read() == b""
                assert process.wait(BOUND_SECONDS) == 0


OVER_HTTP = {
    "marks", "search", "history", "agents", "agenda", "schedules", "activations", "activation", "inbox", "explain",
    "activity", "outbox", "status", "doctor", "costs", "sql", "watch", "deposit", "load", "reinforce", "withdraw",
    "answer", "assign", "pause", "resume", "wake", "retry", "discard", "record-cost", "forget", "claim", "heartbeat",
    "finish", "fail",
}  # fmt: skip
FOR_MODELS = {"mcp"}
"""The command whose tests with a server are in `tests/mcp_server`."""
WITHOUT_A_BOARD = {"new", "demo", "test", "connect"}
"""The commands that use no board that exists."""


def test_each_command_works_over_http_or_says_why_not() -> None:
    commands = set(COMMANDS)
    assert commands == OVER_HTTP | FOR_MODELS | NOT_OVER_HTTP.keys() | WITHOUT_A_BOARD
    here = Path(__file__).read_text("utf-8")
    assert [name for name in OVER_HTTP if f'"{name}"' not in here.partition("OVER_HTTP = {")[0]] == []
    page = (Path(__file__).parents[2] / "docs" / "client.md").read_text("utf-8").partition("## The command line")[2]
    assert [name for name in commands if f"`{name}`" not in page] == []


def test_what_needs_the_board_itself_says_why(filled: Served, environment: pytest.MonkeyPatch) -> None:
    commands = set(COMMANDS)
    assert NOT_OVER_HTTP.keys() <= commands
    words = {
        "backup": ["x"],
        "restore": ["x"],
        "copy": ["x", "y"],
        "token": ["list"],
    }
    for name, why in NOT_OVER_HTTP.items():
        code, _, err = run(name, *words.get(name, []), "--url", filled.url)
        assert (code, " ".join(err.split())) == (2, f"error: 'blackboard {name}' does not work with --url: {why}")
    environment.setenv("BLACKBOARD_URL", filled.url)
    assert "does not work with BLACKBOARD_URL" in run("compact")[2]
    assert run("init", "--help")[0] == 0
    assert locally(filled, environment, "marks")[0] == 0  # an option overrides a variable


def test_the_token_comes_from_the_environment_or_a_file(
    filled: Served, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    token = filled.board.create_token("file", may=["read"])
    environment.setenv("BLACKBOARD_URL", filled.url)
    code, _, err = run("agents")
    assert (code, "or set BLACKBOARD_TOKEN" in " ".join(err.split())) == (2, True)
    (tmp_path / "token").write_text(f"{token}\n")
    assert run("agents", "--token-file", str(tmp_path / "token"))[0] == 0
    environment.setenv("BLACKBOARD_TOKEN_FILE", str(tmp_path / "token"))
    assert run("agents")[0] == 0
    environment.setenv("BLACKBOARD_TOKEN", "wrong")
    code, _, err = run("agents")
    assert (code, "does not know this token" in err) == (1, True)
    assert run("agents", "--token-file", str(tmp_path / "token"))[0] == 0  # an option counts more
    code, _, err = run("deposit", "lead", "x", "--token-file", str(tmp_path / "token"))
    assert (code, "does not allow 'deposit'" in " ".join(err.split())) == (1, True)
    (tmp_path / "token").write_bytes(b"\xff")
    for name in ("token", "missing"):
        code, _, err = run("agents", "--token-file", str(tmp_path / name))
        assert (code, f"--token-file {tmp_path / name}: " in " ".join(err.split())) == (2, True)
    for option in (("--author", "ada"), ("--url", filled.url, "--database", "board.db")):
        code, _, err = run("agents", *option)
        assert (code, "cannot be combined with" in err) == (2, True)
    assert token not in err


def test_names_are_completed_over_http(filled: Served, environment: pytest.MonkeyPatch) -> None:
    class Root:
        params: dict[str, Any]

        def find_root(self) -> Any:
            return self

    root: Any = Root()
    root.params = {"url": filled.url}
    environment.setenv("BLACKBOARD_TOKEN", filled.board.create_token("completion", may=["read"]))
    assert completion.agents(root, "s") == ["sales"]
    assert completion.kinds(root, "no") == ["note"]
    assert completion.subjects(root, "lead/") == ["lead/0", "lead/1", "lead/2"]
    assert completion.tags(root, "to") == ["topic="]
    assert completion.tags(root, "topic=p") == []
    root.params = {"url": "http://127.0.0.1:1"}
    assert completion.agents(root, "s") == []
