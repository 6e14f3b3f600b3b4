"""The loop of a daemon: it does the due work of a board, and sleeps until the next instant when work is due.

The loop does not poll. A deposit in this process sets an event, and a deposit in another process sends a datagram. Each
effect of decay has a predicted instant, and the loop sleeps until the first of them. As a fallback, it also looks for
work at each tick (a setting, 10 s by default).
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from blackboard.board.board_storage import refresh_views
from blackboard.board.daemon_work import RemainingWork, Worker, preload_program
from blackboard.board.facade import Blackboard
from blackboard.clock import Instant, seconds_in, sleep_for
from blackboard.core.agents.agent_definition import Agent
from blackboard.daemon.agent_runs import forked_children
from blackboard.daemon.agent_runs.activation_runner import ActivationRunner
from blackboard.daemon.agent_runs.active_runs import ActiveRuns
from blackboard.daemon.agent_set import AgentSet, code_of
from blackboard.daemon.daemon_events import DaemonEvent, DaemonEventDetails, DaemonListener
from blackboard.daemon.deliveries.webhook_couriers import WebhookCouriers
from blackboard.daemon.loop.deployment_reload import DeployFile, DeploymentReload
from blackboard.daemon.loop.life_cycle import DaemonPhase, LifeCycle, LoopHandle
from blackboard.daemon.loop.loop_iterations import LoopIterations
from blackboard.daemon.loop.loop_sleep import LoopSleep
from blackboard.daemon.loop.maintenance import Maintenance, MaintenanceTask
from blackboard.daemon.loop.troubles import Troubles, is_bug
from blackboard.daemon.model_requests.model_access import ModelAccess
from blackboard.daemon.service_manager import ServiceManager
from blackboard.durations import MILLISECOND, Duration
from blackboard.errors import StoreError, UsageError
from blackboard.llm.model_client import ModelClient
from blackboard.llm.model_settings import ModelSettings
from blackboard.settings.sections import DaemonSection
from blackboard.settings.sink_sections import SinkSection, WebhookSection
from blackboard.sinks.message_deliverer import Deliverer
from blackboard.system import log_queue
from blackboard.system.error_descriptions import show_messages
from blackboard.system.failpoints import failpoint
from blackboard.system.log_queue import Log

if TYPE_CHECKING:
    from blackboard.settings.deployment_resolver import ResolvedDeployment

log = Log("blackboard")

PAUSE_AFTER_FAILURE: Duration = 100 * MILLISECOND
"""The pause of the loop if even waiting fails."""


def build_loop(
    board: Blackboard,
    resolved: ResolvedDeployment,
    client: ModelClient | None,
    *,
    delivers: bool = False,
    deploy_file: DeployFile | None = None,
) -> DaemonLoop:
    """Build the loop of the daemon that a deployment file describes.

    Args:
        board: The board that the daemon serves.
        resolved: The deployment file, with its agents and settings.
        client: The connection to the model's provider; None for the agents' offline rules.
        delivers: Whether the daemon delivers messages to the sinks of the file, and activations to its webhooks.
        deploy_file: Deploys the file again at a reload; None if the daemon cannot reload it.
    """
    settings = resolved.settings
    loop = DaemonLoop(
        board,
        resolved.agents,
        settings.daemon,
        model=settings.model,
        client=client,
        agent_settings=settings.settings,
        deploy_file=deploy_file,
    )
    if delivers:
        loop.deliver_to(settings.sinks, resolved.webhooks)
    return loop


class DaemonLoop:
    """The loop of one daemon, with its parts. Its owner lets it `run`, or calls its steps one by one.

    The parameters are those of `Daemon`, and `deploy_file`, which deploys the deployment file again when
    `request_reload` asks for it.
    """

    def __init__(
        self,
        board: Blackboard,
        agents: Mapping[str, Agent] | Iterable[Agent],
        settings: DaemonSection | None = None,
        *,
        model: ModelSettings | None = None,
        client: ModelClient | None = None,
        agent_settings: Mapping[str, Any] | None = None,
        rng: random.Random | None = None,
        replace: bool = False,
        deploy_file: DeployFile | None = None,
    ) -> None:
        self.board, self.settings = board, settings or DaemonSection()
        self.on_event: list[DaemonListener] = []
        """Functions that are called with a `DaemonEvent` and its details. The list may be changed at any time."""
        self.life_cycle = LifeCycle()
        """The phase of this daemon."""
        rng = rng or random.Random()
        self._service_manager = ServiceManager.of(os.environ)
        longest = min(self.settings.tick, self._service_manager.interval or self.settings.tick)
        self._loop_sleep = LoopSleep(board, longest)
        self.wake = self._loop_sleep.wake
        """An event that ends the sleep of the loop."""
        loop = LoopHandle(self.life_cycle, Troubles(board.clock, self._report_trouble), self._emit, self.wake.set)
        self.agents = AgentSet(board, agents, agent_settings or {}, replace=replace)
        """The agents whose functions this process has."""
        self.models = ModelAccess(board, model or ModelSettings(), client, rng, self.wake.set)
        """The access to language models."""
        self.worker = Worker(board, self.settings.lease, code_of(self.agents), self.models.describe, wake=self.wake.set)
        """The worker under which this daemon is registered on the board."""
        runner = ActivationRunner(self.worker, self.models.caller, self.agents, rng, self._emit)
        self.runs = ActiveRuns(self.worker, runner, self.agents, self.settings, loop)
        """The activations that run in this process."""
        self.maintenance = Maintenance(self.worker, self.runs.keys, self.models.batch_api, self.settings)
        """The upkeep of the board that this daemon does besides running agents."""
        self._deliverer = Deliverer(board, (), os.environ)
        self._couriers = WebhookCouriers(board, os.environ)
        self.reload = DeploymentReload(self.worker, self.agents, self.runs, self.deliver_to, deploy_file)
        """The reload of the deployment file, which `request_reload` requests."""
        self._iterations = LoopIterations(
            self.worker, self.agents, self.runs, self.maintenance, loop, self._service_manager
        )

    # -- from outside ------------------------------------------------------------------------------------------------

    def run(self, *, until_quiescent: bool = False) -> RemainingWork:
        """Start, serve the board, and end: see `Daemon.run`."""
        try:
            self.start()
            while self.life_cycle.is_serving:
                self.wake.clear()
                if self.run_once(until_quiescent=until_quiescent):
                    break
                if self.life_cycle.is_serving:
                    self.sleep()
            if self.life_cycle.is_serving:
                self._deliverer.deliver_last()  # the daemon ends because nothing else is left to do
            return self._shut_down()
        finally:
            self.close()

    def run_once(self, *, until_quiescent: bool = False) -> bool:
        """Do all work that is due now: one iteration of the loop, without its sleep.

        No error ends the daemon here, because its cause may pass: a full disk, a lock held too long, a system without
        memory, threads or descriptors. An error is logged once, and the next iteration tries again.

        Returns:
            Whether no work remains; False unless `until_quiescent`.
        """
        is_quiescent = False
        try:
            self.do_due_work(self.maintenance.upkeep)
            if until_quiescent and not (self.runs or self.models.is_busy):
                is_quiescent = self.worker.is_quiescent(batch_api=self.models.batch_api is not None)
                # A program that waits for the end of the work deposits nothing that would fill a batch.
                if not is_quiescent and self.worker.close_batch_window():
                    self.wake.set()
            self._iterations.end_iteration()
        except Exception as error:
            if until_quiescent and is_bug(error):
                raise  # otherwise, a caller that waits for the end of the work would wait forever
            self._iterations.note_failure(error)
        self._service_manager.report_alive()
        return is_quiescent

    def do_due_work(self, upkeep: Sequence[MaintenanceTask] = ()) -> None:
        """Do all work that is due now, with these tasks of upkeep. `run_once` calls this itself, with all upkeep.

        Raises:
            Exception: A step failed. The other steps have run nevertheless.
        """
        self._iterations.begin_iteration()
        try:
            if self.reload.run_if_requested():
                self.models.try_paused()
                log.info("reloaded", version=self.board.deployment.version, note="new code needs a restart")
        except StoreError as error:  # the other work is tried nevertheless
            self._iterations.note_failure(error)
        self.runs.fail_overdue()
        self.models.record_spooled()
        self._iterations.do_due(upkeep)

    def sleep(self) -> None:
        """Sleep until work is due, or until `wake` is set. `run` calls this itself."""
        try:
            self._loop_sleep.until_first(self.next_instants(), threads_work=self.has_busy_threads())
        except Exception as error:  # without memory, for example, there is no instant
            self._iterations.note_failure(error)
            sleep_for(PAUSE_AFTER_FAILURE)

    def next_instants(self) -> list[Instant]:
        """Return the instants when work will be due, read after `do_due_work`."""
        return self._iterations.next_instants(self.board.clock.now())

    def instants_if_idle(self) -> Sequence[Instant] | None:
        """Return the instants when work will be due if nothing has come since `do_due_work`; otherwise None.

        New work for agents sets `wake`, or is due at an instant that `do_due_work` has found. So one reading of the
        board is enough here, where an iteration of the loop takes several.
        """
        if self.wake.is_set() or self.reload.is_requested:
            return None
        if self.models.batch_api is not None or self.runs.current():
            return None
        due = self.worker.due_work()
        return None if due.has_maintenance or due.suspects else due.instants

    def has_busy_threads(self) -> bool:
        """Return whether threads work. A manual clock advances in a wait, and must not run ahead of the threads."""
        return bool(self.runs.current()) or self.models.is_busy

    def stop(self, *, now: bool = False) -> None:
        """Stop serving: see `Daemon.stop`."""
        self.life_cycle.enter(DaemonPhase.HANDING_BACK if now else DaemonPhase.FINISHING)
        self.wake.set()

    def deliver_to(self, sinks: Sequence[SinkSection], webhooks: Mapping[str, WebhookSection]) -> None:
        """Deliver messages to these sinks from now on, and post the activations of remote agents to these webhooks."""
        self._deliverer.replace(sinks)
        self._couriers.replace(webhooks)
        self.worker.count_as_served(self._couriers.agents)

    def request_reload(self) -> None:
        """Reload the deployment file in the next iteration of the loop."""
        self.reload.request()
        self.wake.set()

    # -- the start ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the daemon: check its settings, join the workers of the board, recover what was left, and deliver.

        Mistakes in prices and settings are found before the board is touched, and messages are sent last, when nothing
        of the start can fail. `run` calls this itself.

        Raises:
            AgentInUse: Another living worker serves one of the agents with other code, and `replace` is not set.
            ConfigurationError: A price or a setting of an agent is missing or not valid.
            StoreError: The board cannot be used.
            UsageError: The daemon has ended.
        """
        if self.life_cycle.phase is DaemonPhase.ENDED:
            raise UsageError("this Daemon has ended, and runs only once; build another daemon")
        preload_program("settings", "llm", "sinks", "daemon")
        show_messages(shown=self.settings.log_payloads)
        self.models.check_prices()
        self.agents.check_settings()
        self._join_workers()
        recovered = self._recover()
        self._report_start(recovered)
        self._couriers.start()
        self._deliverer.start()

    def _join_workers(self) -> None:
        """Take the worker's lock, deploy its agents, and register it.

        The lock comes first, so that no other process counts a registered worker as dead. The agents are deployed
        before the row of the worker is written, because the row names the code of each agent.
        """
        if "leap" in self.settings.model_fields_set:  # otherwise the board keeps the limit that it was opened with
            self.worker.limit_leap(self.settings.leap)
        self._loop_sleep.start()
        self.worker.liveness.enter()
        self.maintenance.clock_watch.start()
        self.agents.deploy_new(self.worker)
        if note := refresh_views(self.board):
            log.warning(note)
        self.worker.register()
        failpoint("worker.registered")

    def _recover(self) -> int:
        """Recover what earlier workers left, and return the number of recovered activations.

        Paid answers that were kept in files are stored first: an activation that is recovered then finds its answer.
        """
        self.models.record_spooled()
        self.models.try_paused()
        recovered = self.maintenance.recovery.run_once()
        self.agents.publisher.publish_all()
        return recovered

    def _report_start(self, recovered: int) -> None:
        location, model = self.board.location, self.worker.describe_model()
        deployed, gone = self.board.deployment.agents, self.worker.gone_agents()
        log.info(DaemonEvent.STARTED, worker=self.worker.id, agents=sorted(self.agents), model=model, board=location)
        self._emit(DaemonEvent.STARTED, {"worker": self.worker.id, "recovered": recovered})
        self._service_manager.report_ready(f"serves {location}")
        if unknown := sorted(name for name in deployed.keys() - self.agents.keys() if not deployed[name].remote):
            log.warning("the deployment has agents that this daemon does not run", agents=unknown)
        if gone:
            log.warning("crossings and activations are held: their agents are not in the deployment", held=gone)

    # -- the end -----------------------------------------------------------------------------------------------------

    def _shut_down(self) -> RemainingWork:
        """Wait for the runs, and hand back the runs that do not end within the grace."""
        if self.life_cycle.phase is DaemonPhase.FINISHING and self.runs:
            log.info("stopping", running=len(self.runs), grace_seconds=seconds_in(self.settings.grace))
        self._service_manager.report_stopping()
        clock = self.board.clock
        deadline = clock.monotonic() + self.settings.grace
        while self.runs and self.life_cycle.phase is not DaemonPhase.HANDING_BACK and clock.monotonic() < deadline:
            self.wake.clear()
            if not self.runs:
                break
            self._loop_sleep.for_threads(clock.now() + deadline - clock.monotonic())
        try:
            self.runs.hand_back_all()
            return self.worker.remaining_work()
        except Exception as error:
            # The process ends anyway. Other workers then find this worker dead, and recover its activations.
            if self.life_cycle.is_serving or is_bug(error):
                raise
            return RemainingWork((f"the remaining work could not be read: {error}",))

    def close(self) -> None:
        """Stop listening, end the threads, and unregister the worker. `run` calls this itself."""
        waits = self.life_cycle.phase is not DaemonPhase.HANDING_BACK
        self.life_cycle.enter(DaemonPhase.ENDED)
        self.models.close(seconds_in(self.settings.grace) if waits else 0.0)
        self._loop_sleep.stop()
        self._deliverer.close()  # deliveries that have begun may take some seconds to finish
        self._couriers.stop()
        self.agents.publisher.close()
        self.runs.close()
        self.maintenance.close()
        self.worker.liveness.release()
        try:
            self.worker.unregister()
        except StoreError as error:
            log.error("the worker could not be unregistered", error=error)
        log.info("stopped", worker=self.worker.id)
        log_queue.flush()

    def _report_trouble(self, trouble: str | None) -> None:
        self._service_manager.report_status(trouble or f"serves {self.board.location}")

    def _emit(self, event: DaemonEvent, details: DaemonEventDetails) -> None:
        for listener in list(self.on_event):
            try:
                forked_children.call(partial(listener, event, {**details}))
            except Exception as error:
                log.error("a listener failed", event_name=event, error=error)
