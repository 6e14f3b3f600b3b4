"""The declarations of remote agents. Only a deployment file has them, because they have no function in Python."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from blackboard.core.agents.agent_definition import Agent, Watch, watch_spec
from blackboard.core.authors import agent_name_problem
from blackboard.core.conditions.condition_parser import parse_condition
from blackboard.core.conditions.condition_types import Condition
from blackboard.core.specs.agent_spec import AgentSettings, AgentSpec
from blackboard.core.specs.watch_spec import WatchSpec
from blackboard.core.validation_problems import problem_text
from blackboard.durations import DAY, Microseconds
from blackboard.errors import ConfigurationError, Mistake
from blackboard.settings.mistake_list import MistakeList
from blackboard.settings.sections import AgentSection, WatchSection
from blackboard.settings.sink_sections import WebhookSection

REMOTE_TIMEOUT = Microseconds(DAY)
"""The longest run of a remote agent that sets no `timeout`. Its leases say whether it is alive."""


class RemoteDeclarations:
    """The sections of remote agents. Mistakes are recorded."""

    def __init__(self, sections: Mapping[str, AgentSection], mistake_list: MistakeList) -> None:
        self.sections = {name: section for name, section in sections.items() if section.remote}
        self._mistake_list = mistake_list

    def specs(self, agents: Mapping[str, Agent]) -> dict[str, AgentSpec]:
        """Return the remote agents as their sections declare them, with default settings; `agents` have other names."""
        return {name: self._spec(name, section, agents) for name, section in self.sections.items()}

    def webhooks(self, environ: Mapping[str, str]) -> dict[str, WebhookSection]:
        """Return the webhooks of the remote agents, by agent. A secret that is not set here is a warning."""
        return {
            name: webhook
            for name, section in self.sections.items()
            if section.enabled and (webhook := self._webhook(f"agents.{name}", section, environ)) is not None
        }

    def _webhook(self, place: str, section: AgentSection, environ: Mapping[str, str]) -> WebhookSection | None:
        """Return the webhook of an agent; None if it has none, or one with a mistake."""
        if section.webhook is None:
            for setting in ("webhook_secret_env", "webhook_private_networks"):
                if getattr(section, setting):
                    self._mistake_list.record(
                        f"{place}.{setting}", "there is no webhook; set webhook, or remove this setting"
                    )
            return None
        if section.webhook_secret_env is None:
            text = "name the environment variable with the secret that signs the posts"
            self._mistake_list.record(f"{place}.webhook_secret_env", text)
            return None
        try:
            webhook = WebhookSection(
                url=section.webhook,
                secret_env=section.webhook_secret_env,
                private_networks=section.webhook_private_networks,
            )
        except ValidationError as error:
            for problem in error.errors(include_url=False, include_input=False):
                names = {"secret_env": "webhook_secret_env", "private_networks": "webhook_private_networks"}
                where = names.get(str((*problem["loc"], "")[0]), "webhook")
                self._mistake_list.record(f"{place}.{where}", problem_text(problem))
            return None
        try:
            if webhook.secret(section.webhook_secret_env, environ) is None:
                text = f"the variable {section.webhook_secret_env} is not set here; without it nothing is posted"
                self._mistake_list.warn_of_each([Mistake(f"{place}.webhook_secret_env", text)])
            if (missing := webhook.signing_problem()) is not None:
                text = f"{missing}; without it nothing is posted"
                self._mistake_list.warn_of_each([Mistake(f"{place}.webhook_secret_env", text)])
        except (ConfigurationError, ValueError) as error:
            self._mistake_list.record(f"{place}.webhook_secret_env", str(error))
        return webhook

    def _spec(self, name: str, section: AgentSection, agents: Mapping[str, Agent]) -> AgentSpec:
        """Return the declaration of a remote agent, without the watches that have mistakes."""
        place = f"agents.{name}"
        if name in agents:
            self._mistake_list.record(
                f"{place}.remote", "an agent in Python has this name; give the remote agent another name"
            )
        elif (problem := agent_name_problem(name)) is not None:
            self._mistake_list.record(place, problem)
        sections = dict(section.watches)
        if section.schedule is not None and not sections:
            sections["watch"] = WatchSection(when=section.schedule)
        if not sections:
            self._mistake_list.record(
                f"{place}.watches", "nothing wakes it; write watches = 'strength(\"lead\") >= 0.5'"
            )
        watches = [
            watch
            for label, item in sections.items()
            if item.when is not None or item.schedule is None
            if (watch := self._watch(place, label, section, item)) is not None
        ]
        return AgentSpec(
            name=name,
            watches=tuple(watches),
            writes=section.writes or (),
            withdraws=section.withdraws or (),
            settings=AgentSettings(timeout=REMOTE_TIMEOUT),
            renamed_from=section.renamed_from,
            remote=True,
        )

    def _watch(self, place: str, label: str, agent: AgentSection, item: WatchSection) -> WatchSpec | None:
        """Return a watch, with the guards of its agent; None if it has mistakes."""
        where = f"{place}.watches.{label}"
        if item.when is None:
            self._mistake_list.record(where, "it has no condition; write when = '...'")
            return None
        when = self._condition(f"{where}.when", item.when)
        own = [self._condition(f"{where}.{name}", getattr(item, name)) for name in ("only_if", "unless")]
        guards = [self._condition(f"{place}.{name}", getattr(agent, name)) for name in ("only_if", "unless")]
        if when is None:
            return None
        watch = Watch(when, only_if=own[0], unless=own[1], include_own=item.include_own or False)
        return self._mistake_list.attempt(where, lambda: watch_spec(place, label, watch, *guards), None)

    def _condition(self, place: str, text: str | None) -> Condition | None:
        return None if text is None else self._mistake_list.attempt(place, lambda: parse_condition(text), None)
