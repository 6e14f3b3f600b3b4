"""A daemon posts the activations of a remote agent to its webhook, signed, and takes the response as the result."""

from __future__ import annotations

import base64
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from blackboard import Blackboard, Daemon
from blackboard.cli.cli_session import CommandSession
from blackboard.cli.operating_commands.run_command import file_deployer
from blackboard.clock import to_datetime
from blackboard.daemon import DaemonLoop, build_loop
from blackboard.daemon.deliveries.webhook_couriers import WebhookCourier, WebhookCouriers
from blackboard.errors import ConfigurationError
from blackboard.settings.deployment_resolver import resolve_file
from tests.support.board_waits import wait_until
from tests.support.bounds import BOUND_SECONDS
from tests.support.webhook_receiver import Receiver, Reply, Request, receive

pytestmark = pytest.mark.skipif(find_spec("standardwebhooks") is None, reason="needs the extra 'webhooks'")

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes!!!!").decode()
ENVIRON = {"REVIEW_SECRET": SECRET}


def file(folder: Path, url: str, more: str = "") -> Path:
    """Write a deployment file with a remote agent and its webhook."""
    path = folder / "board.toml"
    path.write_text(f"""
[kinds.report.payload_schema]
type = "object"
[kinds.verdict.payload_schema]
properties.grade.type = "string"
[agents.review]
remote = true
watches = 'strength("report") >= 0.5'
writes = ["verdict"]
webhook = "{url}"
webhook_secret_env = "REVIEW_SECRET"
webhook_private_networks = ["127.0.0.1"]
{more}
""")
    return path


@contextmanager
def posting(folder: Path, receiver: Receiver, more: str = "") -> Iterator[Blackboard]:
    """Let a courier post the activations of a board on real time."""
    resolved = resolve_file(file(folder, receiver.url, more), ENVIRON)
    with Blackboard.open(folder / "board.db", author="person:ada") as board:
        board.deploy(resolved.deployment)
        courier = WebhookCourier(board, "review", resolved.webhooks["review"], ENVIRON)
        courier.start()
        try:
            yield board
        finally:
            courier.stop()


def wait_for_state(board: Blackboard, state: str, activation_id: int = 1) -> None:
    """Wait until an activation is in a state."""
    wait_until(board, lambda: any(item.id == activation_id for item in board.activations(state=state)))


def verdict(request: Request) -> Reply:
    data = json.loads(request.body)["data"]
    marks = [{"kind": "verdict", "subject": mark["subject"], "payload": {"grade": "good"}} for mark in data["marks"]]
    return Reply(body=json.dumps({"marks": marks}).encode())


def test_the_answer_of_a_webhook_is_the_result(tmp_path: Path) -> None:
    from standardwebhooks import Webhook

    with receive() as receiver:
        receiver.reply = verdict
        with posting(tmp_path, receiver) as board:
            board.deposit("report", subject="r/1", payload={"text": "fine"})
            wait_for_state(board, "done")
            (mark,) = board.marks("verdict")
            assert (mark.author, mark.subject, mark.payload) == ("review", "r/1", {"grade": "good"})
            assert board.activation(1).activation.worker == "remote:webhook"
            assert board.unserved_agents() == []
    (request,) = receiver.requests
    event: Any = Webhook(SECRET).verify(request.body, request.headers)
    assert (event["type"], event["data"]["agent"], event["data"]["fence"]) == ("activation.claimed", "review", 1)
    assert request.headers["webhook-id"] == "activation-1-1"


def test_a_receiver_that_accepts_finishes_later(tmp_path: Path) -> None:
    with receive(Reply(202, body=b'{"lease": "2h"}')) as receiver, posting(tmp_path, receiver) as board:
        board.deposit("report", subject="r/1")
        receiver.wait_for(1)
        other = board.as_author("receiver")
        wait_until(board, lambda: _has_lease_of_an_hour(board))
        assert other.finish(1, {}, fence=1, agent="review").state == "done"


