"""Deliveries of a daemon to the outside: messages to sinks, and activations of remote agents to webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from blackboard.board.daemon_work.worker import Worker
from blackboard.board.facade import Blackboard
from blackboard.daemon.external_systems.webhook_couriers import WebhookCouriers
from blackboard.settings.sink_sections import SinkSection, WebhookSection
from blackboard.sinks.message_deliverer import Deliverer


class Deliveries:
    """The deliveries of one daemon. It delivers nothing until `replace` names receivers.

    Args:
        board: The board that the daemon serves.
        worker: The worker of the daemon. It does not claim the activations that webhooks get.
        environ: The environment with the secrets.
    """

    def __init__(self, board: Blackboard, worker: Worker, environ: Mapping[str, str]) -> None:
        self._worker = worker
        self._deliverer = Deliverer(board, (), environ)
        self._couriers = WebhookCouriers(board, environ)

    def replace(self, sinks: Sequence[SinkSection], webhooks: Mapping[str, WebhookSection]) -> None:
        """Deliver messages to these sinks from now on, and post the activations of remote agents to these webhooks."""
        self._deliverer.replace(sinks)
        self._couriers.replace(webhooks)
        self._worker.serve_posted(self._couriers.agents)

    def start(self) -> None:
        """Begin to deliver."""
        self._couriers.start()
        self._deliverer.start()

    def deliver_last(self) -> None:
        """Send the messages that are due, before a daemon ends because nothing else is left to do."""
        self._deliverer.deliver_last()

    def close(self) -> None:
        """End the deliveries. Deliveries that have begun may take some seconds to finish."""
        self._deliverer.close()
        self._couriers.stop()
