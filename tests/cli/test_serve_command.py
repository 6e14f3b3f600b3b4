"""The commands `serve` and `token`: what they refuse, and what they print."""

from __future__ import annotations

import socket
import sys

import pytest

from tests.cli.conftest import CommandLine


def test_without_the_extra_one_line_says_what_to_install(house: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    house("init")
    for name in ("blackboard.server.transport.http_server", "blackboard.server.http_app"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.setitem(sys.modules, "starlette.applications", None)
    done = house("serve")
    assert done.code == 1
    assert "pip install 'blackboard-marks[server]'" in done.err


def test_tokens_are_made_listed_and_revoked(house: CommandLine) -> None:
    house("init")
    made = house("token", "create", "form", "--may", "deposit:smoke", "--may", "read", "--author", "webform")
    token = made.out.removesuffix("\n")
    assert token.startswith("blackboard_")
    assert " " not in token
    assert "no kind" not in made.err
    early = house("token", "create", "early", "--may", "deposit:smok", "--may", "claim:watchmen")
    assert "the deployment has no kind 'smok' yet" in early.err
    assert "the deployment has no agent 'watchmen' yet" in early.err
    house("token", "revoke", "early")
    assert house("token", "create", "ended", "--may", "read", "--expires", "0s").code == 2
    assert house("token", "create", "other", "--may", "read", "--expires", "never", "--json").json["name"] == "other"
    listed = house("token", "list", "--json")
    assert token not in listed.out
    assert [(item["name"], item["author"], item["scopes"], item["state"]) for item in listed.json] == [
        ("form", "webform", ["deposit:smoke", "read"], "valid"),
        ("early", "early", ["deposit:smok", "claim:watchmen"], "revoked"),
        ("other", "other", ["read"], "valid"),
    ]
    assert listed.json[0]["expires_at"] > listed.json[0]["created_at"]
    assert listed.json[2]["expires_at"] is None
    assert house("token", "revoke", "form").out == "the token form is revoked\n"
    assert house("token", "revoke", "form").code == 1
    assert "revoked" in house("token", "list").out
    assert house("token", "create", "form", "--may", "reed").code == 2


def test_a_crossing_is_woken(house: CommandLine) -> None:
    house.write(
        "blackboard.toml",
        (house.folder / "blackboard.toml").read_text()
        + """
[agents.watchman]
batch_window = "1h"
""",
    )
    house("deposit", "smoke", "kitchen", "--payload", '{"detail": "thin"}')
    assert house("agenda", "--json").json[0]["held_by"] == "batch_window"
    assert house("wake", "1").out == "watchman may wake about kitchen now\n"
    house("pause", "watchman", "--reason", "lunch")
    assert "does not wake about kitchen yet: held by it is paused: lunch" in house("wake", "1").out
    assert house("wake", "1", "--json").json["agent"] == "watchman"
    assert house("wake", "7").code == 1


class TestAddresses:
    """Where the server listens. These need the extra."""

    @pytest.fixture(autouse=True)
    def _extra(self) -> None:
        pytest.importorskip("uvicorn", reason="the extra 'server' is not installed")

    @pytest.mark.parametrize("listen", ["0.0.0.0:8787", "[::]:8787", "192.0.2.1:80", "board.example.org:443"])
    def test_tokens_never_cross_a_network_in_clear_text(self, listen: str, house: CommandLine) -> None:
        from blackboard.server.transport.addresses import Address, check_exposure
        from blackboard.settings.sections import ServerSection

        refused = house("serve", "--listen", listen)
        assert refused.code == 2
        assert "--behind-proxy" in refused.err
        check_exposure(Address.parse(listen), ServerSection(behind_proxy=True))
        check_exposure(Address.parse(listen), ServerSection(tls_certificate="chain.pem"))

    def test_an_address_in_use_and_a_bad_certificate_are_named(self, house: CommandLine) -> None:
        house("init")
        with socket.create_server(("127.0.0.1", 0)) as other:
            done = house("serve", "--listen", f"127.0.0.1:{other.getsockname()[1]}")
        assert (done.code, "cannot listen on" in done.err) == (1, True)
        done = house("serve", "--tls-certificate", "missing.pem")
        assert (done.code, "tls_certificate missing.pem" in done.err) == (2, True)