def _has_lease_of_an_hour(board: Blackboard) -> bool:
    [(lease_until,)] = board.query("SELECT lease_until FROM activation WHERE id = 1")
    return lease_until is not None and to_datetime(int(lease_until)) > board.now() + timedelta(hours=1)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(500), "127.0.0.1 answered with status 500"),
        (Reply(302, {"Location": "http://169.254.169.254/"}), "answered with status 302"),
        (Reply(200, body=b"thanks"), "the response is not a JSON object"),
        (Reply(200, body=b'{"marks": [{"kind": "report", "subject": "r"}]}'), "does not declare in writes"),
    ],
)
def test_every_other_answer_is_a_failed_attempt(tmp_path: Path, reply: Reply, words: str) -> None:
    with receive(reply) as receiver, posting(tmp_path, receiver) as board:
        board.deposit("report", subject="r/1")
        wait_for_state(board, "ready")
        found = board.activations()[0]
        assert (found.attempt, words in (found.error or "")) == (1, True), found
        assert found.retry_at is not None


def test_an_answer_of_a_busy_receiver_puts_the_activation_off_without_an_attempt(tmp_path: Path) -> None:
    with receive(Reply(503, {"Retry-After": "600"})) as receiver, posting(tmp_path, receiver) as board:
        board.deposit("report", subject="r/1")
        wait_for_state(board, "ready")
        found = board.activations()[0]
        assert (found.attempt, found.error) == (0, "127.0.0.1 answered with status 503")
        assert found.retry_at is not None
        assert found.retry_at > board.now() + timedelta(minutes=9)


def test_a_webhook_that_is_gone_pauses_its_agent_without_an_attempt(tmp_path: Path) -> None:
    with receive(Reply(410)) as receiver, posting(tmp_path, receiver) as board:
        board.deposit("report", subject="r/1")
        wait_for_state(board, "ready")
        assert board.activations()[0].attempt == 0
        assert board.status().paused_agents == {"review": "its webhook is gone: 127.0.0.1 answered with status 410"}


def test_a_private_address_is_posted_to_only_if_the_file_allows_it(tmp_path: Path, board_url: str) -> None:
    with receive() as receiver:
        path = file(tmp_path, receiver.url)
        path.write_text(path.read_text().replace('["127.0.0.1"]', '["10.0.0.0/8"]'))
        resolved = resolve_file(path, ENVIRON)
        with Blackboard.open(board_url) as board:
            board.deploy(resolved.deployment)
            courier = WebhookCourier(board, "review", resolved.webhooks["review"], ENVIRON)
            courier.start()
            try:
                board.deposit("report", subject="r/1")
                wait_for_state(board, "ready")
            finally:
                courier.stop()
            assert board.activations()[0].attempt == 0
        assert receiver.requests == []


