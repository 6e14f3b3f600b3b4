"""The packaged dashboard, alert rules and units fit the server that they watch and start."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.support.bounds import BOUND_SECONDS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "packaging"
METRIC = re.compile(r"\bblackboard_[a-z0-9_]+")


def known_metrics() -> set[str]:
    """Return the metrics that the page lists; a test compares the page with the server."""
    section = (ROOT / "docs/server.md").read_text("utf-8").partition("### Metrics")[2].partition("\n### ")[0]
    return set(METRIC.findall(section.partition("| metric")[2]))


@pytest.mark.parametrize("name", ["grafana-dashboard.json", "prometheus-alerts.yml"])
def test_every_metric_that_is_watched_exists(name: str) -> None:
    text = (FOLDER / name).read_text("utf-8")
    watched = {re.sub(r"_(bucket|sum|count)$", "", metric) for metric in METRIC.findall(text)}
    assert watched
    assert watched <= known_metrics()


def test_the_dashboard_shows_every_metric() -> None:
    dashboard = json.loads((FOLDER / "grafana-dashboard.json").read_text("utf-8"))
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    text = " ".join(target["expr"] for panel in panels for target in panel["targets"])
    assert {re.sub(r"_bucket$", "", metric) for metric in METRIC.findall(text)} == known_metrics()


def test_prometheus_accepts_the_rules() -> None:
    if (promtool := shutil.which("promtool")) is None:
        pytest.skip("promtool is not installed")
    command = [promtool, "check", "rules", str(FOLDER / "prometheus-alerts.yml")]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=BOUND_SECONDS, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


PASS_ON = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.executable, [sys.executable, "-m", "blackboard", *sys.argv[2:]])
"""


@pytest.mark.processes
def test_the_server_uses_the_socket_of_a_service_manager(tmp_path: Path, board_url: str) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
    ):
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(BOUND_SECONDS)
        words = ["--database", board_url, "serve"]
        command = [sys.executable, "-c", PASS_ON, str(listener.fileno()), *words]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "NOTIFY_SOCKET": str(tmp_path / "notify")}
        with subprocess.Popen(
            command, cwd=tmp_path, env=environment, pass_fds=[listener.fileno()], stderr=subprocess.DEVNULL
        ) as child:
            try:
                assert manager.recv(1000).startswith(b"READY=1\nSTATUS=serves at http://127.0.0.1:")
                port = listener.getsockname()[1]
                answer = httpx2.get(f"http://127.0.0.1:{port}/healthz", timeout=BOUND_SECONDS, trust_env=False)
                assert answer.json() == {"status": "alive"}
            finally:
                child.terminate()
            assert child.wait(BOUND_SECONDS) == 0
            assert manager.recv(1000) == b"STOPPING=1"
