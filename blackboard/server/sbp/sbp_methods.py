"""The methods of the protocol, and the rights that each needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias, TypeVar, get_type_hints

from pydantic import ValidationError

from blackboard import Blackboard, MarkRecord
from blackboard.core.request_limits import MAX_READING_TIME
from blackboard.errors import BlackboardError
from blackboard.server.access.token_checks import Caller
from blackboard.server.http_problems import HttpProblem
from blackboard.server.sbp import pheromones, trace_records
from blackboard.server.sbp.sbp_callers import require_read
from blackboard.server.sbp.sbp_errors import INVALID_PARAMETERS, UNKNOWN_METHOD, SbpError, error_of_fields, sbp_error_of
from blackboard.server.sbp.sbp_fields import SbpFields
from blackboard.server.sbp.sbp_marks import (
    Pheromone,
    Scent,
    Trace,
    fields_of,
    intensity_of,
    live_records,
    reading_time_ms,
)
from blackboard.server.sbp.sbp_parameters import (
    Emission,
    EvaporationFilter,
    Inscription,
    Inspection,
    NamedScent,
    PheromoneFilter,
    ScentDefinition,
    TraceErasure,
    TraceFilter,
)
from blackboard.server.sbp.scents import stored_scents
from blackboard.server.sbp.scents.board_observations import observe_board

Named = TypeVar("Named", Emission, Inscription)


@dataclass(frozen=True)
class SbpCall:
    """A request for a method."""

    board: Blackboard
    """The board, in the name of the caller."""
    caller: Caller
    """Who sends the call."""
    session: str
    """The session of the call; "" for none."""
    agent: str | None
    """The name that the program gives itself. The name is stored, and nobody checks it."""
    uptime: int
    """How long the server has run, in milliseconds."""


Method: TypeAlias = Callable[[SbpCall, Any], dict[str, Any]]
"""A function that runs one method. The annotation of its parameter `parameters` says what it takes."""


def emit(call: SbpCall, parameters: Emission) -> dict[str, Any]:
    """Emit a pheromone."""
    call.caller.require("deposit", Pheromone.kind, pheromones.subject_of(parameters))
    return pheromones.emit(call.board, _with_source(call, parameters))


def sniff(call: SbpCall, parameters: PheromoneFilter) -> dict[str, Any]:
    """Return the pheromones that pass the filter."""
    require_read(call.caller)
    with call.board.reads_within(MAX_READING_TIME):
        return pheromones.sniff(call.board, parameters)


def evaporate(call: SbpCall, parameters: EvaporationFilter) -> dict[str, Any]:
    """Evaporate pheromones."""
    call.caller.require("deposit", Pheromone.kind)
    with call.board.reads_within(MAX_READING_TIME):
        found = pheromones.find_unwanted(call.board, parameters)
    _require_all(call, found)
    return pheromones.evaporate(call.board, found)


def inspect(call: SbpCall, parameters: Inspection) -> dict[str, Any]:
    """Return an overview of the board."""
    require_read(call.caller)
    with call.board.reads_within(MAX_READING_TIME):
        return board_overview(call.board, parameters, call.uptime)


def board_overview(board: Blackboard, parameters: Inspection, uptime: int) -> dict[str, Any]:
    """Return an overview of the board: the parts that are asked for.

    Args:
        board: The board that the server serves.
        parameters: The parts to show.
        uptime: How long the server has run, in milliseconds.
    """
    records = live_records(board, Pheromone)
    shown: dict[str, Any] = {"timestamp": reading_time_ms(board, records)}
    if "trails" in parameters.include:
        shown["trails"] = _trails(records)
    registered = live_records(board, Scent)
    if "scents" in parameters.include:
        shown["scents"] = [stored_scents.inspection_of(record) for record in registered]
    if "stats" in parameters.include:  # a pheromone that has evaporated is no longer on the board
        shown["stats"] = {
            "total_pheromones": len(records),
            "active_pheromones": len(records),
            "total_scents": len(registered),
            "uptime_ms": uptime,
        }
    if "traces" in parameters.include:
        numbers = Counter(fields_of(record)["trail"] for record in live_records(board, Trace))
        shown["traces"] = [{"trail": trail, "trace_count": number} for trail, number in sorted(numbers.items())]
    return shown


def _trails(records: Sequence[MarkRecord]) -> list[dict[str, Any]]:
    trails: dict[str, list[float]] = {}
    for record in records:
        trails.setdefault(fields_of(record)["trail"], []).append(intensity_of(record))
    return [
        {
            "name": name,
            "pheromone_count": len(intensities),
            "total_intensity": sum(intensities),
            "avg_intensity": sum(intensities) / len(intensities),
        }
        for name, intensities in sorted(trails.items())
    ]


def register_scent(call: SbpCall, parameters: ScentDefinition) -> dict[str, Any]:
    """Register or update a scent for the session of the call."""
    _require_scents(call, parameters.scent_id)
    status, condition = stored_scents.register(call.board, parameters, call.session)
    with call.board.reads_within(MAX_READING_TIME):
        seen, now = observe_board(call.board)
    state = stored_scents.condition_state(condition, seen, now)
    return {"scent_id": parameters.scent_id, "status": status, "current_condition_state": state}


def deregister_scent(call: SbpCall, parameters: NamedScent) -> dict[str, Any]:
    """Remove a scent."""
    _require_scents(call, parameters.scent_id)
    is_gone = stored_scents.deregister(call.board, parameters.scent_id)
    return {"scent_id": parameters.scent_id, "status": "deregistered" if is_gone else "not_found"}


def subscribe(call: SbpCall, parameters: NamedScent) -> dict[str, Any]:
    """Subscribe the session of this call to the triggers of a scent."""
    _require_scents(call, parameters.scent_id)
    stored_scents.subscribe(call.board, parameters.scent_id, call.session)
    return {"subscribed": parameters.scent_id}


def unsubscribe(call: SbpCall, parameters: NamedScent) -> dict[str, Any]:
    """Send no more triggers of a scent to the session of the call."""
    _require_scents(call, parameters.scent_id)
    stored_scents.unsubscribe(call.board, parameters.scent_id, call.session)
    return {"unsubscribed": parameters.scent_id}


def _require_scents(call: SbpCall, scent_id: str) -> None:
    """Check that the caller may read the board, and may store scents.

    Raises:
        HttpProblem: The caller may not do both.
    """
    require_read(call.caller)
    call.caller.require("deposit", Scent.kind, scent_id)


def inscribe(call: SbpCall, parameters: Inscription) -> dict[str, Any]:
    """Make or change a trace."""
    call.caller.require("deposit", Trace.kind, trace_records.subject_of(parameters.trail, parameters.key))
    return trace_records.inscribe(call.board, _with_source(call, parameters))


def read(call: SbpCall, parameters: TraceFilter) -> dict[str, Any]:
    """Return the traces that pass the filter."""
    require_read(call.caller)
    with call.board.reads_within(MAX_READING_TIME):
        return trace_records.read(call.board, parameters)


def erase(call: SbpCall, parameters: TraceErasure) -> dict[str, Any]:
    """Erase traces."""
    call.caller.require("deposit", Trace.kind)
    with call.board.reads_within(MAX_READING_TIME):
        found = trace_records.find_unwanted(call.board, parameters)
    _require_all(call, found)
    return trace_records.erase(call.board, found)


def _with_source(call: SbpCall, parameters: Named) -> Named:
    """Return parameters with the name that the program gives itself, if they name no source."""
    return (
        parameters
        if parameters.source_agent is not None
        else parameters.model_copy(update={"source_agent": call.agent})
    )


def _require_all(call: SbpCall, records: Iterable[MarkRecord]) -> None:
    """Check that the caller may deposit, and so withdraw, each of some marks.

    Raises:
        HttpProblem: The caller may not change all of them.
    """
    for record in records:
        call.caller.require("deposit", record.kind, record.subject)


SBP_METHODS: Mapping[str, Method] = {
    "sbp/emit": emit,
    "sbp/sniff": sniff,
    "sbp/evaporate": evaporate,
    "sbp/inspect": inspect,
    "sbp/register_scent": register_scent,
    "sbp/deregister_scent": deregister_scent,
    "sbp/subscribe": subscribe,
    "sbp/unsubscribe": unsubscribe,
    "sbp/inscribe": inscribe,
    "sbp/read": read,
    "sbp/erase": erase,
}


SCENT_METHODS = frozenset({"sbp/register_scent", "sbp/subscribe"})
"""The methods after which a scent may have to be measured."""


def parameters_of(method: str, value: Any) -> SbpFields:
    """Return the parameters of a method.

    Raises:
        SbpError: There is no such method, or its parameters are not valid.
    """
    found = SBP_METHODS.get(method)
    if found is None:
        raise SbpError(UNKNOWN_METHOD, f"there is no method {method!r}", {"method": method})
    try:
        return _type_of_parameters(found).model_validate({} if value is None else value)
    except ValidationError as error:
        raise error_of_fields(error, INVALID_PARAMETERS, f"the parameters of {method} are not valid") from None


@cache
def _type_of_parameters(method: Method) -> type[SbpFields]:
    found: type[SbpFields] = get_type_hints(method)["parameters"]
    return found


def run(method: str, call: SbpCall, parameters: SbpFields) -> dict[str, Any]:
    """Run a method, and return its result.

    Raises:
        SbpError: The board or the rights of the caller do not allow it.
    """
    try:
        return SBP_METHODS[method](call, parameters)
    except (HttpProblem, BlackboardError) as error:
        raise sbp_error_of(error) from None