def test_a_daemon_posts_and_ends_when_the_work_is_done(
    tmp_path: Path, board_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVIEW_SECRET", SECRET)
    with receive() as receiver, Blackboard.open(board_url, author="person:ada") as board:
        receiver.reply = verdict
        daemon = Daemon.from_file(board, file(tmp_path, receiver.url))
        board.deposit("report", subject="r/1")
        daemon.run(until_quiescent=True)
        assert [mark.subject for mark in board.marks("verdict")] == ["r/1"]


def test_a_reload_applies_a_changed_webhook(tmp_path: Path, board_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVIEW_SECRET", SECRET)
    with receive() as first, receive() as second, Blackboard.open(board_url, author="person:ada") as board:
        first.reply = second.reply = verdict
        session = CommandSession(file(tmp_path, first.url))
        resolved = session.resolve()
        board.deploy(resolved.deployment)
        deploy_file = file_deployer(session, board, resolved.settings)
        daemon = build_loop(board, resolved, None, delivers=True, deploy_file=deploy_file)
        daemon.start()
        try:
            board.deposit("report", subject="r/1")
            wait_for_state(board, "done")
            file(tmp_path, second.url)
            reload(daemon)
            board.deposit("report", subject="r/2")
            wait_for_state(board, "done", 2)
            text = (tmp_path / "board.toml").read_text()
            (tmp_path / "board.toml").write_text(re.sub("(?m)^webhook.*$", "", text))
            reload(daemon)
            board.deposit("report", subject="r/3")
            claimed = board.claim("review", wait=f"{BOUND_SECONDS}s")
        finally:
            daemon.close()
    assert [len(receiver.requests) for receiver in (first, second)] == [1, 1]
    assert claimed is not None
    assert claimed.subjects == ("r/3",), "nothing posts it now"


def reload(daemon: DaemonLoop) -> None:
    daemon.request_reload()
    daemon.run_once()


def test_a_post_to_a_former_webhook_is_waited_for(
    tmp_path: Path, board_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_answer, stop = threading.Event(), WebhookCourier.stop

    def answered_stop(courier: WebhookCourier) -> None:
        may_answer.set()
        stop(courier)

    def late_verdict(request: Request) -> Reply:
        assert may_answer.wait(BOUND_SECONDS)
        return verdict(request)

    with receive() as receiver, Blackboard.open(board_url, author="person:ada") as board:
        receiver.reply = late_verdict
        resolved = resolve_file(file(tmp_path, receiver.url), ENVIRON)
        board.deploy(resolved.deployment)
        couriers = WebhookCouriers(board, ENVIRON)
        couriers.replace(resolved.webhooks)
        couriers.start()
        board.deposit("report", subject="r/1")
        receiver.wait_for(1)
        couriers.replace({})
        monkeypatch.setattr(WebhookCourier, "stop", answered_stop)
        try:
            couriers.stop()
            assert board.activations()[0].state == "done"
        finally:
            may_answer.set()


def test_a_missing_secret_puts_an_activation_off(tmp_path: Path, board_url: str) -> None:
    with receive() as receiver, Blackboard.open(board_url, author="person:ada") as board:
        resolved = resolve_file(file(tmp_path, receiver.url), ENVIRON)
        board.deploy(resolved.deployment)
        courier = WebhookCourier(board, "review", resolved.webhooks["review"], {})
        courier.start()
        try:
            board.deposit("report", subject="r/1")
            wait_for_state(board, "ready")
        finally:
            courier.stop()
        found = board.activations()[0]
    assert (found.attempt, receiver.requests) == (0, [])
    assert "the environment variable REVIEW_SECRET is not set" in (found.error or "")


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        (lambda text: text.replace('webhook_secret_env = "REVIEW_SECRET"', ""), "webhook_secret_env: name the environ"),
        (lambda text: text.replace("http://127", "ftp://127"), "agents.review.webhook: an address starts with"),
        (lambda text: text.replace('["127.0.0.1"]', '["here"]'), "webhook_private_networks: 'here' is not a network"),
        (
            lambda text: text.replace('["127.0.0.1"]', "[]"),
            "agents.review.webhook: the address must start with https://",
        ),
        (lambda text: text.replace("webhook = ", "# "), "there is no webhook"),
    ],
)
def test_mistakes_in_a_webhook_are_named(tmp_path: Path, change: Callable[[str], str], mistake: str) -> None:
    path = file(tmp_path, "http://127.0.0.1:9/hook")
    path.write_text(change(path.read_text()))
    with pytest.raises(ConfigurationError) as caught:
        resolve_file(path, ENVIRON)
    assert mistake in str(caught.value)


def test_a_missing_secret_is_a_warning_and_a_wrong_one_a_mistake(tmp_path: Path) -> None:
    path = file(tmp_path, "http://127.0.0.1:9/hook")
    assert "REVIEW_SECRET is not set here" in str(resolve_file(path, {}).warnings)
    with pytest.raises(ConfigurationError, match="a secret is whsec_"):
        resolve_file(path, {"REVIEW_SECRET": "short"})


def test_a_missing_package_for_signatures_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file(tmp_path, "http://127.0.0.1:9/hook")
    monkeypatch.setitem(sys.modules, "standardwebhooks", None)
    [warning] = resolve_file(path, ENVIRON).warnings
    assert "pip install -c constraints.txt '.[webhooks]'; without it nothing is posted" in str(warning)
