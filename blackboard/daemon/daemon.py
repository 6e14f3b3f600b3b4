"""The daemon: a loop that looks at what is due, does it, and sleeps until the next instant that follows from the laws.

Nothing is polled. A deposit of this process sets an event; one of another process sends a datagram; everything that
fading will bring about has an instant, for which the alarm is set. A slow tick stands behind all of it.
"""

from __future__ import annotations

import os
import random
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from blackboard.agent_definition import Agent
from blackboard.board import activation_results, board_clock, readiness
from blackboard.board.blackboard import Blackboard
from blackboard.board.board_transaction import BoardTransaction
from blackboard.board.claims import Claim
from blackboard.board.pace_limit import Pace
from blackboard.clock import Instant, SystemClock, iso
from blackboard.daemon.activation_runner import ActivationRunner
from blackboard.daemon.active_runs import ActiveRuns
from blackboard.daemon.batch_api import BatchApi
from blackboard.daemon.call_recorder import CallRecorder
from blackboard.daemon.clock_jumps import ClockJumps
from blackboard.daemon.liveness import WorkerLiveness, living
from blackboard.daemon.maintenance import Backfills, Checkpoint, Evaporation, MaintenanceTask, Recovery, Retention
from blackboard.daemon.model_caller import ModelCaller
from blackboard.daemon.publisher import Publisher
from blackboard.daemon.quiescence import Report, still_to_do
from blackboard.daemon.timer import Alarm
from blackboard.daemon.watchdog import Watchdog
from blackboard.errors import BlackboardError, ConfigurationError, StoreError
from blackboard.failpoints import reach
from blackboard.llm import Client, ModelSettings, Prices, load_prices
from blackboard.packaged_files import program_version
from blackboard.settings import DaemonSettings, without_price
from blackboard.store import schema
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, MARKS

__all__ = ["Daemon"]

log = structlog.get_logger("blackboard")
Reload = Callable[[], tuple[Mapping[str, Agent], Mapping[str, Any]]]


@dataclass
class _Due:
    """What a look at the board found to be due, and the next instant at which something will be."""

    predicted: bool = False
    evaporation: bool = False
    backfills: bool = False
    agents_with_work: set[str] = field(default_factory=set)
    """The agents for which anything waits."""
    delay: int = 0
    """Microseconds until work in the background may go on."""
    instants: list[Instant] = field(default_factory=list)


