"""Values of tags in text, as a command line or a URL has them: a filter such as `severity=high`, or a group."""

from __future__ import annotations

from collections.abc import Iterable

from blackboard.core.marks.tags import ReadTagValue
from blackboard.core.specs.deployment import Deployment
from blackboard.errors import UsageError


def read_filters(deployment: Deployment, kind: str | None, pairs: Iterable[str]) -> dict[str, list[ReadTagValue]]:
    """Return the values that tags must have, converted from text to the types that the kinds declare for them.

    Raises:
        UnknownName: There is no such kind, or it has no such tag.
        UsageError: A text is not of the form name=value, or is not a possible value of the tag.
    """
    return {
        name: [value for text in texts for value in _readings(deployment, kind, name, text)]
        for name, texts in split_filters(pairs).items()
    }


def split_filters(pairs: Iterable[str]) -> dict[str, list[str]]:
    """Return the texts of the values that tags must have, by the names of the tags.

    Raises:
        UsageError: A text is not of the form name=value.
    """
    texts: dict[str, list[str]] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise UsageError(f"{pair!r} is not a tag; write NAME=VALUE, such as severity=high")
        texts.setdefault(name, []).append(text)
    return texts


def _readings(deployment: Deployment, kind: str | None, name: str, text: str) -> list[ReadTagValue]:
    kinds = [deployment.kind(each) for each in (deployment.kinds if kind is None else [kind])]
    values: list[ReadTagValue] = []
    problem = None
    for tags in (each.tag_schema for each in kinds if kind is not None or name in each.tags):
        try:
            values += tags.read(name, text)
        except UsageError as error:
            problem = error
    if problem is not None and not values:
        raise problem
    return values


def read_group(deployment: Deployment, agent: str, text: str) -> list[ReadTagValue]:
    """Return the values that a text means for the tags by which an agent's watches group.

    Raises:
        UnknownName: There is no such agent.
        UsageError: The text is no possible value of a tag.
    """
    conditions = [watch.condition for watch in deployment.agent(agent).watches]
    return [
        value
        for condition in conditions
        if condition.by is not None
        for kind in condition.kinds
        for value in deployment.kind(kind).tag_schema.read(condition.by, text)
    ]
