"""The delivery of messages by webhooks, mails and commands, to third-party receivers."""

from __future__ import annotations

import json
import shutil
import smtplib
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from blackboard import Blackboard, ManualClock, Mark, Need
from blackboard.board.message_delivery.delivery_queue import DeliveryQueue
from blackboard.board.result_types.message_results import OutboxMessage
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.settings.sink_sections import SinkSection
from blackboard.sinks import command_sink
from blackboard.sinks.message_deliverer import Deliverer
from tests.support.bounds import BOUND_SECONDS
from tests.support.webhook_receiver import Reply, receive

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ENVIRON = {"SECRET": SECRET, "TOKEN": "tk_1", "PASSWORD": "open sesame"}
HERE = ["127.0.0.1"]
ON = ["need", "mark:alert"]
LONGEST = "1m"
"""The longest timeout of an attempt that a sink may have."""


class Alert(Mark, kind="alert", on_repeat="separate"):
    text: str


@dataclass
class House:
    """A board, its clock, and the sinks that it delivers to."""

    board: Blackboard
    clock: ManualClock
    sinks: list[SinkSection] = field(default_factory=list)

    def add_sink(self, **settings: Any) -> Deliverer:
        """Deploy one more sink, and return the deliverer of all."""
        settings = {"on": ON, "timeout": LONGEST, **settings}
        self.sinks.append(SinkSection(name=f"sink-{len(self.sinks)}", **settings))
        kinds = {"alert": KindSpec.of(Alert.defaults)}
        self.board.deploy(Deployment(kinds=kinds, sinks={sink.name: sink.spec for sink in self.sinks}))
        return Deliverer(self.board, self.sinks, ENVIRON)

    def message(self) -> OutboxMessage:
        return self.board.outbox(limit=1)[0]

    def at_next_attempt(self) -> None:
        due_at = self.message().due_at
        assert due_at is not None
        self.clock.advance(due_at - self.board.now())


@pytest.fixture
def house(board_url: str, clock: ManualClock) -> Iterator[House]:
    with Blackboard.open(board_url, author="ada", clock=clock) as board:
        yield House(board, clock)


def alert(house: House, text: str = "it burns", subject: str = "disk") -> None:
    house.board.deposit(Alert(subject=subject, text=text))


def webhook(url: str, **options: Any) -> dict[str, Any]:
    return {"webhook": {"url": url, "private_networks": HERE, **options}}


def test_a_webhook_is_signed_and_another_library_verifies_it(board_url: str) -> None:
    """The library judges the age of a signature by the time of this machine."""
    webhooks = pytest.importorskip("standardwebhooks")
    clock = ManualClock(datetime.now(UTC))  # noqa: TID251
    with Blackboard.open(board_url, author="ada", clock=clock) as board, receive() as receiver:
        house = House(board, clock)
        deliverer = house.add_sink(**webhook(receiver.url, secret_env="SECRET"))
        alert(house)
        assert deliverer.deliver_last() == 1
        message = house.message()
    [request] = receiver.requests
    body = webhooks.Webhook(SECRET).verify(request.body, request.headers)
    assert (body["type"], body["data"]["payload"]) == ("mark:alert", {"text": "it burns"})
    assert request.headers["webhook-id"] == message.message_id
    assert (message.state, message.attempts, message.error) == ("delivered", 1, None)


def test_an_attempt_is_repeated_under_the_same_id_until_it_succeeds(house: House) -> None:
    with receive(Reply(500)) as receiver:
        deliverer = house.add_sink(**webhook(receiver.url))
        alert(house)
        deliverer.deliver_last()
        assert deliverer.deliver_last() == 0, "it is not due"
        assert house.message().error == "127.0.0.1 answered with status 500"
        house.at_next_attempt()
        receiver.reply = lambda request: Reply(204)
        deliverer.deliver_last()
    assert house.message().state == "delivered"
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 5
    assert first.body == second.body


