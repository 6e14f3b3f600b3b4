"""The methods of a board for workers of remote agents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING

from blackboard.board.interface.board_handle import BoardHandle
from blackboard.core.records.states import MAX_REASON_CHARACTERS
from blackboard.durations import DurationLike, parse_duration
from blackboard.errors import UsageError

if TYPE_CHECKING:
    from blackboard.board.result_types.remote_work_results import RemoteActivation, RunState
    from blackboard.core.agents.remote_results import ModelUsage, RemoteResult


class RemoteWorkMethods(BoardHandle):
    """The work of remote agents: claims, leases and ends."""

    def claim(
        self, agent: str, *, wait: DurationLike = "0s", lease: DurationLike | None = None
    ) -> RemoteActivation | None:
        """Claim an activation of a remote agent, and return it; None if there is none.

        The author of this handle is the worker.

        Before the lease ends, the worker must finish the activation, report a failure, or extend the lease. If it does
        none of these, the next claim gets the activation.

        Args:
            agent: The name of the agent.
            wait: How long to wait for an activation, up to a day.
            lease: The length of the lease, 1 second to 1 day; by default 5 minutes.

        Raises:
            InvalidDuration: A length of time is not valid.
            UnknownName: There is no such agent.
            UsageError: The lease or the wait is too short or too long.
            WorkError: The agent is not remote: a daemon runs it.
        """
        from blackboard.board.remote_work import remote_claims

        length = remote_claims.check_lease(None if lease is None else parse_duration(lease))
        return remote_claims.wait_and_claim(self.session, agent, self.author, length, parse_duration(wait))

    def claimable_at(self, agent: str) -> datetime | None:
        """Return the next time when a claim may succeed even if nothing changes on the board; None if there is none.

        At that time a batch window, a cooldown or a lease ends, or a schedule or a falling watch is due.

        Raises:
            UnknownName: There is no such agent.
            WorkError: The agent is not remote: a daemon runs it.
        """
        from blackboard.board.remote_work import remote_claims
        from blackboard.board.result_types.row_conversion import optional_datetime

        return optional_datetime(remote_claims.next_instant(self.session, agent))

    def listen(self, callback: Callable[[], None], *, every_commit: bool = False) -> AbstractContextManager[float]:
        """Return a context in which `callback` is called after each commit that may wake an agent.

        A commit of another process may go unnoticed. So the context gives a number of seconds: the caller should read
        the board after that time even without a call.

        Args:
            callback: A function without arguments. Any thread may call it, so it must return immediately.
            every_commit: Call it also after all other commits. Of a board in a file, the commits of other processes are
                then noticed by their writes, within about a second, and there may be calls without a commit.

        Raises:
            TypeError: The callback is a coroutine function, which nothing would await.
        """
        return self.session.listen_to_commits(callback, every_commit=every_commit)

    def heartbeat(
        self,
        activation_id: int,
        *,
        fence: int | None = None,
        agent: str | None = None,
        lease: DurationLike | None = None,
    ) -> RunState:
        """Extend the lease of an activation that this worker has claimed, counted from now.

        Args:
            activation_id: The id of the activation.
            fence: The fence of the claim; None for the run that a worker of this name has now.
            agent: The agent that the activation must belong to; None for any.
            lease: The length of the lease; by default 5 minutes. No run is longer than the timeout of its agent.

        Raises:
            LeaseLost: The worker no longer has the activation.
            NotFound: There is no such activation.
            InvalidDuration: `lease` is not a duration.
            UsageError: The lease is too short or too long.
        """
        from blackboard.board.remote_work import remote_claims, remote_runs
        from blackboard.board.remote_work.remote_runs import NamedRun

        length = remote_claims.check_lease(None if lease is None else parse_duration(lease))
        return remote_runs.extend(self.session, NamedRun(activation_id, self.author, agent, fence), length)

    def finish(
        self,
        activation_id: int,
        result: RemoteResult | Mapping[str, object] | None = None,
        *,
        fence: int | None = None,
        agent: str | None = None,
    ) -> RunState:
        """Finish an activation that this worker has claimed: apply its result, and end it, in one transaction.

        The result is checked like the result of an agent in Python. If it is refused, nothing changes, and the worker
        still has the activation. If the same result comes again, nothing changes, and the answer is the same.

        Args:
            activation_id: The id of the activation.
            result: The marks, withdrawals, reinforcements and model calls of the agent; None for nothing.
            fence: The fence of the claim; None for the run that a worker of this name has now.
            agent: The agent that the activation must belong to; None for any.

        Raises:
            AgentError: The result does more than the agent may do.
            Conflict: A mark has changed since the event that the result names. The activation is put back.
            LeaseLost: The worker no longer has the activation. Nothing is stored.
            NotFound: There is no such activation.
            UnknownName: The deployment no longer has the agent.
            UsageError: The result, or a mark in it, is not valid.
            WorkError: The agent is no longer remote.
        """
        from blackboard.board.remote_work import remote_runs
        from blackboard.board.remote_work.remote_runs import NamedRun
        from blackboard.core.agents.remote_results import RemoteResult

        given = result if isinstance(result, RemoteResult) else RemoteResult.of(result or {})
        return remote_runs.finish(self.session, NamedRun(activation_id, self.author, agent, fence), given)

    def fail(
        self,
        activation_id: int,
        reason: str,
        *,
        retry: bool = True,
        usage: Iterable[ModelUsage] = (),
        fence: int | None = None,
        agent: str | None = None,
    ) -> RunState:
        """Report that the run of an activation that this worker has claimed has failed.

        The failure is then treated like that of an agent in Python.

        Args:
            activation_id: The id of the activation.
            reason: Why the run failed, for people. The text is stored.
            retry: Whether another attempt may succeed. If not, the activation is split immediately, or is dead if it
                has one mark.
            usage: The model calls that the run made.
            fence: The fence of the claim; None for the run that a worker of this name has now.
            agent: The agent that the activation must belong to; None for any.

        Raises:
            LeaseLost: The worker no longer has the activation.
            NotFound: There is no such activation.
            UnknownName: The deployment no longer has the agent.
            UsageError: The reason is empty.
            WorkError: The agent is no longer remote.
        """
        from blackboard.board.activations.run_ends.activation_results import Failure
        from blackboard.board.remote_work import remote_runs
        from blackboard.board.remote_work.remote_runs import NamedRun

        if not (text := reason.strip()):
            raise UsageError("the reason is empty; say why the activation failed")
        failure = Failure(text[:MAX_REASON_CHARACTERS], is_hopeless=not retry)
        return remote_runs.fail(self.session, NamedRun(activation_id, self.author, agent, fence), failure, tuple(usage))

    def give_back(self, activation_id: int, *, fence: int, after: DurationLike = "0s", reason: str = "") -> bool:
        """Give back an activation that this worker has claimed and cannot do now, without counting an attempt.

        Args:
            activation_id: The id of the activation.
            fence: The fence of the claim.
            after: How long nobody can claim it.
            reason: The reason, shown to people.

        Returns:
            Whether it was still claimed.

        Raises:
            InvalidDuration: `after` is not a duration.
            NotFound: There is no such activation.
        """
        from blackboard.board.remote_work import remote_runs
        from blackboard.board.remote_work.remote_runs import NamedRun

        run = NamedRun(activation_id, self.author, fence=fence)
        return remote_runs.give_back(self.session, run, parse_duration(after), reason)

    def recover_leases(self) -> int:
        """Recover the activations of remote agents whose leases have expired, and return their number.

        As for any worker that died, each activation is ready again, split, quarantined or dead. A daemon and a server
        call this by themselves, and a claim recovers the activations of its agent.
        """
        from blackboard.board.remote_work import remote_runs

        return remote_runs.recover(self.session)
