"""Hosts whose processes are killed, whose links are cut and whose database server fails lose and double nothing."""

from __future__ import annotations

import json

import pytest

from blackboard import Blackboard
from tests.crash.crash_command import crashing

pytestmark = [pytest.mark.postgresql(only=True, long=True), pytest.mark.processes, pytest.mark.timeout(0)]


def test_two_hosts_lose_and_double_nothing(board: Blackboard) -> None:
    with crashing("--postgresql", "--hosts", "2", "--kills", "20", "--seconds", "20") as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    found = json.loads(out)
    print({name: value for name, value in found.items() if name != "failpoints"})
    assert found["deposits"] > 0
    assert found["activations"] > 0
