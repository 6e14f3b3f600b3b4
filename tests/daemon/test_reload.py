"""If the file cannot be deployed at a reload, the active deployment stays active, and the log says why."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from blackboard import Blackboard, ManualClock
from blackboard.board.deployments.deployer import Deployer
from blackboard.cli.cli_session import CommandSession
from blackboard.cli.operating_commands.run_command import file_deployer
from blackboard.cli.terminal import process_signals
from blackboard.daemon import DaemonLoop, build_loop
from blackboard.errors import StoreBusy
from blackboard.settings.deployment_file import CONFIG
from blackboard.settings.deployment_resolver import ResolvedDeployment
from blackboard.system.files.packaged_files import config_file
from tests.support.bounds import BOUND_SECONDS

MODULE = """
from blackboard import Mark, agent, strength
class Smoke(Mark, kind="smoke", on_repeat="separate"): pass
class Out(Mark, kind="out", on_repeat="separate"): pass
@agent(watches=strength(Smoke) >= 0.5, writes=[Out])
def watchman(marks, context): return [Out(subject=m.subject) for m in marks]
"""
FILE = """
[database]
url = "board.db"
[deployment]
agents = ["reload_agents:watchman"]
"""


class Service:
    """A daemon that serves a deployment file, as `run` does."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.folder, self.file = folder, folder / "blackboard.toml"
        (folder / "reload_agents.py").write_text(MODULE)
        self.file.write_text(FILE)
        session = self.session = CommandSession()
        resolved = session.resolve()
        self.board = Blackboard.open(folder / "board.db", clock=clock)
        session.deploy(self.board, resolved, Deployer(new_code="unserved"))
        deploy_file = file_deployer(session, self.board, resolved.settings)
        self.daemon: DaemonLoop = build_loop(self.board, resolved, None, deploy_file=deploy_file)
        self.daemon.start()

    def write(self, text: str) -> None:
        self.file.write_text(text)

    def reload(self) -> list[Any]:
        """Reload the file, and return what the log says."""
        with capture_logs() as logs:
            self.daemon.request_reload()
            self.daemon.run_once()
        return logs

    def works(self) -> bool:
        """Return whether a new mark still wakes the agent."""
        before = len(self.board.marks("out"))
        self.board.deposit("smoke", subject="kitchen")
        with capture_logs():
            self.daemon.run_once()
            while self.daemon.runs:
                self.daemon.wake.wait(BOUND_SECONDS)
                self.daemon.wake.clear()
        return len(self.board.marks("out")) == before + 1


