"""Tools for tests of agents: marks as if read from a board, a context, and a model that answers from a script.

    from blackboard.testing import ScriptedModel, context, mark, replay

standalone_context  a context and marks without a board, to call an agent as a function
scripted_model      a model that answers from a script
model_server        a server on this machine that answers model calls by a function
board_replay        the replay of timed marks on a manual clock
scenario_files      scenarios as tests, in TOML
scenario_runs       a run of a scenario, and the expectations that were not met
"""

from blackboard.llm.call_failures import (
    CallFailure,
    KeyRefused,
    ModelUnavailable,
    NotSent,
    OutcomeUnknown,
    Overloaded,
    RequestRejected,
    SpendLimit,
)
from blackboard.testing.board_replay import replay
from blackboard.testing.model_server import serve_model
from blackboard.testing.scripted_model import ScriptedAnswer, ScriptedModel, SentRequest
from blackboard.testing.standalone_context import StandaloneContext, context, mark

__all__ = [
    "CallFailure",
    "KeyRefused",
    "ModelUnavailable",
    "NotSent",
    "OutcomeUnknown",
    "Overloaded",
    "RequestRejected",
    "ScriptedAnswer",
    "ScriptedModel",
    "SentRequest",
    "SpendLimit",
    "StandaloneContext",
    "context",
    "mark",
    "replay",
    "serve_model",
]
