"""Readings of a board for its pages, in addition to the public interface of `Blackboard`."""

from __future__ import annotations

from collections.abc import Collection

from blackboard.board.facade import Blackboard
from blackboard.board.reading import board_figures, board_status, mark_queries, model_costs, work_queries
from blackboard.board.reading.activation_details import model_call_texts
from blackboard.board.reading.board_figures import EndedRun
from blackboard.board.result_types.mark_results import MarkEvent
from blackboard.board.result_types.status_results import MenuCounts
from blackboard.board.result_types.work_results import (
    ActivationUsage,
    AgendaItem,
    EndingDeferral,
    ModelCallTexts,
    ModelCostRow,
    Prediction,
)
from blackboard.core.marks.decay import Decay
from blackboard.core.marks.mark_checks import normalize_subject
from blackboard.core.specs.deployment import Deployment
from blackboard.durations import Duration


def law(board: Blackboard, text: str) -> Decay:
    """Return the decay law with a text, such as the text in `MarkRecord.law`.

    Raises:
        UnknownName: No mark of this board ever had such a law.
        InvalidLaw: The law is not known to this program.
    """
    return board.session.read(lambda txn: mark_queries.law(txn, text))


def menu_counts(board: Blackboard) -> MenuCounts:
    """Return what waits for people and agents."""
    return board.session.read(board_status.menu_counts)


def live_counts(board: Blackboard) -> dict[str, int]:
    """Return the number of live marks of each kind that has any."""
    return board.session.read(board_status.live_counts)


def predictions(board: Blackboard, limit: int) -> list[Prediction]:
    """Return when watches are tested next because of time alone, soonest first."""
    return board.session.read(lambda txn: work_queries.predictions(txn, limit))


def agenda_of(board: Blackboard, agent: str, limit: int | None = None) -> list[AgendaItem]:
    """Return the crossings of an agent that wait or whose activation is deferred, strongest first."""
    return board.session.read(lambda txn: work_queries.agenda(txn, limit, agent=agent))


def ending_deferrals(board: Blackboard, limit: int) -> list[EndingDeferral]:
    """Return the deferrals of waiting crossings that end because of time alone, soonest first."""
    return board.session.read(lambda txn: work_queries.ending_deferrals(txn, limit))


def newest_events(board: Blackboard, subject: str, limit: int, before: int | None = None) -> list[MarkEvent]:
    """Return the last events of a subject, newest first; with `before`, only events before that event."""
    subject = normalize_subject(subject)
    return board.session.read(lambda txn: mark_queries.newest_of_subject(txn, subject, limit, before))


def call_texts(board: Blackboard, call_id: int) -> ModelCallTexts:
    """Return the request and the answer of a model call.

    Raises:
        NotFound: There is no such call.
    """
    return board.session.read(lambda txn: model_call_texts(txn, call_id))


def costs_by_model(board: Blackboard, days: int) -> list[ModelCostRow]:
    """Return the tokens and the cost of the calls of each model, for a number of days (UTC) up to today."""
    return board.session.read(lambda txn: model_costs.costs_by_model(txn, days))


def usage_by_activation(board: Blackboard, activation_ids: Collection[int]) -> list[ActivationUsage]:
    """Return the tokens and the cost of the model calls of some activations, without activations that made none."""
    return board.session.read(lambda txn: model_costs.usage_by_activation(txn, activation_ids))


def faded_unseen(board: Blackboard, days: int) -> int:
    """Return how many marks evaporated without being given to an agent, in a number of days (UTC) up to today."""
    return board.session.read(lambda txn: mark_queries.faded_unseen(txn, days))


def ended_runs(board: Blackboard, within: Duration, limit: int) -> list[EndedRun]:
    """Return the activations that ended within a length of time before now; of very many, the newest."""
    return board.session.read(lambda txn: board_figures.ended_runs(txn, within, limit))


def deployment_version(board: Blackboard, version: int) -> Deployment:
    """Return a version of the deployment.

    Raises:
        NotFound: There is no such version.
    """
    return board.session.read(lambda txn: board_status.deployment_version(txn, version))
