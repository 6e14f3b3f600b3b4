"""`/metrics`, read by the parsers of Prometheus."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from tests.server.http_steps import LEAD, problem
from tests.support.bounds import BOUND_SECONDS
from tests.support.served_board import Served

ROOT = Path(__file__).parents[2]
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}


def values(client: Any, **headers: str) -> dict[tuple[str, ...], float]:
    """Return each sample by its name and the values of its labels."""
    response = client.get("/metrics", headers=headers)
    assert response.status_code == 200, response.text
    is_open = response.headers["content-type"].startswith("application/openmetrics-text")
    families = (read_openmetrics if is_open else read_text)(response.text)
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_metrics_show_the_board_and_count_what_all_its_programs_do(served: Served) -> None:
    client = served.client("read")
    values(client)
    served.client("deposit").post("/v1/marks", json=LEAD)
    served.board.deposit("lead", subject="lead/2", payload={"company": "Acme"})
    assert values(client)["blackboard_deposits_total", "lead", "deposited"] == 0
    served.clock.advance(timedelta(seconds=1))
    for headers in ({}, OPENMETRICS):
        found = values(client, **headers)
        assert found["blackboard_deposits_total", "lead", "deposited"] == 2
        assert found["blackboard_marks", "lead"] == 2
        assert found["blackboard_crossings_total", "sales", "watch"] == 2
        assert found["blackboard_agenda_waiting", "sales", "batch_window"] == 2
        assert found["blackboard_agent_served", "sales"] == 0
        assert found["blackboard_clock_believed",] == 1
        assert found["blackboard_http_requests_total", "deposit", "200"] == 1
    served.clock.advance(timedelta(seconds=5))
    assert values(client)["blackboard_deposits_total", "lead", "deposited"] == 2


def test_metrics_need_a_token_that_reads_and_name_no_subject(served: Served) -> None:
    served.board.deposit("lead", subject="sesame/1", payload={"company": "sesame"})
    for client, name in ((served.client(), "no-token"), (served.client("deposit", "operate"), "not-allowed")):
        assert problem(client.get("/metrics")) == name
    text = served.client("read-redacted").get("/metrics").text
    assert "blackboard_marks" in text
    assert "sesame" not in text


@pytest.mark.file_only("some metrics are of the file")
def test_every_metric_is_documented(served: Served) -> None:
    text = (ROOT / "docs/server.md").read_text("utf-8").partition("### Metrics")[2].partition("\n### ")[0]
    documented = set(re.findall(r"`(blackboard_[a-z_]+)", text.partition("| metric")[2]))
    families = read_text(served.client("read").get("/metrics").text)
    found = {
        family.name + "_total" * (family.type == "counter")
        for family in families
        if family.name.startswith("blackboard_")
    }
    assert documented - {"blackboard_next_alarm_seconds"} == found


def test_metrics_pass_the_check_of_prometheus(served: Served) -> None:
    if (promtool := shutil.which("promtool")) is None:
        pytest.skip("promtool is not installed")
    served.board.deposit("lead", subject="lead/1")
    text = served.client("read").get("/metrics").text
    command = [promtool, "check", "metrics"]
    checked = subprocess.run(command, input=text, capture_output=True, text=True, timeout=BOUND_SECONDS, check=False)
    assert checked.returncode == 0, checked.stderr
