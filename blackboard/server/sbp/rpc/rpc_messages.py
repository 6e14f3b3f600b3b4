"""The reader of JSON-RPC messages."""

from __future__ import annotations

import json
import math
from typing import Any, Literal

from pydantic import ValidationError

from blackboard.server.sbp.rpc.sbp_errors import INVALID_REQUEST, PARSE_ERROR, SbpError, error_of_fields
from blackboard.server.sbp.rpc.sbp_fields import SbpFields


class Envelope(SbpFields):
    """A request of JSON-RPC."""

    jsonrpc: Literal["2.0"]
    id: str | int | float
    method: str
    params: Any = None


def parse_message(body: bytes) -> Any:
    """Return the value of a body.

    Raises:
        SbpError: It is not JSON.
    """
    try:
        return json.loads(body, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        raise SbpError(PARSE_ERROR, "the body is not JSON", status=400) from None


def envelope_of(given: Any) -> Envelope:
    """Return a request of JSON-RPC.

    Raises:
        SbpError: The value is not a request.
    """
    try:
        return Envelope.model_validate(given)
    except ValidationError as error:
        raise error_of_fields(error, INVALID_REQUEST, "this is not a request of JSON-RPC 2.0") from None


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large")
    return number
