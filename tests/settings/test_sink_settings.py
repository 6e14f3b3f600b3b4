"""A deployment file names the receivers outside the board, and every mistake in them is reported."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from blackboard import Blackboard
from blackboard.cli.cli_session import CommandSession
from blackboard.errors import ConfigurationError
from blackboard.settings.deployment_file import load_settings
from blackboard.settings.deployment_resolver import ResolvedDeployment, resolve_file

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HOOK = 'webhook = { url = "https://example.org/", secret_env = "SECRET" }'
GOOD = f"""
[[sinks]]
name = "phone"
on = ["need", "mark:need"]
{HOOK}
"""


def resolved(folder: Path, text: str, environ: dict[str, str] | None = None) -> ResolvedDeployment:
    file = folder / "sinks.toml"
    file.write_text('[deployment]\nkinds = ["blackboard:Need"]\n' + text)
    return resolve_file(file, {"SECRET": SECRET} if environ is None else environ)


def mistakes(folder: Path, text: str, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigurationError) as caught:
        resolved(folder, text, environ)
    return "\n".join(map(str, caught.value.mistakes))


def sink(*lines: str) -> str:
    return "\n".join(["[[sinks]]", 'name = "phone"', 'on = ["need"]', *lines])


def test_a_sink_becomes_part_of_the_deployment_without_its_address(tmp_path: Path) -> None:
    result = resolved(tmp_path, GOOD)
    assert list(result.deployment.sinks) == ["phone"]
    assert "example.org" not in result.deployment.content()
    assert result.warnings == ()


def test_the_nearest_name_is_proposed(tmp_path: Path) -> None:
    text = sink('agents = ["x"]', 'kinds = ["ned"]', HOOK.replace("secret_env", "secret_en"))
    text = text.replace('on = ["need"]', 'on = ["ned", "mark:decison"]')
    found = mistakes(tmp_path, text)
    assert "there is no topic 'ned'; did you mean 'need'" in found
    assert "there is no setting 'secret_en'; did you mean 'secret_env'" in found
    found = mistakes(tmp_path, sink('kinds = ["ned"]', HOOK).replace('["need"]', '["mark:decison"]'))
    assert "there is no kind 'ned'; did you mean 'need'" in found
    assert "there is no kind 'decison'; did you mean 'decision'" in found


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([], "exactly one of webhook, mail and command"),
        ([HOOK, 'command = ["x"]'], "exactly one of webhook, mail and command"),
        (['webhook = { url = "http://example.org/" }'], "must start with https://"),
        (['webhook = { url = "https://a:b@example.org/" }'], "must not contain a user or a password"),
        (['webhook = { url = "https://a.b/", url_env = "X" }'], "exactly one of url and url_env"),
        (['webhook = { url = "https://ntfy.sh/", body = "ntfy" }'], "ends with the topic"),
        (['webhook = { url = "https://a.b/", private_networks = ["10.0.0.1/8"] }'], "not a network"),
        (['webhook = { url = "https://a.b/", secret_env = "whsec_abc" }'], "the name of an environment variable"),
        (["command = []"], "at least 1 item"),
        (['command = [""]'], "begins with the name of a program"),
        (['command = ["x"]', 'timeout = "5m"'], "at most 1m, not 5m"),
        (['command = ["x"]', 'environment = ["A=1"]'], "the name of an environment variable, not a value"),
        ([HOOK, 'environment = ["A"]'], "is for a sink with 'command'"),
        (['mail = { to = ["x"], from = "a@b.c", server = "m" }'], "'x' is not an address"),
        (['mail = { to = ["a@b.c\\nBcc: e@v.e"], from = "a@b.c", server = "m" }'], "is not an address"),
        (['mail = { to = ["a@b.c"], from = "a@b.c", server = "m", user = "u" }'], "belong together"),
        (['mail = { to = ["a@b.c"], from = "a@b.c", server = "m", encryption = "none" }'], "only for a server in"),
    ],
)
def test_a_sink_with_a_mistake_is_refused(tmp_path: Path, lines: list[str], problem: str) -> None:
    assert problem in mistakes(tmp_path, sink(*lines))


def test_two_sinks_have_two_names(tmp_path: Path) -> None:
    assert "another sink is named 'phone'" in mistakes(tmp_path, GOOD + GOOD)


def test_secrets_are_checked_and_never_shown(tmp_path: Path) -> None:
    found = mistakes(tmp_path, GOOD, {"SECRET": "s3cret"})
    assert "SECRET: a secret is whsec_" in found
    assert "s3cret" not in found
    file = tmp_path / "address"
    file.write_text("http://s3cret.example/\n")
    text = sink('webhook = { url_env = "HOOK", body = "slack" }')
    assert "s3cret" not in (found := mistakes(tmp_path, text, {"HOOK_FILE": str(file)}))
    assert "must start with https://" in found


def test_a_variable_that_is_not_set_here_is_a_warning(tmp_path: Path) -> None:
    [warning] = resolved(tmp_path, GOOD, {}).warnings
    assert "SECRET is not set here" in str(warning)
    [warning] = resolved(tmp_path, sink('webhook = { url = "https://a.b/" }')).warnings
    assert "cannot verify" in str(warning)


def test_a_missing_package_for_signatures_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "standardwebhooks", None)
    [warning] = resolved(tmp_path, GOOD).warnings
    assert "pip install -c constraints.txt '.[webhooks]'; without it nothing is delivered" in str(warning)
    assert resolved(tmp_path, sink('webhook = { url = "https://a.b/", body = "slack" }')).warnings == ()


def test_a_file_with_sinks_that_others_can_change_is_refused_unless_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "blackboard.toml"
    file.write_text(sink('command = ["/bin/true"]'))
    os.chmod(file, 0o666)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="has sinks"):
        load_settings(None, {})
    assert load_settings(file, {}).sinks


def test_a_file_that_only_has_sinks_replaces_those_of_the_board_and_no_agents(tmp_path: Path) -> None:
    file = tmp_path / "only.toml"
    file.write_text(sink('command = ["/bin/true"]'))
    session = CommandSession(config=file, database=str(tmp_path / "board.db"))
    with Blackboard.open(tmp_path / "board.db") as board:
        board.deploy(resolved(tmp_path, "").deployment)
        assert (new := session.deployment_of(session.resolve(), board)) is not None
        assert board.deploy(new).changed == ("sink phone: new",)
        assert "need" in board.deployment.kinds
        file.write_text("")
        assert session.deployment_of(session.resolve(), board) is None