class Daemon:
    """Wakes the agents of one board. Several may serve one board at once.

    Args:
        board: what it serves.
        agents: the agents whose functions this process has; others are left to other daemons. Those that the board
            does not know are put in force as they declare themselves; those that it knows stay as they are registered.
        settings: ticks, leases, limits.
        model: which model answers; without a client the agents' offline rules do.
        client: the connection to the provider, or None.
        context: what agents see as `context.settings`.
        chance: where jitter comes from.
        watchdog: who is told that the loop runs; by default the service manager, if the environment names one.
    """

    def __init__(
        self,
        board: Blackboard,
        agents: Mapping[str, Agent] | Iterable[Agent],
        settings: DaemonSettings | None = None,
        *,
        model: ModelSettings | None = None,
        client: Client | None = None,
        prices: Prices | None = None,
        context: Mapping[str, Any] | None = None,
        rng: random.Random | None = None,
        watchdog: Watchdog | None = None,
    ) -> None:
        self.board = board
        self.agents = dict(agents) if isinstance(agents, Mapping) else {agent.name: agent for agent in agents}
        self.settings = settings or DaemonSettings()
        self.on_event: Callable[[str, dict[str, Any]], None] = lambda event, details: None
        self.reload: Reload | None = None
        self._rng = rng or random.Random()
        self._wake = threading.Event()
        self._stopping = self._at_once = self._reloading = False
        self._liveness = WorkerLiveness(board.database.path, self._wake.set)
        self._model = model or ModelSettings()
        self._recorder = CallRecorder(board, prices or load_prices(self._model.prices))
        self._batch_api: BatchApi | None = None
        if client is not None:
            self._batch_api = BatchApi(
                board, client, self._recorder, self.settings.batch_api_interval, self._rng, self._wake.set
            )
        model_caller = ModelCaller(board, client, self._model, self._recorder, self._rng)
        self._runner = ActivationRunner(board, model_caller, context or {}, self._rng, self._emit)
        self._publisher = Publisher(board, self.agents, context or {})
        self._runs = ActiveRuns(
            board,
            self._runner,
            self._liveness.id,
            self.settings.lease,
            emit=self._emit,
            ended=self._publish,
            free=self._wake.set,
        )
        self._last_claimed: str | None = None
        self._alarm: Alarm | None = None
        self._tasks = self._make_tasks()
        self._task_due: dict[int, int] = {}
        self._batch_api_due = 0
        self._clock_jumps = ClockJumps(board.clock)
        self._doubting = self._looked = False
        self._trouble: str | None = None
        self._watchdog = watchdog or Watchdog.of(os.environ)
        for agent in self.agents.values():
            board.session.classes.add(agent.kinds.values())

    def _make_tasks(self) -> list[MaintenanceTask]:
        settings = self.settings
        self._pace = Pace(self.board.clock)
        self._backfills = Backfills(self.board, settings.evaporation_batch, self._pace)
        self._evaporation = Evaporation(self.board, settings.evaporation_batch, self._pace)
        self._recovery = Recovery(self.board, self._liveness, self._runs.keys, settings.lease, settings.lease // 3)
        return [
            self._recovery,
            Checkpoint(self.board, settings.checkpoint),
            Retention(
                self.board,
                settings.keep_history,
                settings.keep_activations,
                settings.keep_model_calls,
                settings.evaporation_batch,
                3_600_000_000,
            ),
        ]

    # -- from outside -------------------------------------------------------------------------------------------------

    def run(self, *, until_quiescent: bool = False) -> Report:
        """Serve the board until `stop`, or until nothing waits that time or work alone could finish.

        Returns:
            What was left, and why.
        """
        try:
            self._enter()
            while not self._stopping:
                self._wake.clear()
                if self.run_once(until_quiescent=until_quiescent):
                    break
                if not self._stopping:
                    self._sleep()
            return self._shut_down()
        finally:
            self._exit()

    def run_once(self, *, until_quiescent: bool = False) -> bool:
        """One turn of the loop, without its sleep: everything that is due now. True if nothing is left to wait for.

        A board that cannot be used ends nothing: the cause may pass (a full disk, a lock held too long), so it is said
        once, and looked at again at the next turn.
        """
        done = False
        try:
            if self._trouble is not None:
                self._come_back()
            self._look(until_quiescent)
            done = until_quiescent and not self._busy() and self.board.read(self._nothing_left)
        except StoreError as error:
            self._in_trouble(str(error))
        self._watchdog.alive()
        return done

    def stop(self, *, now: bool = False) -> None:
        """Finish what runs, within the grace of the settings, and hand back the rest; `now` does not wait."""
        self._stopping = self._runs.over = True
        self._at_once = self._at_once or now
        self._wake.set()

    def request_reload(self) -> None:
        """Read the deployment again at the next look."""
        self._reloading = True
        self._wake.set()

    # -- the loop ----------------------------------------------------------------------------------------------------

    def _enter(self) -> None:
        board = self.board
        self._unsubscribe = board.subscribe(self._wake.set)
        if self._batch_api is not None and (
            wrong := without_price(board.deployment, self._model, self._recorder.prices)
        ):
            raise ConfigurationError(wrong)
        self._liveness.enter()
        self._clock_jumps = ClockJumps(board.clock)
        registered = board.deployment.agents
        if new := [agent for name, agent in self.agents.items() if name not in registered]:
            board.deploy(*new)
        if note := schema.refresh_views(board.database, living):
            log.warning(note)
        board.write(self._register, record=True)
        reach("worker.registered")
        self._recorder.take_in()  # what was paid for and kept beside the database goes first
        recovered = self._recovery.run_once()
        self._publisher.start()
        if isinstance(board.clock, SystemClock):
            self._alarm = Alarm(self._wake.set, self.settings.tick)
            self._alarm.start()
        unknown = sorted(set(board.deployment.agents) - set(self.agents))
        log.info("started", worker=self._liveness.id, agents=sorted(self.agents), board=board.database.where)
        self._emit("started", {"worker": self._liveness.id, "recovered": recovered})
        self._watchdog.ready(f"serves {board.database.where}")
        if unknown:
            log.warning("agents of the deployment that this daemon does not run", agents=unknown)

    def _register(self, txn: BoardTransaction) -> None:
        if self._liveness.id in {row[0] for row in txn.tx.all(ACTIVATIONS.workers)}:
            return
        txn.tx.run(
            ACTIVATIONS.insert_worker,
            id=self._liveness.id,
            pid=os.getpid(),
            host=socket.gethostname(),
            started_at=txn.now,
            seen_at=txn.now,
            version=program_version(),
        )

    def _in_trouble(self, error: str) -> None:
        """Say once what is wrong with the board."""
        if error != self._trouble:
            log.error("the board cannot be used; it is tried again at each tick", error=error)
            self._watchdog.status(f"the board cannot be used: {error}")
        self._trouble = error

    def _come_back(self) -> None:
        """After trouble: hold what lies there now to be a board of this version, and sign on again.

        Raises:
            StoreError: it still is not.
        """
        self.board.session.now()  # whether the file is there at all, before anybody asks what it holds
        schema.ensure(self.board.database, self.board.clock.now(), create=False)
        self.board.write(self._register, record=True)
        self._recovery.run_once()
        self._trouble = None
        log.info("the board can be used again")
        self._watchdog.status(f"serves {self.board.database.where}")

    def _look(self, until_quiescent: bool) -> None:
        """Do everything that is due now."""
        self._mind_the_clock()
        if self._reloading:
            self._reload()
        self._end_overdue()
        self._recorder.take_in()
        running = self.board.clock.running()
        if self._liveness.lost_another():
            self._recovery.run_once()
        for index, one in enumerate(self._tasks):
            if self._task_due.get(index, running) <= running:
                while one.run_once() >= self.settings.evaporation_batch and not self._stopping:
                    self._watchdog.alive()
                self._task_due[index] = running + one.interval
        if self._batch_api and running >= self._batch_api_due and not self._doubting:
            self._batch_api.look()
            self._batch_api_due = running + self._batch_api.interval
        while not self._stopping:
            self._watchdog.alive()
            due = self.board.read(self._due)
            busy = self._claim_all(due.agents_with_work)
            if due.predicted or (due.evaporation and not due.delay):
                busy = self._evaporation.run_once() > 0 or busy
            if due.backfills and not due.delay:
                busy = self._backfills.run_once() > 0 or busy
            if not busy:
                break

    def _due(self, txn: BoardTransaction) -> _Due:
        predicted, evaporation = txn.tx.one(CROSSINGS.next_predicted)[0], txn.tx.one(MARKS.next_evaporation)[0]
        following = {kind for kind, _ in txn.active.law_changes}
        found = _Due(
            predicted=predicted is not None and predicted <= txn.now,
            evaporation=evaporation is not None and evaporation <= txn.now and not following,
            backfills=txn.tx.one(CROSSINGS.backfills) is not None,
        )
        found.instants = [at for at in (predicted, evaporation) if at is not None and at > txn.now]
        if found.evaporation or found.backfills:
            found.delay = self._pace.delay(txn.last_event)
            found.instants.append(txn.now + found.delay)
        found.agents_with_work = readiness.agents_with_work(txn) & set(self.agents)
        for name in found.agents_with_work & set(txn.deployment.agents):
            if (at := readiness.next_ready(txn, txn.deployment.agents[name])) is not None:
                found.instants.append(at)
        return found

    def _claim_all(self, agents_with_work: set[str]) -> bool:
        """Start every activation that is ready and for which there is room."""
        names = [name for name in self._in_turn() if name in agents_with_work and not self._runs.hangs(name)]
        room = self.settings.workers - self._runs.busy()
        if self._stopping or room <= 0 or not (names := self.board.read(lambda txn: self._claimable(txn, names))):
            return False
        reach("claim.before")
        claims = self.board.write(lambda txn: self._claim(txn, names, room), record=True, shared=True)
        reach("claim.after")
        for claim in claims:
            self._start(self.agents[claim.agent.name], claim)
        return bool(claims)

    def _in_turn(self) -> list[str]:
        """The agents, first those after the one that was the last to be given room."""
        names = list(self.agents)
        after = names.index(self._last_claimed) + 1 if self._last_claimed in self.agents else 0
        return names[after:] + names[:after]

    def _claimable(self, txn: BoardTransaction, names: list[str]) -> list[str]:
        return [name for name in names if readiness.may_claim(txn, name)]

    def _claim(self, txn: BoardTransaction, names: list[str], room: int) -> list[Claim]:
        """As much as there is room for, in one transaction; the agents take turns."""
        claims: list[Claim] = []
        waiting = deque(names)
        while waiting and len(claims) < room:
            name = waiting.popleft()
            if (claim := self._runs.claim(txn, name)) is not None:
                claims.append(claim)
                waiting.append(name)
        return claims

    def _start(self, agent: Agent, claim: Claim) -> None:
        self._last_claimed = agent.name
        try:
            self._runs.start(agent, claim)
        except RuntimeError as error:  # the system gives no more threads
            log.error("no thread could be started", activation=claim.row.id, error=str(error))
            reason = str(error)
            self.board.write(
                lambda txn: activation_results.defer(txn, claim.row, until=txn.now + self.settings.tick, reason=reason)
            )

    def _publish(self, agent: Agent) -> None:
        self._publisher.changed(agent)

    def _end_overdue(self) -> None:
        for run in self._runs.give_up_overdue(self.board.clock.running()):
            seconds = run.claim.agent.settings.timeout / 1e6
            self._runner.failed(run.agent, run.claim, f"it ran past its timeout of {seconds:g} s")

    def _sleep(self) -> None:
        now, running = self.board.clock.now(), self.board.clock.running()
        latest = now + min(self.settings.tick, self._watchdog.interval or self.settings.tick)
        instants = [latest]
        if not self._doubting and self._trouble is None:  # otherwise the tick is soon enough
            try:
                instants += self.board.read(self._due).instants
            except StoreError as error:
                self._in_trouble(str(error))
        runs = self._runs.current()
        instants += [now + max(0, run.deadline - running) for run in runs]
        until = min(instants)
        if self._alarm is not None:
            self._alarm.at(until)
            self.board.clock.wait(self._wake, latest)
        elif runs or (self._batch_api and self._batch_api.busy):
            # A clock that is moved by waiting must not run ahead of the agents' threads.
            self._wake.wait(60)
        else:
            self.board.clock.wait(self._wake, until)

    def _mind_the_clock(self) -> None:
        before = self._clock_jumps.latest
        step = self._clock_jumps.look()
        if step < 0:
            log.warning("the clock stepped back: strengths stand still until it has caught up", by_seconds=-step / 1e6)
            if self._alarm is not None:
                self._alarm.stepped_back()
            if not self._doubting:
                self.board.write(lambda txn: board_clock.record(txn, before))
        elif step > 0:
            log.warning("the clock stepped forward, or the machine slept", by_seconds=step / 1e6)
            # Living workers could not extend their leases meanwhile.
            self._recovery.trust_leases_from(self.board.clock.running() + self.settings.lease)
        doubted = self.board.read(lambda txn: txn.doubted)
        if doubted is not None and not self._doubting:
            log.error("the clock leapt ahead and is not believed: the board's time stands still", clock=iso(doubted))
            self.board.write(lambda txn: None)  # whoever writes leaves the question
        elif (
            doubted is None and (self._doubting or not self._looked) and self.board.write(board_clock.withdraw_question)
        ):
            log.info("the clock is believed again")
        self._doubting, self._looked = doubted is not None, True

    def _reload(self) -> None:
        self._reloading = False
        if self.reload is None:
            return
        self._runs.end_sequences()  # a thread would go on with the agent as it was
        try:
            agents, context = self.reload()
        except BlackboardError as error:
            log.error("the deployment file has mistakes; what was in force stays so", error=str(error))
            return
        self.agents = dict(agents)
        self._runner.settings = context
        self._publisher.stop()
        self._publisher = Publisher(self.board, self.agents, context)
        log.info("reloaded", version=self.board.deployment.version)

    def _nothing_left(self, txn: BoardTransaction) -> bool:
        return not still_to_do(txn, set(self.agents), batch_api=self._batch_api is not None)

    def _busy(self) -> bool:
        return bool(self._runs) or (self._batch_api is not None and self._batch_api.busy)

    # -- the end -----------------------------------------------------------------------------------------------------

    def _shut_down(self) -> Report:
        """Wait for what runs, hand back what does not end in time."""
        if self._stopping and self._runs and not self._at_once:
            log.info("stopping", running=len(self._runs), grace_seconds=self.settings.grace / 1e6)
        self._watchdog.stopping()
        clock = self.board.clock
        until = clock.running() + self.settings.grace
        while self._runs and not self._at_once and clock.running() < until:
            self._wake.clear()
            if not self._runs:
                break
            if self._alarm is not None:
                clock.wait(self._wake, clock.now() + until - clock.running())
            else:
                self._wake.wait(60)
        for claim in self._runs.claims():
            self.board.write(lambda txn, claim=claim: activation_results.hand_back(txn, claim.row))  # type: ignore[misc]
        return self.board.read(lambda txn: Report.of(txn, set(self.agents)))

    def _exit(self) -> None:
        if self._batch_api is not None:
            self._batch_api.close(0.0 if self._at_once else self.settings.grace / 1e6)
        if self._alarm is not None:
            self._alarm.stop()
            self._alarm = None
        self._publisher.stop()
        self._runs.dismiss()
        self._liveness.release()
        try:
            self.board.write(lambda txn: txn.tx.run(ACTIVATIONS.delete_worker, id=self._liveness.id) and None)
        except StoreError as error:
            log.error("the worker could not sign off", error=str(error))
        self._unsubscribe()
        log.info("stopped", worker=self._liveness.id)

    def _emit(self, event: str, details: dict[str, Any]) -> None:
        try:
            self.on_event(event, details)
        except Exception as error:
            log.error("a listener failed", of=event, error=str(error))
