"""The lead desk works on a real board, in a file and on PostgreSQL, until no work remains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from blackboard import Blackboard
from blackboard.daemon import build_loop
from blackboard.settings.deployment_file import load_settings
from blackboard.settings.deployment_resolver import ResolvedDeployment, resolve
from lead_desk.desk_marks import Appointment, Lead, Qualified, Rejected
from tests.desk.fake_desk import SAMPLES, sample_leads

CONFIG = Path(__file__).parents[2] / "config" / "leads.toml"
WINDOWS = {
    f"BLACKBOARD_AGENTS__{agent}__BATCH_WINDOW": "20ms" for agent in ("SALES", "SCHEDULER", "ANALYST", "COORDINATOR")
}

pytestmark = pytest.mark.postgresql


@pytest.fixture
def calendar(tmp_path: Path) -> Path:
    """Return a copy of the sample calendar."""
    path = tmp_path / "calendar.ics"
    path.write_bytes(SAMPLES.joinpath("calendar.ics").read_bytes())
    return path


@pytest.fixture
def resolved(board_url: str, calendar: Path) -> ResolvedDeployment:
    """Return the deployment of config/leads.toml with offline rules and short batch windows."""
    environment = {
        **WINDOWS,
        "BLACKBOARD_MODEL__PROVIDER": "offline",
        "BLACKBOARD_DATABASE__URL": board_url,
        "BLACKBOARD_SETTINGS__LEAD_DESK__CALENDAR": str(calendar),
    }
    return resolve(load_settings(CONFIG, environment))


@pytest.fixture
def board(board_url: str, resolved: ResolvedDeployment) -> Iterator[Blackboard]:
    """Return a board with the deployment and the sample leads."""
    with Blackboard.open(board_url, author="webform") as board:
        board.deploy(resolved.deployment)
        board.deposit_many(sample_leads())
        yield board


def test_each_lead_gets_one_verdict_and_each_slot_one_appointment(
    board: Blackboard, resolved: ResolvedDeployment, calendar: Path
) -> None:
    leads = Counter(mark.id for mark in board.marks(Lead))
    build_loop(board, resolved, None).run(until_quiescent=True)
    verdicts = Counter([mark.lead for mark in board.marks(Qualified)] + [mark.lead for mark in board.marks(Rejected)])
    assert verdicts == leads
    slots = [mark.slot for mark in board.marks(Appointment)]
    assert len(slots) == len(set(slots)) > 20
    assert calendar.read_text().count("@lead-desk.blackboard") == len(slots)
    assert {activation.state for activation in board.activations()} == {"done"}
