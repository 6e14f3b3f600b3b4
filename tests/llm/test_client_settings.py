"""The key, the address and the environment of the client of the model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from blackboard.errors import ConfigurationError
from blackboard.llm.anthropic_client import AnthropicClient, client_from, describe_model
from blackboard.llm.call_failures import KeyRefused, NotSent, RequestRejected
from blackboard.llm.model_client import BatchItem
from blackboard.llm.model_settings import ModelSettings, sends_key_in_clear
from tests.llm.conftest import KEY
from tests.support.fake_api_faults import Status
from tests.support.messages_api import MessagesApi


class TestClientFrom:
    def test_only_a_setting_lets_the_offline_rules_answer(self) -> None:
        assert client_from(ModelSettings(provider="offline"), {"ANTHROPIC_API_KEY": KEY}) is None
        assert client_from(ModelSettings(), {}) is not None
        assert ModelSettings().provider == "anthropic"

    @pytest.mark.parametrize("environ", [{}, {"ANTHROPIC_API_KEY": "  "}, {"ANTHROPIC_API_KEY_FILE": ""}])
    def test_without_a_key_every_call_is_refused(self, environ: dict[str, str], body: str) -> None:
        client = client_from(ModelSettings(), environ)
        assert client is not None
        for call in (
            lambda: client.send(body),
            lambda: client.submit_batch([BatchItem("blackboard-1", body)]),
            lambda: client.find_batch([], 0),
            lambda: client.batch_results("batch"),
        ):
            with pytest.raises(KeyRefused, match="ANTHROPIC_API_KEY"):
                call()
        client.close()

    @pytest.mark.parametrize(
        ("settings", "environ", "words"),
        [
            ({"provider": "offline"}, {"ANTHROPIC_API_KEY": KEY}, "offline rules"),
            ({}, {"ANTHROPIC_API_KEY": KEY}, "anthropic, claude-haiku-5-5"),
            ({"model": "claude-opus-5"}, {}, "anthropic, claude-opus-5, but there is no key"),
            (
                {"base_url": "http://ada:secret@gateway.test:8080/v1"},
                {"ANTHROPIC_API_KEY": KEY},
                "anthropic, claude-haiku-5-5, at gateway.test:8080",
            ),
        ],
    )
    def test_a_description_says_who_answers(
        self, settings: dict[str, Any], environ: dict[str, str], words: str
    ) -> None:
        model = ModelSettings(**settings)
        assert describe_model(model, client_from(model, environ)) == words

    @pytest.mark.parametrize(
        ("address", "in_clear"),
        [
            ("http://gateway.test", True),
            ("HTTP://10.0.0.7:8080/v1", True),
            ("http://localhost.gateway.test", True),
            ("https://gateway.test", False),
            ("http://127.0.0.1:8080", False),
            ("http://127.8.9.1", False),
            ("http://[::1]:8080", False),
            ("http://localhost/v1", False),
        ],
    )
    def test_a_key_in_clear_is_noticed_in_settings_and_environment(self, address: str, in_clear: bool) -> None:
        assert (sends_key_in_clear(ModelSettings(), {"ANTHROPIC_BASE_URL": address}) is not None) == in_clear
        if address.islower():
            assert (sends_key_in_clear(ModelSettings(base_url=address), {}) is not None) == in_clear
            assert sends_key_in_clear(ModelSettings(base_url=address, provider="offline"), {}) is None

    @pytest.mark.parametrize(
        "address",
        [
            *("http://", "https://host:port", "http://host:99999", "ftp://host", "http://:80", "host:80", "http://[::"),
            *("http://host/?team=a", "http://host/#part", "http://a host", "http://host/\nx: y"),
        ],
    )
    def test_an_address_that_cannot_be_used_is_a_mistake(self, address: str) -> None:
        with pytest.raises(ValidationError):
            ModelSettings(base_url=address)
        environ = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": address}
        for use in (client_from, sends_key_in_clear):
            with pytest.raises(ConfigurationError, match="ANTHROPIC_BASE_URL"):
                use(ModelSettings(), environ)
        assert client_from(ModelSettings(provider="offline"), environ) is None

    def test_the_password_of_an_address_is_sent_and_not_shown(self, api: MessagesApi, body: str) -> None:
        address = api.url.replace("//", "//ada:secret@")
        client = AnthropicClient(KEY, address)
        client.send(body)
        assert "authorization" in api.calls[0].headers
        lost = AnthropicClient(KEY, "http://ada:secret@127.0.0.1:1/gateway")
        with pytest.raises(NotSent, match=r"http://127\.0\.0\.1:1/gateway cannot be reached") as raised:
            lost.send(body)
        in_clear = sends_key_in_clear(ModelSettings(base_url="http://ada:secret@gateway.test"), {})
        assert "secret" not in f"{raised.value} {raised.value.shown} {client!r} {client.host} {in_clear}"
        for each in (client, lost):
            each.close()

    def test_the_key_may_be_in_a_file(self, tmp_path: Path, api: MessagesApi, body: str) -> None:
        (tmp_path / "key").write_text(f"{KEY}\n")
        environ = {"ANTHROPIC_API_KEY_FILE": str(tmp_path / "key"), "ANTHROPIC_BASE_URL": api.url}
        client = client_from(ModelSettings(), environ)
        assert client is not None
        client.send(body)
        client.close()
        assert api.calls[0].key == KEY

    def test_each_call_uses_the_key_that_the_file_has_then(self, tmp_path: Path, api: MessagesApi, body: str) -> None:
        file, model = tmp_path / "key", ModelSettings()
        file.write_text("sk-first")
        client = client_from(model, {"ANTHROPIC_API_KEY_FILE": str(file), "ANTHROPIC_BASE_URL": api.url})
        assert client is not None
        api.key = "sk-second"
        with pytest.raises(KeyRefused, match="refused the key"):
            client.send(body)
        file.write_text("sk-second")
        client.send(body)
        file.unlink()
        for call in (lambda: client.send(body), lambda: client.batch_results("batch")):
            with pytest.raises(KeyRefused, match="cannot be read: No such file"):
                call()
        assert describe_model(model, client).endswith("but there is no key")
        api.key = "sk-third"
        file.write_text(api.key)
        api.queue(Status(400, message="your keys sk-first, sk-second and sk-third"))
        with pytest.raises(RequestRejected, match=r"your keys \*\*\*, \*\*\* and \*\*\*"):
            client.send(body)
        assert "no key" not in describe_model(model, client)
        client.close()

    @pytest.mark.parametrize("content", [b"", b"two words", b"caf\xc3\xa9", b"\xff\xfe"])
    def test_a_file_without_a_key_is_refused_and_not_shown(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "key").write_bytes(content)
        with pytest.raises(ConfigurationError, match="ANTHROPIC_API_KEY_FILE") as raised:
            client_from(ModelSettings(), {"ANTHROPIC_API_KEY_FILE": str(tmp_path / "key")})
        assert "two words" not in str(raised.value)

    def test_a_missing_file_is_reported(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="cannot be read"):
            client_from(ModelSettings(), {"ANTHROPIC_API_KEY_FILE": str(tmp_path / "none")})


class TestAddress:
    @pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/", "/v1/messages"])
    def test_the_path_of_the_api_may_be_part_of_the_address(
        self, api: MessagesApi, connect: Callable[..., AnthropicClient], body: str, path: str
    ) -> None:
        connect(api.url + path).send(body)
        assert [call.path for call in api.calls] == ["/v1/messages"]

    def test_the_path_of_a_gateway_is_kept(self) -> None:
        assert repr(AnthropicClient(KEY, "https://gateway.test/anthropic/v1/")) == (
            "AnthropicClient('https://gateway.test/anthropic')"
        )


class TestEnvironment:
    """Variables that other tools use change neither what is sent nor what is logged."""

    def test_headers_of_other_tools_are_not_sent(
        self, api: MessagesApi, client: AnthropicClient, body: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        headers = ["x-team: secret", "anthropic-beta: other", "X-Api-Key: another", "Host: elsewhere", "cookie: a=b"]
        monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "\n".join(headers))
        monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "a-token")
        client.send(body)
        [call] = api.calls
        assert call.key == KEY
        assert call.headers.keys() == {
            *("host", "accept", "accept-encoding", "connection", "user-agent", "content-length", "content-type"),
            *("x-api-key", "anthropic-version"),
        }
        assert call.headers["host"] in api.url

    @pytest.mark.parametrize("level", ["debug", "info"])
    def test_no_debug_variable_logs_a_payload(self, api: MessagesApi, body: str, level: str) -> None:
        code = (
            "import sys; from blackboard.llm.anthropic_client import AnthropicClient;"
            f" client = AnthropicClient({KEY!r}, {api.url!r}); client.send({body!r}); client.close()"
        )
        environ = {**os.environ, "ANTHROPIC_LOG": level, "HTTPX_LOG_LEVEL": "trace"}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
        assert done.stdout + done.stderr == ""
        assert api.paid == 1

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("HTTP_PROXY", "nonsense://127.0.0.1:1"),
            ("ALL_PROXY", "http://127.0.0.1:not-a-port"),
            ("all_proxy", "socks5://ada:secret@127.0.0.1:1"),
            ("HTTP_PROXY", "http://ada:se/secret@127.0.0.1:1"),
            ("HTTPS_PROXY", "ada:my:secret@127.0.0.1:1"),
            ("SSL_CERT_FILE", "/nowhere/certificates.pem"),
            ("ANTHROPIC_CUSTOM_HEADERS", "x-note: \u2603"),
        ],
    )
    def test_a_variable_that_cannot_be_used_means_not_sent_or_is_ignored(
        self,
        api: MessagesApi,
        client: AnthropicClient,
        body: str,
        monkeypatch: pytest.MonkeyPatch,
        name: str,
        value: str,
    ) -> None:
        monkeypatch.setenv(name, value)
        failures = []
        try:
            client.send(body)
        except NotSent as failure:
            failures.append(str(failure))
        assert len(failures) + len(api.calls) == 1
        assert KEY not in "".join(failures)
        assert all(f"the environment sets {name.upper()}" in failure for failure in failures)
        assert "secret" not in "".join(failures)
        monkeypatch.delenv(name)
        client.send(body)  # the client recovers by itself
        assert api.calls

    def test_a_proxy_that_cannot_be_reached_is_named_without_its_password(
        self, client: AnthropicClient, body: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", "http://ada:secret@127.0.0.1:1")
        with pytest.raises(NotSent, match="the environment sets HTTP_PROXY") as raised:
            client.send(body)
        assert "secret" not in str(raised.value)
