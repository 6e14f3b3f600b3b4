"""The methods of the protocol, and what each asks of its caller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import ValidationError

from blackboard import Blackboard
from blackboard.errors import BlackboardError
from blackboard.server.access.token_checks import Caller
from blackboard.server.problems import HttpProblem
from blackboard.server.sbp import inspection, pheromones
from blackboard.server.sbp.sbp_errors import (
    INVALID_PARAMETERS,
    UNKNOWN_METHOD,
    SbpError,
    error_of,
    error_of_fields,
    error_of_problem,
)
from blackboard.server.sbp.sbp_fields import SbpFields
from blackboard.server.sbp.sbp_marks import Pheromone
from blackboard.server.sbp.sbp_parameters import Emission, Inspection, UnwantedPheromones, WantedPheromones

READING_TIME = "10s"
"""The longest time for which a method may read."""


@dataclass(frozen=True)
class SbpCall:
    """A request for a method.

    Attributes:
        board: The board, in the name of the caller.
        caller: Who sends it.
        agent: The name that the program gives itself; it is stored, and proves nothing.
        uptime: How long the server has run, in milliseconds.
    """

    board: Blackboard
    caller: Caller
    agent: str | None
    uptime: int

    def require_read(self) -> None:
        """Check that the caller may read what was said.

        Raises:
            HttpProblem: It may not.
        """
        if self.caller.is_redacted:
            raise HttpProblem("withheld", "the scope read-redacted hides what this protocol shows")
        self.caller.require("read")


class Method(NamedTuple):
    """One method: what it takes, and what it does."""

    parameters: type[SbpFields]
    run: Callable[[SbpCall, Any], dict[str, Any]]


def emit(call: SbpCall, asked: Emission) -> dict[str, Any]:
    """Emit a pheromone."""
    call.caller.require("deposit", Pheromone.kind, pheromones.subject_of(asked))
    if asked.source_agent is None:
        asked = asked.model_copy(update={"source_agent": call.agent})
    return pheromones.emit(call.board, asked)


def sniff(call: SbpCall, asked: WantedPheromones) -> dict[str, Any]:
    """Return the pheromones that are wanted."""
    call.require_read()
    with call.board.reads_within(READING_TIME):
        return pheromones.sniff(call.board, asked)


def evaporate(call: SbpCall, asked: UnwantedPheromones) -> dict[str, Any]:
    """Evaporate pheromones."""
    call.caller.require("deposit", Pheromone.kind)
    with call.board.reads_within(READING_TIME):
        found = pheromones.unwanted(call.board, asked)
    for record in found:
        call.caller.require("deposit", Pheromone.kind, record.subject)
    return pheromones.evaporate(call.board, found)


def inspect(call: SbpCall, asked: Inspection) -> dict[str, Any]:
    """Return what there is on the board."""
    call.require_read()
    with call.board.reads_within(READING_TIME):
        return inspection.inspect(call.board, asked, call.uptime)


METHODS: Mapping[str, Method] = {
    "sbp/emit": Method(Emission, emit),
    "sbp/sniff": Method(WantedPheromones, sniff),
    "sbp/evaporate": Method(UnwantedPheromones, evaporate),
    "sbp/inspect": Method(Inspection, inspect),
}


def parameters_of(method: str, given: Any) -> SbpFields:
    """Return the parameters of a method.

    Raises:
        SbpError: There is no such method, or they are not valid.
    """
    found = METHODS.get(method)
    if found is None:
        raise SbpError(UNKNOWN_METHOD, f"there is no method {method!r}", {"method": method})
    try:
        return found.parameters.model_validate({} if given is None else given)
    except ValidationError as error:
        raise error_of_fields(error, INVALID_PARAMETERS, f"the parameters of {method} are not valid") from None


def run(method: str, call: SbpCall, parameters: SbpFields) -> dict[str, Any]:
    """Run a method, and return its result.

    Raises:
        SbpError: The board or the rights of the caller do not allow it.
    """
    try:
        return METHODS[method].run(call, parameters)
    except BlackboardError as error:
        raise error_of(error) from None
    except HttpProblem as problem:
        raise error_of_problem(problem) from None
