"""The access of a daemon to language models: the calls of its agents, the answers to them, and the Batch API."""

from __future__ import annotations

import random
from collections.abc import Callable

from blackboard.board.facade import Blackboard
from blackboard.daemon.model_requests.answer_recorder import AnswerRecorder
from blackboard.daemon.model_requests.batch_api import BatchCaller
from blackboard.daemon.model_requests.model_caller import ModelCaller
from blackboard.errors import ConfigurationError
from blackboard.llm.anthropic_client import describe_model
from blackboard.llm.model_client import ModelClient
from blackboard.llm.model_settings import ModelSettings
from blackboard.llm.prices import load_prices, models_of, without_price


class ModelAccess:
    """The access of one daemon to the models of its board.

    Args:
        board: The board that the daemon serves.
        settings: The settings of `[model]`.
        client: The connection to the provider; None for the agents' offline rules.
        rng: The source of jitter.
        on_batch_end: Called when the thread of the Batch API ends.
    """

    def __init__(
        self,
        board: Blackboard,
        settings: ModelSettings,
        client: ModelClient | None,
        rng: random.Random,
        on_batch_end: Callable[[], None],
    ) -> None:
        self._board, self._settings, self._client = board, settings, client
        self._recorder = AnswerRecorder(board, load_prices(settings.prices), rng)
        self.batch_api = None if client is None else BatchCaller(board, client, self._recorder, rng, on_batch_end)
        """Submits calls to the Batch API and receives their answers; None without a client."""
        self.caller = ModelCaller(board, client, settings, self._recorder, rng)
        """Makes the calls of agents."""

    @property
    def is_busy(self) -> bool:
        """Whether the thread of the Batch API runs."""
        return self.batch_api is not None and self.batch_api.is_busy

    def describe(self) -> str:
        """Return the provider and model that answer, in words."""
        return describe_model(self._settings, self._client)

    def check_prices(self) -> None:
        """Check that each model of the deployment has a price, if there is a client.

        Raises:
            ConfigurationError: Models have no price; all are listed.
        """
        if self._client is None:
            return
        if mistakes := without_price(self._board.deployment, self._settings, self._recorder.prices):
            raise ConfigurationError(mistakes)

    def record_spooled(self) -> None:
        """Record the paid answers that could not be stored before."""
        self._recorder.record_spooled()

    def try_paused(self) -> None:
        """Allow a call to each paused model of the deployment again, because the cause of the refusal may be fixed."""
        self._recorder.try_models({name for _, name in models_of(self._board.deployment, self._settings)})

    def close(self, seconds: float) -> None:
        """Wait at most `seconds` for the thread of the Batch API."""
        if self.batch_api is not None:
            self.batch_api.close(seconds)
