"""A server delivers the message that a daemon has died."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from blackboard import Blackboard
from blackboard.core.specs.sink_spec import SinkSpec
from tests.support.bounds import BOUND_SECONDS
from tests.support.started_processes import started
from tests.support.webhook_receiver import receive

pytestmark = pytest.mark.processes

FILE = """
[database]
url = "{board}"

[server]
listen = "127.0.0.1:0"

[[sinks]]
name = "phone"
on = ["agent-unserved"]
unserved_for = "0s"
webhook = {{ url = "{url}", private_networks = ["127.0.0.1"] }}
"""


def test_a_server_tells_of_a_dead_daemon(tmp_path: Path, board_url: str) -> None:
    pytest.importorskip("uvicorn")
    with Blackboard.open(board_url) as board:
        sinks = {"phone": SinkSpec(on=("agent-unserved",), unserved_for="0s")}
        with started(["-m", "tests.support.worker_program", board_url]) as worker:
            worker.event("started")
            board.deploy(board.deployment.model_copy(update={"sinks": sinks}))
            worker.signal(signal.SIGKILL)
            worker.popen.wait(BOUND_SECONDS)
        assert board.outbox() == []
        with receive() as receiver:
            (tmp_path / "desk.toml").write_text(FILE.format(board=board_url, url=receiver.url))
            with started(["-m", "blackboard", "--config", str(tmp_path / "desk.toml"), "serve"]) as server:
                server.line(lambda line: "serving" in line)
                receiver.wait_for(len(board.deployment.agents))
                server.signal(signal.SIGTERM)
                assert server.ends() == 0
        told = sorted(json.loads(request.body)["data"]["agent"] for request in receiver.requests)
        assert told == sorted(board.deployment.agents)
        assert {message.state for message in board.outbox()} == {"delivered"}