def test_a_message_whose_deliverer_died_after_it_was_sent_is_sent_again_under_its_id(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise SystemExit

    with receive() as receiver:
        deliverer = house.add_sink(**webhook(receiver.url))
        alert(house)
        with monkeypatch.context() as patch:
            patch.setattr(DeliveryQueue, "record_attempt", die)
            with pytest.raises(SystemExit):
                deliverer.deliver_last()
        assert deliverer.deliver_last() == 0, "it is leased"
        house.clock.advance(timedelta(minutes=2))
        assert deliverer.deliver_last() == 1
    assert [request.headers["webhook-id"] for request in receiver.requests] == [house.message().message_id] * 2
    assert (house.message().state, house.message().attempts) == ("delivered", 1)


def test_a_redirect_is_not_a_success_and_is_not_followed(house: House) -> None:
    with receive() as elsewhere, receive(Reply(302, {"Location": elsewhere.url})) as receiver:
        deliverer = house.add_sink(**webhook(receiver.url))
        alert(house)
        deliverer.deliver_last()
    assert (elsewhere.requests, house.message().state) == ([], "waiting")


def test_a_receiver_asks_for_time_or_is_gone(house: House) -> None:
    with receive(Reply(429, {"Retry-After": "3600"})) as receiver:
        deliverer = house.add_sink(**webhook(receiver.url))
        alert(house)
        deliverer.deliver_last()
        assert house.message().due_at == house.board.now() + timedelta(hours=1)
        alert(house)
        receiver.reply = lambda request: Reply(410)
        deliverer.deliver_last()
    assert {message.state for message in house.board.outbox()} == {"gone"}


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "https://localhost/", "https://2130706433/", "https://[::1]/"])
def test_a_private_address_is_refused_unless_the_file_allows_it(house: House, url: str) -> None:
    deliverer = house.add_sink(webhook={"url": url})
    alert(house)
    deliverer.deliver_last()
    assert "private address" in (house.message().error or "")


def test_an_address_that_is_a_secret_is_in_no_error_and_no_log(house: House, capfd: pytest.CaptureFixture[str]) -> None:
    environ = {"ADDRESS": "https://127.0.0.1/services/s3cret"}
    house.add_sink(webhook={"url_env": "ADDRESS", "body": "slack"})
    alert(house)
    Deliverer(house.board, house.sinks, environ).deliver_last()
    assert "s3cret" not in str(house.board.outbox()) + "".join(capfd.readouterr())
    house.at_next_attempt()
    Deliverer(house.board, house.sinks, {}).deliver_last()
    assert house.message().error == "the environment variable ADDRESS is not set"


def test_slack_gets_plain_text_that_mentions_nobody(house: House) -> None:
    with receive() as receiver:
        deliverer = house.add_sink(**webhook(receiver.url, body="slack"))
        house.board.deposit(Need(subject="<!channel>", question="<@U1> & <https://evil|here>?"))
        deliverer.deliver_last()
    body = json.loads(receiver.requests[0].body)
    assert "<" not in body["text"]
    assert {block["text"]["type"] for block in body["blocks"] if "text" in block} == {"plain_text"}


def test_ntfy_gets_json_at_its_root_and_a_token(house: House) -> None:
    with receive() as receiver:
        url = receiver.url.replace("/hook", "/my-topic")
        deliverer = house.add_sink(**webhook(url, body="ntfy", token_env="TOKEN"))
        alert(house, "it\r\nX-Priority: 5")
        deliverer.deliver_last()
    [request] = receiver.requests
    body = json.loads(request.body)
    assert (request.path, body["topic"], body["title"]) == ("/", "my-topic", "alert about disk")
    assert request.headers["authorization"] == "Bearer tk_1"
    assert "x-priority" not in request.headers


