"""The parsing of the parameters and the body of a request. Each mistake is reported with its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_origin

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from blackboard.core.validation_problems import describe_problem
from blackboard.server.api_framework.operation_definition import Fields
from blackboard.server.http_problems import HttpProblem, PlacedProblem

F = TypeVar("F", bound=Fields)
B = TypeVar("B", bound=BaseModel)


def check_media_type(request: Request, expected: str) -> None:
    """Check the type of a body.

    Raises:
        HttpProblem: The body has another type.
    """
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != expected:
        raise HttpProblem("wrong-media-type", f"the body must be {expected}, not {given or 'without a type'}")


def parse_body(body: bytes, model: type[B], place: str = "body") -> B:
    """Return the fields of a body. An empty body has none.

    Raises:
        HttpProblem: The body is not JSON, or its fields are not valid.
    """
    try:
        return model.model_validate_json(body or b"{}", strict=True)
    except ValidationError as error:
        raise _problem_of(error, model, place) from None


def parse_parameters(path: Mapping[str, str], query: list[tuple[str, str]], model: type[F]) -> F:
    """Return the parameters of a request.

    Raises:
        HttpProblem: The parameters are not valid, or one of them is given twice.
    """
    values: dict[str, Any] = dict(path)
    for name, text in query:
        field = model.model_fields.get(name)
        if field is not None and get_origin(field.annotation) is not None and "Sequence" in str(field.annotation):
            values.setdefault(name, []).append(text)
        elif name in values:
            raise HttpProblem("invalid", "1 mistake", [PlacedProblem(name, "the parameter is given twice")])
        else:
            values[name] = text
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _problem_of(error, model) from None


def _problem_of(error: ValidationError, model: type[BaseModel], place: str = "") -> HttpProblem:
    """Return the problem of fields, or of parameters if there is no place. It names the place of each mistake."""
    noun = "field" if place else "parameter"
    mistakes = error.errors(include_url=False, include_context=False, include_input=False)
    if any(mistake["type"] == "json_invalid" for mistake in mistakes):
        return HttpProblem("invalid-request", f"the body is not JSON: {mistakes[0]['msg']}")
    places = [
        PlacedProblem(
            ".".join(str(step) for step in (place, *mistake["loc"]) if step != ""),
            describe_problem(model, mistake, noun),
        )
        for mistake in mistakes[:100]
    ]
    return HttpProblem("invalid", f"{len(mistakes)} mistakes" if len(mistakes) > 1 else "1 mistake", places)
