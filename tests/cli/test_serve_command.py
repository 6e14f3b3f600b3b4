"""The command `serve`: what it refuses, and what it prints."""

from __future__ import annotations

import socket
import sys

import pytest

from tests.support.command_line import CommandLine


def test_without_the_extra_one_line_says_what_to_install(house: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    house("init")
    for name in ("blackboard.server.transport.http_server", "blackboard.server.http_app"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.setitem(sys.modules, "starlette.applications", None)
    done = house("serve")
    assert done.code == 1
    assert "pip install -c constraints.txt '.[server]'" in done.err


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
        done = house("serve", "--tls-key", "key.pem")
        assert (done.code, "the certificate of this key is missing" in " ".join(done.err.split())) == (2, True)
