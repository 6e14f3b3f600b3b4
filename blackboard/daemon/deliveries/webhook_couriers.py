"""Couriers between the board and the webhooks of remote agents: each claims activations of one agent, and posts them.

A courier is a worker of a remote agent like any other program, and uses the board in the same way. The response of the
receiver is the result, or 202 if the receiver finishes later over HTTP.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from blackboard.board.daemon_work import WEBHOOK_WORKER
from blackboard.board.facade import Blackboard
from blackboard.board.result_types.remote_work_results import RemoteActivation
from blackboard.clock import from_datetime, microseconds_in, seconds_in
from blackboard.core.backoff import backoff
from blackboard.daemon.daemon_events import DaemonEvent
from blackboard.durations import parse_duration
from blackboard.errors import BlackboardError, ConfigurationError, Conflict, LeaseLost, Mistake, UsageError, WorkError
from blackboard.presentation.json_shapes import json_value
from blackboard.settings.sink_sections import WebhookSection
from blackboard.system import tracing, webhook_requests
from blackboard.system.log_queue import Log
from blackboard.system.media_types import JSON_TYPE
from blackboard.system.outbound_addresses import AddressRefused, HostUnreachable

log = Log("blackboard")

WEBHOOK_LEASE = "60s"
"""The lease of an activation that is being posted: longer than a request may take."""
ACCEPTED_LEASE = "1h"
"""The lease after 202, unless the receiver asks for another lease in its response."""
FIRST_PAUSE = parse_duration("10s")
"""The pause after a first post that did not reach the receiver. It doubles with each further one, up to an hour."""
MAX_RESPONSE_BYTES = 8 * 1024 * 1024
BUSY_STATUSES = frozenset({408, 425, 429, 502, 503, 504})
"""The statuses of a receiver that cannot answer now. They say nothing about the marks."""
ACCEPTED, GONE = 202, 410


class WebhookCourier:
    """The courier of one agent, with a thread that claims and a thread for each post.

    Args:
        board: The board that the daemon serves.
        agent: The name of the remote agent.
        webhook: Where it posts, and how.
        environ: The environment with the secrets.
    """

    def __init__(self, board: Blackboard, agent: str, webhook: WebhookSection, environ: Mapping[str, str]) -> None:
        self.agent = agent
        self._board, self._webhook, self._environ = board.as_author(WEBHOOK_WORKER), webhook, environ
        self._wake = threading.Event()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="blackboard-courier", daemon=True)
        self._posts: set[threading.Thread] = set()
        self._rng = random.Random()
        self._problem = ""

    @property
    def is_busy(self) -> bool:
        """Whether the courier is claiming or posting an activation."""
        return self._thread.is_alive() or any(post.is_alive() for post in self._posts)

    def start(self) -> None:
        """Begin to claim."""
        self._thread.start()

    def change(self, webhook: WebhookSection) -> None:
        """Post the activations that are claimed from now on to this webhook."""
        self._webhook, self._problem = webhook, ""
        self._wake.set()

    def end_claims(self) -> None:
        """Claim no more. Posts that have begun continue."""
        self._is_stopping = True
        self._wake.set()

    def stop(self) -> None:
        """Claim no more, and wait for the posts under way."""
        self.end_claims()
        if self._thread.is_alive():
            self._thread.join()
        for post in list(self._posts):
            post.join(webhook_requests.MAX_REQUEST_SECONDS)

    def _run(self) -> None:
        with self._board.listen(self._wake.set) as tick_seconds:
            while not self._is_stopping:
                self._wake.clear()
                try:
                    activation, pause = self._claim(tick_seconds)
                except BlackboardError as error:  # the agent or the board may come back
                    self._note(f"{type(error).__name__}: {error}")
                    activation, pause = None, tick_seconds
                if activation is not None:
                    self._begin(activation)
                else:
                    clock = self._board.clock
                    clock.wait(self._wake, clock.now() + microseconds_in(pause))

    def _claim(self, tick_seconds: float) -> tuple[RemoteActivation | None, float]:
        """Claim an activation and return it; if there is none, return the seconds until the next try."""
        activation = self._board.claim(self.agent, lease=WEBHOOK_LEASE)
        if activation is not None or (at := self._board.claimable_at(self.agent)) is None:
            return activation, tick_seconds
        return None, min(tick_seconds, max(0.001, seconds_in(from_datetime(at) - self._board.clock.now())))

    def _begin(self, activation: RemoteActivation) -> None:
        post = threading.Thread(target=self._deliver, args=(activation,), name="blackboard-webhook", daemon=True)
        self._posts = {other for other in self._posts if other.is_alive()} | {post}
        post.start()

    def _deliver(self, activation: RemoteActivation) -> None:
        """Post an activation, and act on the response of the receiver."""
        try:
            self._end(activation)
        except LeaseLost:
            log.warning("a response of a webhook came too late", agent=self.agent, activation=activation.id)
        except Conflict:
            log.info("a mark has changed since it was posted; the marks are posted again", activation=activation.id)
        except Exception as error:  # the lease ends, and the activation is claimed again
            log.error("an activation could not be posted", agent=self.agent, activation=activation.id, error=error)

    def _end(self, activation: RemoteActivation) -> None:
        """Post an activation to its webhook, and end the run as the response says."""
        try:
            response = self._post(activation)
        except (HostUnreachable, AddressRefused, ConfigurationError, ValueError) as error:
            self._put_off(activation, str(error), None)
            return
        except WorkError as error:  # no response in time, or none that can be used
            self._fail(activation, str(error))
            return
        status = f"{self._host} answered with status {response.status}"
        if response.status == ACCEPTED:
            self._accept(activation, response.content)
        elif response.is_success:
            self._finish(activation, response.content)
        elif response.status == GONE:
            self._board.pause(self.agent, f"its webhook is gone: {status}")
            self._put_off(activation, status, None)
        elif response.status in BUSY_STATUSES:
            self._put_off(activation, status, response.retry_after(self._board.now()))
        else:
            self._fail(activation, status)

    @property
    def _host(self) -> str:
        return self._webhook.check_url(self._webhook.url or "").host

    def _post(self, activation: RemoteActivation) -> webhook_requests.WebhookResponse:
        """Send an activation to the webhook, with a signature, and return the response.

        Raises:
            ConfigurationError: The secret is not set. Nothing was sent.
            WorkError: The host may not be reached, or there was no usable response.
        """
        now, webhook = self._board.now(), self._webhook  # a reload may replace the webhook meanwhile
        event = {"type": "activation.claimed", "timestamp": now, "data": activation}
        body = json.dumps(event, ensure_ascii=False, default=json_value).encode()
        try:
            secret = webhook.required_secret(webhook.secret_env or "", self._environ)
        except WorkError as error:  # the secret is not set; nothing was sent
            place = f"agents.{self.agent}.webhook_secret_env"
            raise ConfigurationError([Mistake(place, str(error))]) from None
        headers = {"Content-Type": f"{JSON_TYPE}; charset=utf-8"}
        headers |= webhook_requests.signature_headers(
            secret, f"activation-{activation.id}-{activation.fence}", now, body
        )
        if activation.traceparent is not None:
            headers[tracing.HEADER] = activation.traceparent
        endpoint = webhook.check_url(webhook.url or "")
        return webhook_requests.post(
            endpoint, body, headers, webhook.private_networks, max_content_bytes=MAX_RESPONSE_BYTES
        )

    def _accept(self, activation: RemoteActivation, content: bytes) -> None:
        """Extend the lease of an activation that its receiver has accepted, for as long as the receiver asks."""
        try:
            lease = str(_object(content).get("lease", ACCEPTED_LEASE))
            self._board.heartbeat(activation.id, fence=activation.fence, lease=lease)
        except LeaseLost:
            raise
        except (UsageError, WorkError):  # the lease that the receiver asks for cannot be used
            self._board.heartbeat(activation.id, fence=activation.fence, lease=ACCEPTED_LEASE)

    def _finish(self, activation: RemoteActivation, content: bytes) -> None:
        try:
            self._board.finish(activation.id, _object(content), fence=activation.fence)
        except (LeaseLost, Conflict):
            raise
        except BlackboardError as error:
            self._fail(activation, f"the response of {self._host} is refused: {error}")

    def _fail(self, activation: RemoteActivation, reason: str) -> None:
        self._board.fail(activation.id, reason, fence=activation.fence)
        log.warning(DaemonEvent.FAILED, agent=self.agent, activation=activation.id)

    def _put_off(self, activation: RemoteActivation, reason: str, wait: timedelta | None) -> None:
        """Give an activation back without counting an attempt, until the receiver may be there again."""
        self._note(reason)
        # The fence counts every run of the activation, even if it counts as no attempt: each pause is longer.
        pause = backoff(FIRST_PAUSE, activation.fence, self._rng)
        after = pause if wait is None else max(pause, wait // timedelta(microseconds=1))
        self._board.give_back(activation.id, fence=activation.fence, after=f"{after}us", reason=reason)

    def _note(self, problem: str) -> None:
        """Log a problem, unless it is the problem that was logged last."""
        if problem != self._problem:
            self._problem = problem
            log.warning("a webhook cannot be served; it is tried again later", agent=self.agent, reason=problem)


class WebhookCouriers:
    """The couriers of a daemon, one for each agent with a webhook.

    Args:
        board: The board that the daemon serves.
        environ: The environment with the secrets.
    """

    def __init__(self, board: Blackboard, environ: Mapping[str, str]) -> None:
        self._board, self._environ = board, environ
        self._couriers: dict[str, WebhookCourier] = {}
        self._ending: list[WebhookCourier] = []
        """Couriers of former webhooks, whose last posts may be under way."""
        self._is_started = False

    @property
    def agents(self) -> frozenset[str]:
        """The agents whose activations are posted."""
        return frozenset(self._couriers)

    def start(self) -> None:
        """Begin to claim."""
        self._is_started = True
        for courier in self._couriers.values():
            courier.start()

    def stop(self) -> None:
        """Claim no more, and wait for the posts under way."""
        couriers = [*self._couriers.values(), *self._ending]
        for courier in couriers:
            courier.end_claims()
        for courier in couriers:
            courier.stop()

    def replace(self, webhooks: Mapping[str, WebhookSection]) -> None:
        """Post to these webhooks from now on."""
        self._ending = [courier for courier in self._ending if courier.is_busy]
        for agent in self._couriers.keys() - webhooks.keys():
            courier = self._couriers.pop(agent)
            courier.end_claims()
            self._ending.append(courier)
        for agent, webhook in webhooks.items():
            if agent in self._couriers:
                self._couriers[agent].change(webhook)
                continue
            courier = self._couriers[agent] = WebhookCourier(self._board, agent, webhook, self._environ)
            if self._is_started:
                courier.start()


def _object(content: bytes) -> dict[str, Any]:
    """Return the JSON object in a response; an empty object if the response is empty.

    Raises:
        WorkError: The response is not a JSON object.
    """
    if not content.strip():
        return {}
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise WorkError("the response is not a JSON object")
    return value