@pytest.fixture
def service(tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(CONFIG, raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    with capture_logs():
        service = Service(tmp_path, clock)
    yield service
    with capture_logs():
        service.daemon.close()
    service.board.close()
    for name in set(sys.modules) - before:
        if name.startswith("reload_"):
            del sys.modules[name]


def named(*modules: str) -> str:
    agents = ", ".join(f'"{module}:agent"' for module in modules)
    return FILE.replace('"]', f'", {agents}]')


def as_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


BREAKS: dict[str, Callable[[Service], object]] = {
    "no TOML": lambda service: service.write("x = ["),
    "a number of 5,000 digits": lambda service: service.write(f"{FILE}[agents.watchman]\nbatch = {'9' * 5000}"),
    "nested without an end": lambda service: service.write(f"{FILE}x = {'[' * 100_000}"),
    "not UTF-8": lambda service: service.file.write_bytes(b'x = "\xff"'),
    "huge": lambda service: service.write(FILE + "# comment\n" * 100_000 + "[kinds.smoke]\nweight = 'heavy'"),
    "an unknown agent": lambda service: service.write(f"{FILE}[agents.watchmam]\nbatch = 2"),
    "empty for a moment": lambda service: service.write(""),
    "without agents": lambda service: service.write('[database]\nurl = "board.db"'),
    "missing for a moment": lambda service: service.file.rename(service.file.with_name("away")),
    "a folder": lambda service: as_folder(service.file),
    "a module that is missing": lambda service: service.write(named("reload_missing")),
}
CODES = {
    "a syntax error": "def agent(:",
    "an error": "1 / 0",
    "an exit": "raise SystemExit(7)",
    "sys.exit": "import sys; sys.exit('stop')",
    "a class of its own": "class Stop(BaseException): pass\nraise Stop",
    "an interrupt": "raise KeyboardInterrupt",
    "no memory": "raise MemoryError",
    "no such agent": "agent = 1",
    "endless recursion": "def f(): f()\nf()",
}


def kept(service: Service, broken: str) -> str:
    """Return the error that the log names, after a reload that must change nothing."""
    (line,) = [entry for entry in service.reload() if entry["log_level"] == "error"]
    assert line["event"].endswith("the active deployment was kept"), broken
    assert line["error"], broken
    assert service.works(), broken
    return str(line["error"])


def test_a_file_with_mistakes_changes_nothing(service: Service) -> None:
    for broken, spoil in BREAKS.items():
        spoil(service)
        kept(service, broken)
        if service.file.is_dir():
            service.file.rmdir()
        service.write(f"{FILE}[kinds.smoke]\nweight = 0.75")
        assert service.reload()[-1]["event"] == "reloaded"


def test_a_module_that_cannot_be_imported_changes_nothing(service: Service) -> None:
    for number, code in enumerate(CODES):
        (service.folder / f"reload_broken_{number}.py").write_text(CODES[code])
        service.write(named(f"reload_broken_{number}"))
        assert f"reload_broken_{number}" in kept(service, code)


def restarts(service: Service) -> list[str]:
    """Return the settings that a reload names as needing a restart."""
    logs = service.reload()
    assert logs[-1]["event"] == "reloaded"
    return [name for entry in logs if "need a restart" in entry["event"] for name in entry["settings"]]


def test_settings_that_a_reload_cannot_apply_are_named(service: Service) -> None:
    others = """
[model]
provider = "offline"
[daemon]
tick = "3s"
keep_history = "none"
[kinds.smoke]
weight = 0.75
"""
    service.write(FILE.replace('url = "board.db"', 'url = "other.db"\nmode = "0660"') + others)
    names = ["[database] url", "[database] mode", "[model] provider", "[daemon] tick", "[daemon] keep_history"]
    assert restarts(service) == names
    assert restarts(service) == names  # as long as it is true
    assert service.board.deployment.kinds["smoke"].weight == 0.75
    assert not (service.folder / "other.db").exists()
    service.write(f"{FILE}[kinds.smoke]\nweight = 0.5\n[agents.watchman]\nbatch = 2\n[settings.mine]\nx = 1")
    assert restarts(service) == []


def test_a_price_table_that_changed_needs_a_restart(service: Service) -> None:
    prices = service.folder / "prices.toml"
    prices.write_text(config_file("prices.toml").read_text().replace("input = ", "input = 1"))
    service.write(f'{FILE}[model]\nprices = "{prices}"')
    assert restarts(service) == ["[model] prices"]


def test_an_address_on_the_command_line_makes_that_of_the_file_void(service: Service) -> None:
    service.session.database = "board.db"
    service.write(FILE.replace("board.db", "other.db"))
    assert restarts(service) == []


def test_a_missing_file_is_named(service: Service) -> None:
    service.file.unlink()
    (line,) = [entry for entry in service.reload() if entry["log_level"] == "error"]
    assert f"{service.file}: does not exist" in line["error"]


def test_something_else_in_place_of_the_file_is_not_called_missing(service: Service) -> None:
    as_folder(service.file)
    assert f"{service.file}: is not a file" in kept(service, "a folder")


def test_a_reload_waits_for_a_board_that_cannot_be_used(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.write(f"{FILE}[kinds.smoke]\nweight = 0.75")
    resolve, busy = service.session.resolve, [True, True]

    def resolve_later() -> ResolvedDeployment:
        if busy:
            busy.pop()
            raise StoreBusy("another process held board.db for too long")
        return resolve()

    monkeypatch.setattr(service.session, "resolve", resolve_later)
    assert [entry["event"] for entry in service.reload()] == ["the board cannot be used; each tick tries again"]
    assert service.works()  # the other work goes on, and so does the reload
    service.daemon.run_once()
    assert service.board.deployment.kinds["smoke"].weight == 0.75
    assert not busy


def test_a_signal_before_there_is_a_daemon_is_kept(service: Service) -> None:
    requested = threading.Event()
    service.daemon.request_reload = requested.set  # type: ignore[method-assign]
    before = signal.getsignal(signal.SIGHUP)
    try:
        process_signals.hold_reloads()
        os.kill(os.getpid(), signal.SIGHUP)
        with process_signals.handle_signals(service.daemon):
            assert requested.wait(BOUND_SECONDS)
            requested.clear()
            os.kill(os.getpid(), signal.SIGHUP)
            assert requested.wait(BOUND_SECONDS)
        os.kill(os.getpid(), signal.SIGHUP)  # at the end of the process
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_stop_needs_no_new_thread(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    stops: list[bool] = []
    stopped = threading.Event()

    def stop(*, now: bool = False) -> None:
        stops.append(now)
        stopped.set()

    service.daemon.stop = stop  # type: ignore[method-assign]
    with process_signals.handle_signals(service.daemon):

        def refuse(thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", refuse)
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
            assert stopped.wait(BOUND_SECONDS)
            stopped.clear()
    assert stops == [False, True]


@pytest.mark.parametrize("waits_in", ["the loop", "a command"])
def test_a_signal_right_before_a_sleep_ends_the_sleep(service: Service, waits_in: str) -> None:
    """Another thread receives the signal here, so Python cannot run the handler before the main thread wakes."""
    stopped = threading.Event()

    def stop(*, now: bool = False) -> None:
        stopped.set()

    service.daemon.stop = stop  # type: ignore[method-assign]
    is_over = threading.Event()
    receiver = threading.Thread(target=is_over.wait)
    receiver.start()
    sender = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM))  # usually after the sleep has begun
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        if waits_in == "the loop":
            with process_signals.handle_signals(service.daemon):
                service.daemon.wake.clear()
                sender.start()
                assert service.daemon.wake.wait(BOUND_SECONDS)
                assert stopped.wait(BOUND_SECONDS)
        else:
            with process_signals.StopSignals() as signals:
                sender.start()
                assert signals.wait(None)  # after a limit, the handler would run in any case
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        is_over.set()
