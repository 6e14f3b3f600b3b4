"""The model that a daemon would use, as text. The commands show it for a board on which no daemon runs."""

from __future__ import annotations

import os

from blackboard.cli.cli_session import CommandSession
from blackboard.errors import ConfigurationError


def configured_model(session: CommandSession) -> str:
    """Return, as text, the provider and model that a daemon with this file and environment would use."""
    from blackboard.llm.anthropic_client import client_from, describe_model

    try:
        model = session.settings.model
        answers = describe_model(model, client_from(model, os.environ))
    except ConfigurationError as error:
        answers = f"none: {error}"
    return f"{answers} (no daemon runs)"
