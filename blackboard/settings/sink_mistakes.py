"""Mistakes in sinks that arise from several parts of a deployment file, or from the environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from blackboard.core.built_in_marks import BUILT_IN_CLASSES
from blackboard.core.specs.deployment import Deployment
from blackboard.errors import Mistake
from blackboard.settings.mistake_list import MistakeList
from blackboard.settings.settings_file import Settings
from blackboard.settings.sink_sections import SinkSection


def check_sinks(settings: Settings, found: MistakeList, deployment: Deployment, environ: Mapping[str, str]) -> None:
    """Check the names in sinks, and the variables with their secrets."""
    seen: set[str] = set()
    agents, kinds = {*deployment.agents, *settings.agents}, {*deployment.kinds, *BUILT_IN_CLASSES}
    for index, sink in enumerate(settings.sinks):
        place = f"sinks.{index}"
        if sink.name in seen:
            found.record(f"{place}.name", f"another sink is named {sink.name!r}")
        seen.add(sink.name)
        if settings.names_agents:  # otherwise the board has the agents of another file
            found.check_known(f"{place}.agents", "agent", sink.agents, agents)
            found.check_known(f"{place}.kinds", "kind", sink.kinds, kinds)
            found.check_known(f"{place}.on", "kind", sink.kinds_of_marks, kinds)
        missing, wrong = sink.check_secrets(environ)
        found.record_each(Mistake(place, problem) for problem in wrong)
        found.warn_of_each(Mistake(place, warning) for warning in _warnings(sink, missing))


def _warnings(sink: SinkSection, missing: list[str]) -> Iterator[str]:
    for name in missing:
        yield f"the environment variable {name} is not set here; without it nothing is delivered"
    if sink.webhook is not None and sink.webhook.body == "plain" and sink.webhook.secret_env is None:
        yield "without secret_env the receiver cannot verify who has sent a message"
