"""Runs of scenarios: a real daemon with the agents of a deployment file, on a new board and a manual clock."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from blackboard.board.facade import Blackboard
from blackboard.board.result_types.mark_results import MarkRecord
from blackboard.clock import ManualClock
from blackboard.daemon import build_loop
from blackboard.errors import ConfigurationError, InvalidMark, Mistake, UsageError
from blackboard.presentation.explanation_lines import explanation_lines
from blackboard.settings.deployment_resolver import ResolvedDeployment, resolve_file
from blackboard.testing.board_replay import Replay, with_settings
from blackboard.testing.scenario_files import Expectation, GivenStep, Scenario, read_scenario, unknown_names
from blackboard.testing.scripted_model import ScriptedModel

MAX_WAKES = 100_000
"""The largest number of an agent's activations that are examined."""


MAX_EXPLAINED_SUBJECTS = 3
"""The largest number of subjects that a failure explains if its expectation names no subject."""


@dataclass(frozen=True)
class UnmetExpectation:
    """An expectation that was not met."""

    number: int
    """Its place among the expectations of the file, from 1."""
    message: str
    """The expectation and the finding."""
    explanation: tuple[str, ...]
    """The lines of `blackboard explain` at that instant."""

    def __str__(self) -> str:
        return "\n".join([f"expect {self.number}: {self.message}", *(f"  {line}" for line in self.explanation)])


def run_scenario(path: Path, environ: Mapping[str, str] | None = None) -> list[UnmetExpectation]:
    """Run the scenario of a file, and return the expectations that were not met.

    Agents publish nothing: neither files nor messages leave the board.

    Raises:
        ConfigurationError: The file or its deployment has mistakes, or the file names an unknown kind or agent.
    """
    scenario = read_scenario(path)
    deployment = None if scenario.deployment is None else path.parent / scenario.deployment
    if deployment is not None and not deployment.is_file():
        raise ConfigurationError(
            [Mistake(f"{path}: deployment", f"there is no file {scenario.deployment!r} beside it")]
        )
    resolved = resolve_file(deployment, os.environ if environ is None else environ)
    resolved = with_settings(_without_publishing(resolved), scenario.settings)
    if mistakes := list(unknown_names(path, scenario, resolved)):
        raise ConfigurationError(mistakes)
    model = None if scenario.answers is None else ScriptedModel(*map(json.dumps, scenario.answers))
    clock = ManualClock(scenario.start)
    with (
        TemporaryDirectory(prefix="blackboard-scenario-") as folder,
        Blackboard.open(Path(folder, "board.db"), author="test", clock=clock) as board,
    ):
        board.deploy(resolved.deployment)
        with Replay(board, build_loop(board, resolved, model)) as replay:
            return list(_run(path, scenario, board, replay))


def _run(path: Path, scenario: Scenario, board: Blackboard, replay: Replay) -> Iterator[UnmetExpectation]:
    """Deposit and examine in the order of time. Work that is due at an instant is done before its examination."""
    steps: list[tuple[datetime, int, int, GivenStep | Expectation]] = []
    steps += [
        (at, 0, number, given) for number, given in enumerate(scenario.given, 1) for at in scenario.deposits_of(given)
    ]
    steps += [
        (scenario.instant(expected.by), 1, number, expected) for number, expected in enumerate(scenario.expect, 1)
    ]
    for at, _, number, step in sorted(steps, key=lambda entry: entry[:3]):
        replay.run_until(at)
        if isinstance(step, GivenStep):
            try:
                board.as_author(step.author).deposit(
                    step.kind, subject=step.subject, payload=step.payload, intensity=step.intensity
                )
            except (InvalidMark, UsageError) as error:
                raise ConfigurationError([Mistake(f"{path}: given {number}", str(error))]) from None
        elif (problem := _problem(scenario, board, step)) is not None:
            yield UnmetExpectation(
                number, f"by {at:%Y-%m-%d %H:%M:%S}, {problem}", tuple(_explained(scenario, board, step))
            )


def _problem(scenario: Scenario, board: Blackboard, expected: Expectation) -> str | None:
    """Return why an expectation is not met; None if it is met."""
    if expected.what in ("wakes", "silence"):
        return _problem_of_agent(expected, _count_wakes(scenario, board, expected))
    return _problem_of_marks(expected, board)


def _problem_of_agent(expected: Expectation, woken: int) -> str | None:
    """Return why the number of wakes of an agent does not meet an expectation; None if it does."""
    is_met = woken == 0 if expected.what == "silence" else _is_met(woken, expected.times)
    if is_met:
        return None
    outcome = f"was woken {_times(woken)}" if woken else "was not woken"
    wanted = "be silent" if expected.what == "silence" else "wake"
    if expected.times is not None:
        wanted += f" {_times(expected.times)}"
    return f"{expected.name} must {wanted}{_subject_text(expected)}, and {outcome}"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _problem_of_marks(expected: Expectation, board: Blackboard) -> str | None:
    """Return why the live marks do not meet an expectation; None if they do."""
    live = board.marks(expected.name, subject=expected.subject or None)
    marks = [mark for mark in live if _fits(mark, expected)]
    is_met = not marks if expected.what == "no_mark" else _is_met(len(marks), expected.times)
    if is_met:
        return None
    wanted = "no mark" if expected.what == "no_mark" else f"{expected.times or 'a'} mark{'s' if expected.times else ''}"
    wanted += f" of {expected.name}{_subject_text(expected)}{f' with {expected.payload}' if expected.payload else ''}"
    wanted += f" of strength {expected.min_strength}" if expected.min_strength else ""
    present = "; ".join(f"{mark.subject}: {mark.payload}, strength {mark.strength:.4g}" for mark in live[:5]) or "none"
    return f"there must be {wanted}, and there is {present}"


def _subject_text(expected: Expectation) -> str:
    return f" about {expected.subject!r}" if expected.subject else ""


def _fits(mark: MarkRecord, expected: Expectation) -> bool:
    return mark.strength >= expected.min_strength and expected.payload.items() <= mark.payload.items()


def _is_met(count: int, times: int | None) -> bool:
    return count >= 1 if times is None else count == times


def _count_wakes(scenario: Scenario, board: Blackboard, expected: Expectation) -> int:
    after = datetime.min.replace(tzinfo=UTC) if expected.after is None else scenario.instant(expected.after)
    return sum(
        record.started_at is not None
        and after < record.started_at <= scenario.instant(expected.by)
        and (
            not expected.subject or any(mark.subject == expected.subject for mark in board.activation(record.id).marks)
        )
        for record in board.activations(agent=expected.name, limit=MAX_WAKES)
    )


def _explained(scenario: Scenario, board: Blackboard, expected: Expectation) -> Iterator[str]:
    """Yield the explanation of the agent; for a mark, the explanations of all agents that may deposit it."""
    names = [expected.name]
    if expected.what in ("mark", "no_mark"):
        names = [name for name, agent in board.deployment.agents.items() if expected.name in agent.writes]
    given = dict.fromkeys(step.subject for step in scenario.given)
    subjects = [expected.subject] if expected.subject else [*given][:MAX_EXPLAINED_SUBJECTS]
    for name in names:
        for subject in subjects or (None,):
            yield from explanation_lines(board.explain(name, subject))


def _without_publishing(resolved: ResolvedDeployment) -> ResolvedDeployment:
    agents = {name: replace(agent, publish=None) for name, agent in resolved.agents.items()}
    return replace(resolved, agents=agents)