def test_a_token_that_no_header_can_have_is_in_no_error(house: House, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\nX-Other: 1\n")
    with receive() as receiver:
        house.add_sink(**webhook(receiver.url, token_env="OTHER"))
        alert(house)
        Deliverer(house.board, house.sinks, {"OTHER_FILE": str(tmp_path / "token")}).deliver_last()
    assert receiver.requests == []
    assert house.message().error == "OTHER: a token has only visible ASCII characters"


def test_a_bug_in_a_sink_counts_as_an_attempt(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise TypeError("s3cret")

    monkeypatch.setattr(command_sink, "deliver", fail)
    deliverer = house.add_sink(command=["true"])
    alert(house)
    deliverer.deliver_last()
    message = house.message()
    assert (message.attempts, message.error) == (1, "the message could not be sent: TypeError")


# -- commands


def program(path: Path, text: str) -> list[str]:
    file = path / "program.py"
    file.write_text(text)
    return [sys.executable, "-S", str(file)]


def test_a_command_gets_only_the_variables_that_it_needs_and_those_that_are_named(house: House, tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    text = f"import json, os, sys; open({str(kept)!r}, 'w').write(json.dumps(dict(os.environ)))"
    house.add_sink(command=program(tmp_path, text), environment=["API_TOKEN", "NOT_SET"])
    alert(house)
    usual = {"PATH": "/usr/bin:/bin", "HOME": "/nowhere", "LANG": "C.UTF-8", "TZ": "UTC"}
    Deliverer(house.board, house.sinks, {**usual, "API_TOKEN": "t", "ANTHROPIC_API_KEY": "k"}).deliver_last()
    assert house.message().state == "delivered"
    given = json.loads(kept.read_text())
    assert {name: given[name] for name in given if not name.startswith(("LC_", "__"))} == {**usual, "API_TOKEN": "t"}


def test_a_command_gets_json_on_its_standard_input_and_no_shell(house: House, tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    text = f"import sys; open({str(kept)!r}, 'w').write(sys.argv[1] + chr(10) + sys.stdin.read())"
    deliverer = house.add_sink(command=[*program(tmp_path, text), "$(date); `id`"])
    alert(house, "$(reboot)")
    deliverer.deliver_last()
    argument, _, body = kept.read_text().partition("\n")
    assert argument == "$(date); `id`"
    message = json.loads(body)
    assert (message["id"], message["sink"]) == (house.message().message_id, "sink-0")
    assert message["data"]["payload"] == {"text": "$(reboot)"}
    assert house.message().state == "delivered"


@pytest.mark.parametrize(
    ("text", "timeout", "error"),
    [
        ("raise SystemExit(3)", "60s", "ended with exit code 3"),
        ("import time; time.sleep(300)", "500ms", r"took more than 0\.5 s"),
    ],
)
def test_a_command_that_fails_or_takes_too_long_is_repeated(
    house: House, tmp_path: Path, text: str, timeout: str, error: str
) -> None:
    deliverer = house.add_sink(command=program(tmp_path, text), timeout=timeout)
    alert(house)
    deliverer.deliver_last()
    message = house.message()
    assert message.state == "waiting"
    assert message.error is not None
    assert message.error.endswith(error.replace("\\", ""))


def test_a_command_that_does_not_exist_is_named(house: House) -> None:
    deliverer = house.add_sink(command=["/nowhere/tell"])
    alert(house)
    deliverer.deliver_last()
    assert house.message().error == "/nowhere/tell cannot be run: No such file or directory"


# -- mails


@dataclass
class Mailbox:
    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    answer: str = "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            self.recipients += envelope.rcpt_tos
            mail = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
        return self.answer


@contextmanager
def smtp(**options: Any) -> Iterator[Mailbox]:
    """Run an SMTP server on this machine."""
    controllers = pytest.importorskip("aiosmtpd.controller")
    mailbox = Mailbox()

    class Server(controllers.Controller):  # type: ignore[misc, name-defined]
        def _trigger_server(self) -> None:
            self.port = mailbox.port = self.server.sockets[0].getsockname()[1]
            super()._trigger_server()

    server = Server(mailbox, hostname="127.0.0.1", port=0, ready_timeout=BOUND_SECONDS, **options)
    server.start()
    try:
        yield mailbox
    finally:
        server.stop()


def mail(port: int, **options: Any) -> dict[str, Any]:
    settings = {
        "to": ["ada@example.org", "bob@example.org"], "from": "board@example.org", "server": "127.0.0.1", "port": port,
        "encryption": "none", "private_networks": HERE,
    }  # fmt: skip
    return {"mail": {**settings, **options}}


def test_a_mail_is_sent_once_with_a_stable_id(house: House) -> None:
    with smtp() as mailbox:
        deliverer = house.add_sink(**mail(mailbox.port))
        house.board.deposit(Need(subject="größe", question="Wie groß?\n.\nQUIT"))
        deliverer.deliver_last()
    [received] = mailbox.mails
    message = house.message()
    assert message.state == "delivered"
    assert received["Subject"] == "ada asks about größe"
    assert received["Message-ID"] == f"<{message.message_id}@example.org>"
    assert mailbox.recipients == ["ada@example.org", "bob@example.org"]
    assert "Wie groß?\n.\nQUIT" in received.get_content().replace("\r\n", "\n")


def test_no_text_becomes_a_header(house: House) -> None:
    with smtp() as mailbox:
        deliverer = house.add_sink(**mail(mailbox.port))
        house.board.deposit(Need(subject="x\u2028Bcc: eve@example.org\x85Bcc: eve@example.org", question="?"))
        deliverer.deliver_last()
    [received] = mailbox.mails
    assert received["Bcc"] is None
    assert mailbox.recipients == ["ada@example.org", "bob@example.org"]


def test_a_server_that_refuses_is_tried_again(house: House) -> None:
    with smtp() as mailbox:
        mailbox.answer = "451 secret words of the server"
        deliverer = house.add_sink(**mail(mailbox.port))
        alert(house)
        deliverer.deliver_last()
        assert house.message().error == "127.0.0.1 answered with code 451"
        mailbox.answer = "250 OK"
        house.at_next_attempt()
        deliverer.deliver_last()
    assert (house.message().state, len(mailbox.mails)) == ("delivered", 1)


def test_a_server_in_a_private_network_is_refused_unless_it_is_named(house: House) -> None:
    with smtp() as mailbox:
        deliverer = house.add_sink(**mail(mailbox.port, private_networks=["10.0.0.0/8"]))
        alert(house)
        deliverer.deliver_last()
    assert mailbox.mails == []
    assert "private_networks" in (house.message().error or "")


def test_nothing_is_sent_over_a_connection_whose_address_was_not_checked(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect_without_check(client: Any, host: str, port: int) -> tuple[int, bytes]:
        client.sock = socket.create_connection((host, port), BOUND_SECONDS)
        reply: tuple[int, bytes] = client.getreply()
        return reply

    with smtp() as mailbox:
        deliverer = house.add_sink(**mail(mailbox.port))
        alert(house)
        monkeypatch.setattr(smtplib.SMTP, "connect", connect_without_check)
        deliverer.deliver_last()
    assert mailbox.mails == []
    assert "cannot check the address before it connects" in (house.message().error or "")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_starttls_and_tls_are_verified_and_come_before_the_password(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
         str(key), "-out", str(certificate), "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    logins: list[tuple[bytes, bytes]] = []

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, auth: Any) -> Any:
        from aiosmtpd.smtp import AuthResult

        logins.append((auth.login, auth.password))
        return AuthResult(success=True)

    with smtp(tls_context=context, authenticator=authenticate, require_starttls=True) as mailbox:
        login = {"encryption": "starttls", "user": "board", "password_env": "PASSWORD"}
        deliverer = house.add_sink(**mail(mailbox.port, **login))
        alert(house)
        deliverer.deliver_last()
        assert "certificate verify failed" in (house.message().error or "").lower().replace("_", " ")
        assert logins == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        house.at_next_attempt()
        deliverer.deliver_last()
    assert (len(mailbox.mails), logins) == (1, [(b"board", b"open sesame")])


# -- several sinks and threads


def test_a_receiver_that_hangs_holds_up_neither_deposits_nor_other_sinks(house: House) -> None:
    released = threading.Event()
    arrived = {name: threading.Event() for name in ("slow", "fast")}

    def reply(name: str) -> Callable[[Any], Reply]:
        def answer(request: Any) -> Reply:
            arrived[name].set()
            if name == "slow":
                released.wait(BOUND_SECONDS)
            return Reply()

        return answer

    with receive() as slow, receive() as fast:
        slow.reply, fast.reply = reply("slow"), reply("fast")
        house.add_sink(**webhook(slow.url))
        with house.add_sink(**webhook(fast.url)):
            alert(house)
            assert arrived["slow"].wait(BOUND_SECONDS)
            alert(house)
            assert arrived["fast"].wait(BOUND_SECONDS)
            assert house.board.outbox(state="waiting", sink="sink-0")
            released.set()
    assert len(fast.requests) >= 1


def test_a_deliverer_leaves_the_sinks_of_others_alone(house: House) -> None:
    house.add_sink(webhook={"url": "https://127.0.0.1/"})
    alert(house)
    assert Deliverer(house.board, [], {}).deliver_last() == 0
    assert house.message().attempts == 0
