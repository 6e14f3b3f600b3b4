"""The command `token`: tokens are made, listed and revoked, and a wrong option makes none."""

from __future__ import annotations

from tests.support.command_line import CommandLine


def test_a_token_is_printed_once_and_never_listed(house: CommandLine) -> None:
    house("init")
    made = house("token", "create", "form", "--may", "read")
    token = made.out.removesuffix("\n")
    assert token.startswith("blackboard_")
    assert " " not in token
    assert token not in house("token", "list", "--json").out


def test_tokens_are_listed_with_their_authors_scopes_ends_and_states(house: CommandLine) -> None:
    house("init")
    house("token", "create", "form", "--may", "deposit:smoke", "--may", "read", "--author", "webform")
    house("token", "create", "old", "--may", "read")
    house("token", "revoke", "old")
    assert house("token", "create", "other", "--may", "read", "--expires", "never", "--json").json["name"] == "other"
    listed = house("token", "list", "--json").json
    assert [(item["name"], item["author"], item["scopes"], item["state"]) for item in listed] == [
        ("form", "webform", ["deposit:smoke", "read"], "valid"),
        ("old", "old", ["read"], "revoked"),
        ("other", "other", ["read"], "valid"),
    ]
    assert listed[0]["expires_at"] > listed[0]["created_at"]
    assert listed[2]["expires_at"] is None


def test_a_token_is_revoked_once(house: CommandLine) -> None:
    house("init")
    house("token", "create", "form", "--may", "read")
    assert house("token", "revoke", "form").out == "the token form is revoked\n"
    assert house("token", "revoke", "form").code == 1
    assert "revoked" in house("token", "list").out


def test_a_token_for_a_kind_or_an_agent_that_is_not_deployed_yet_has_a_note(house: CommandLine) -> None:
    house("init")
    assert "no kind" not in house("token", "create", "form", "--may", "deposit:smoke").err
    early = house("token", "create", "early", "--may", "deposit:smok", "--may", "claim:watchmen")
    assert early.code == 0
    assert "the deployment has no kind 'smok' yet" in early.err
    assert "the deployment has no agent 'watchmen' yet" in early.err


def test_a_token_with_an_unknown_scope_or_without_a_life_is_not_made(house: CommandLine) -> None:
    house("init")
    assert house("token", "create", "form", "--may", "reed").code == 2
    assert house("token", "create", "ended", "--may", "read", "--expires", "0s").code == 2
    assert house("token", "list", "--json").json == []
