"""The methods of a board that read its state: figures, costs, agents, the agenda, schedules and activations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from blackboard.board.interface.board_handle import BoardHandle
from blackboard.core.marks.mark_checks import normalize_subject
from blackboard.core.marks.tags import TagChoice

if TYPE_CHECKING:
    from blackboard.board.reading.board_figures import BoardFigures, FiguresPosition
    from blackboard.board.result_types.explanation_results import Explanation
    from blackboard.board.result_types.status_results import AgentStatus, BoardStatus
    from blackboard.board.result_types.work_results import (
        ActivationDetails,
        ActivationRecord,
        AgendaItem,
        CostRow,
        ScheduleRecord,
    )


class StatusMethods(BoardHandle):
    """The state of the board, its agents, and the work that waits for them, runs or has ended."""

    def status(self) -> BoardStatus:
        """Return the state of the board."""
        from blackboard.board.reading import board_status

        sizes, dead = self.database.place.sizes(), self.session.dead_workers()
        return self.session.read(lambda txn: board_status.status(txn, dead, sizes))

    def figures(self, after: FiguresPosition | None = None) -> BoardFigures:
        """Return the figures of the board for a monitor. They contain no text of a depositor.

        Args:
            after: The position of earlier figures; `happened` counts what happened after them.
        """
        from blackboard.board.reading import board_figures

        sizes, dead = self.database.place.sizes(), self.session.dead_workers()
        return self.session.read(lambda txn: board_figures.figures(txn, after, dead, sizes))

    def costs(self, days: int = 30) -> list[CostRow]:
        """Return the cost of model calls by day and agent.

        Args:
            days: The number of days (UTC) up to today.
        """
        from blackboard.board.reading import model_costs

        return self.session.read(lambda txn: model_costs.costs(txn, days))

    def agents(self) -> list[AgentStatus]:
        """Return each deployed agent with its watches and its state."""
        from blackboard.board.reading import board_status

        return self.session.read(board_status.agents)

    def unserved_agents(self) -> list[str]:
        """Return the deployed agents that no living daemon claims for."""
        from blackboard.board.reading import board_status

        dead = self.session.dead_workers()
        return self.session.read(lambda txn: board_status.unserved_agents(txn, dead))

    def agenda(self, *, limit: int | None = None) -> list[AgendaItem]:
        """Return the crossings that wait or whose activation is deferred, strongest first, each with the reason.

        Args:
            limit: The largest number of crossings.
        """
        from blackboard.board.reading import work_queries

        return self.session.read(lambda txn: work_queries.agenda(txn, limit))

    def schedules(self, *, limit: int = 3) -> list[ScheduleRecord]:
        """Return each schedule with its next instants, its last instant, and how late that was noticed.

        Args:
            limit: The largest number of next instants of each schedule, at least 1.
        """
        from blackboard.board.reading import work_queries

        return self.session.read(lambda txn: work_queries.schedules(txn, limit))

    def activations(
        self,
        *,
        agent: str | None = None,
        state: str | Iterable[str] | None = None,
        limit: int = 20,
        before: int | None = None,
    ) -> list[ActivationRecord]:
        """Return activations, newest first.

        Args:
            agent: Only activations of this agent.
            state: Only activations in this state, or in one of several states.
            limit: The largest number of activations.
            before: Only activations that are older than the activation with this id.

        Raises:
            UnknownName: There is no such agent, and there never was one.
            UsageError: There is no such state.
        """
        from blackboard.board.reading import work_queries

        states = [state] if isinstance(state, str) else None if state is None else list(state)
        return self.session.read(
            lambda txn: work_queries.activations(txn, agent=agent, states=states, limit=limit, before=before)
        )

    def activation(self, activation_id: int) -> ActivationDetails:
        """Return one activation: its marks with their present state, its deposits, its model calls and their cost.

        Args:
            activation_id: The id of the activation, as in `ActivationRecord.id`.

        Raises:
            NotFound: There is no such activation.
        """
        from blackboard.board.reading.activation_details import activation_details

        return self.session.read(lambda txn: activation_details(txn, activation_id))

    def explain(self, agent: str, subject: str | None = None, *, group: TagChoice | None = None) -> Explanation:
        """Return why an agent has or has not woken, for one subject or group, or for all waiting crossings.

        Args:
            agent: The name of the agent.
            subject: The subject; None for all waiting work of the agent. For a watch over groups, the groups of the
                subject's live marks are explained.
            group: The value of the tag that watches of the agent group by, such as a service for
                `total(Alert, by="service")`. A collection stands for any of its values.

        Raises:
            UnknownName: There is no such agent.
            UsageError: A group is given, and the agent has no watch over groups, or the group cannot be the value of a
                tag.
        """
        from blackboard.board.explanations import waking_explanation

        subject = None if subject is None else normalize_subject(subject)
        dead = self.session.dead_workers()
        return self.session.read(lambda txn: waking_explanation.explain(txn, agent, subject, dead, group))
