"""Other frameworks, each in its own environment with pinned versions. `make bench-rivals` creates the environments.

A framework that cannot be run is reported with the reason and gets no figures.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.coordination.completions import Completions
from benchmarks.coordination.leads import Enquiry
from benchmarks.coordination.outcome import Cost, Outcome, check
from benchmarks.coordination.single_agent import scripted_blocks
from benchmarks.coordination.team_model import next_message
from tests.support.messages_api import MessagesApi

__all__ = ["RIVALS", "NotRun", "Rival", "run_rival", "versions"]

HERE = Path(__file__).parent / "rivals"
HOME = Path(os.environ.get("BENCH_RIVALS", ".venv-rivals"))
_TIMEOUT_SECONDS = 600


class NotRun(Exception):
    """A framework that was not run, with the reason."""


@dataclass(frozen=True)
class Rival:
    """A way of using a framework."""

    name: str
    script: str
    environment: str
    package: str
    """Its name on the package index."""
    protocol: str
    """`messages` or `completions`."""
    lasting: bool = True
    """Whether it supports a lasting thread."""

    @property
    def python(self) -> Path:
        return HOME / self.environment / "bin" / "python"


RIVALS = (
    Rival("OpenAI Agents, handoffs", "openai_agents_handoffs.py", "openai-agents", "openai-agents", "completions"),
    Rival("LangGraph, subagents as tools", "langgraph_subagents.py", "langgraph", "langchain", "messages"),
    Rival("LangGraph, supervisor", "langgraph_supervisor_team.py", "langgraph", "langgraph-supervisor", "messages"),
    Rival("AutoGen, selector", "autogen_selector.py", "autogen", "autogen-agentchat", "completions"),
    Rival("CrewAI, hierarchical", "crewai_hierarchical.py", "crewai", "crewai", "completions", lasting=False),
)


def run_rival(rival: Rival, leads: Sequence[Enquiry], *, lasting: bool = False) -> Cost:
    """Run a framework in its own process, and check its outcome.

    Raises:
        NotRun: The environment does not exist, or the script failed.
        WrongOutcome: The outcome is wrong.
    """
    if not rival.python.exists():
        raise NotRun(f"{rival.python} does not exist; `make bench-rivals` creates it")
    if rival.protocol == "messages":
        with MessagesApi(scripted_blocks) as api:
            _run(rival, api.url, leads, lasting, [])
            return Cost(api.paid, api.usage.prompt_tokens, api.usage.output_tokens)
    with Completions(next_message) as api:
        _run(rival, api.url, leads, lasting, api.errors)
        return api.cost


def _run(rival: Rival, url: str, leads: Sequence[Enquiry], lasting: bool, errors: list[str]) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "leads.json"
        data = [{"data": lead.data, "wish": lead.wish, "clashes": lead.clashes} for lead in leads]
        file.write_text(json.dumps(data), "utf-8")
        # No module of this project is on its path (`openai-agents` has its own `agents`), and no setting of the user.
        environ = {"PATH": os.environ.get("PATH", ""), "HOME": folder, "OPENAI_API_KEY": "offline", "NO_PROXY": "*"}
        command = [
            str(rival.python.absolute()),
            str(HERE / rival.script),
            url,
            str(file),
            "lasting" if lasting else "fresh",
        ]
        try:
            done = subprocess.run(
                command, env=environ, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise NotRun(f"it did not finish within {_TIMEOUT_SECONDS} s") from None
    if done.returncode != 0:
        last = (errors or done.stderr.strip().splitlines() or ["it printed no error"])[-1]
        raise NotRun(f"its script failed: {last[:200]}")
    result = json.loads(done.stdout.strip().splitlines()[-1])
    outcome = Outcome(
        {int(number): good for number, good in result["qualified"].items()},
        {int(number): slot for number, slot in result["slots"].items()},
        result["insights"],
    )
    check(outcome, leads)


def versions(rival: Rival) -> str:
    """Return the pinned version of the framework."""
    pins = (HERE / f"{rival.environment}.txt").read_text("utf-8")
    match = re.search(rf"^{rival.package}==\S+", pins, re.MULTILINE)
    return match[0] if match else "?"
