"""The resolver of settings into a deployment: the named agents and kinds, with the overrides of their sections.

It deploys nothing. All mistakes are collected, so that a person can correct them together.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from blackboard.core.agent_declaration_mistakes import mistakes_about_answers, mistakes_in_filters, mistakes_in_groups
from blackboard.core.agents.agent_definition import Agent
from blackboard.core.authors import check_author, skeleton
from blackboard.core.built_in_marks import BUILT_IN_CLASSES
from blackboard.core.marks.kinds import Kind
from blackboard.core.marks.mark_model import Mark
from blackboard.core.specs.agent_spec import AgentSpec, DepositLimits
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.core.specs.watch_spec import conditions_of
from blackboard.errors import ConfigurationError, InvalidAuthor, Mistake, nearest
from blackboard.llm.model_settings import BASE_URL, sends_key_in_clear
from blackboard.llm.prices import load_prices, without_price
from blackboard.settings.agent_defined_settings import misspelt_sections, section_mistakes
from blackboard.settings.declaration_overrides import Overrides
from blackboard.settings.declaration_warnings import probable_mistakes, warnings_about
from blackboard.settings.deployment_file import Settings, examine_settings
from blackboard.settings.imported_objects import NamedObjects
from blackboard.settings.mistake_list import MistakeList
from blackboard.settings.remote_declarations import RemoteDeclarations
from blackboard.settings.sections import AgentSection, AuthorSection
from blackboard.settings.sink_sections import SinkSection, WebhookSection


@dataclass(frozen=True)
class ResolvedDeployment:
    """A deployment file with the agents and kinds that it names."""

    deployment: Deployment
    agents: Mapping[str, Agent]
    """The enabled agents that a daemon runs, by name."""
    kinds: tuple[type[Mark], ...]
    settings: Settings
    warnings: tuple[Mistake, ...] = ()
    """Settings that are allowed but probably not intended."""
    webhooks: Mapping[str, WebhookSection] = field(default_factory=dict)
    """The webhooks that a daemon posts the activations of remote agents to, by agent."""

    def merged_with(self, active: Deployment) -> Deployment | None:
        """Return a board's active deployment as this file changes it; None if it changes nothing.

        A file that names no agents only gives the address of a board. Such a file must not remove agents. If it has
        sinks, they replace the sinks of the board.
        """
        if self.settings.names_agents:
            return self.deployment
        if "sinks" not in self.settings.model_fields_set:
            return None
        return active.model_copy(update={"sinks": self.deployment.sinks})

    def with_agents(self, names: Iterable[str]) -> ResolvedDeployment:
        """Return this deployment with only some of its agents to run. The deployment itself stays complete.

        Raises:
            ConfigurationError: The deployment has no such agents, or they are not enabled; all are listed.
        """
        names = dict.fromkeys(names)
        if unknown := [name for name in names if name not in self.agents and name not in self.webhooks]:
            raise ConfigurationError(Mistake(str(self.settings.path), self._missing(name)) for name in unknown)
        return replace(
            self,
            agents={name: self.agents[name] for name in names if name in self.agents},
            webhooks={name: self.webhooks[name] for name in names if name in self.webhooks},
        )

    def _missing(self, name: str) -> str:
        if name in self.deployment.agents:
            return f"the agent {name!r} is remote: its workers claim for it, and no daemon runs it; leave it out"
        if name in self.settings.agents:  # a section of an agent that does not exist is a mistake of the file
            return f"the agent {name!r} is not enabled; leave it out, or set enabled = true in [agents.{name}]"
        return f"there is no agent {name!r}{nearest(name, self.agents)}"


def resolve(settings: Settings, environ: Mapping[str, str] | None = None) -> ResolvedDeployment:
    """Return the deployment that settings describe, by default with the environment of the process.

    Raises:
        ConfigurationError: A name does not exist, or an override does not fit; all mistakes are listed.
        MissingPackage: An agent needs a package that is not installed.
    """
    return _Resolver(settings, os.environ if environ is None else environ).resolve()


def resolve_file(path: Path | None = None, environ: Mapping[str, str] | None = None) -> ResolvedDeployment:
    """Read and resolve a deployment file.

    Raises:
        ConfigurationError: The file has mistakes; all are listed.
    """
    settings, mistakes = examine_settings(path, environ)
    try:
        resolved = resolve(settings, environ)
    except ConfigurationError as error:
        raise ConfigurationError([*mistakes, *error.mistakes]) from None
    if mistakes:
        raise ConfigurationError(mistakes)
    return resolved


def resolve_classes(settings: Settings) -> tuple[type[Mark], ...]:
    """Return the mark classes that a deployment file names, directly or through its agents.

    Raises:
        ConfigurationError: A module cannot be imported, or a class cannot be used.
        MissingPackage: An agent needs a package that is not installed.
    """
    return _Resolver(settings).classes()


class _Resolver:
    """The resolution of one deployment file. Its mistakes are collected, so that one error can list all of them."""

    def __init__(self, settings: Settings, environ: Mapping[str, str] = os.environ) -> None:
        self.settings, self.environ = settings, environ
        self._mistake_list = MistakeList(settings.path)
        self.named = NamedObjects(settings, self._mistake_list)
        self.remote = RemoteDeclarations(settings.agents, self._mistake_list)
        self.overrides = Overrides(settings, self._mistake_list)

    def resolve(self) -> ResolvedDeployment:
        """Return the deployment, or raise an error that lists all mistakes of the file."""
        agents = self.named.agents()
        classes = self.named.classes(agents.values())
        kinds = self.overrides.kinds(classes)
        specs = self._specs(agents, kinds)
        deployment = self._deployment(kinds, specs)
        self._check_sections(agents)
        self._check_sinks(deployment)
        self._check_prices(deployment)
        self._check_address()
        self._check_author(agents)
        webhooks = self.remote.webhooks(self.environ)
        self._mistake_list.raise_if_any()
        return ResolvedDeployment(
            deployment=deployment,
            agents={name: agents[name] for name in specs if name in agents},
            kinds=tuple(classes.values()),
            settings=self.settings,
            warnings=tuple(self._mistake_list.warnings),
            webhooks=webhooks,
        )

    def classes(self) -> tuple[type[Mark], ...]:
        """Return the mark classes, or raise an error that lists the mistakes in their names."""
        classes = self.named.classes(self.named.agents().values())
        self._mistake_list.raise_if_any()
        return tuple(classes.values())

    def _specs(self, agents: Mapping[str, Agent], kinds: Mapping[str, Kind]) -> dict[str, AgentSpec]:
        """Return the enabled agents, with the overrides of their sections."""
        specs: dict[str, AgentSpec] = {}
        sections = self.settings.agents
        self._mistake_list.check_known("agents", "agent", sections.keys() - self.remote.sections.keys(), agents)
        declared = {**{name: agent.spec for name, agent in agents.items()}, **self.remote.specs(agents)}
        for name, declaration in declared.items():
            section = sections.get(name, AgentSection())
            spec = self.overrides.agent(declaration, section)
            self._check_names(spec, kinds)
            if section.enabled:
                specs[name] = spec
        if not self._mistake_list.has_failed_import:
            self._mistake_list.record_each(mistakes_about_answers(specs))
        return specs

    def _deployment(self, kinds: Mapping[str, Kind], specs: dict[str, AgentSpec]) -> Deployment:
        authors = {
            name: author if isinstance(author, AuthorSection) else AuthorSection(trust=author)
            for name, author in self.settings.authors.items()
        }
        return Deployment(
            kinds={name: KindSpec.of(kind) for name, kind in kinds.items()},
            agents=specs,
            trust={name: author.trust for name, author in authors.items()},
            limits={name: limits for name, author in authors.items() if (limits := _limits(author)) != DepositLimits()},
            budget=self.settings.budget,
            max_skew=self.settings.deployment.max_skew,
            activity=self.settings.server.activity,
            sinks={sink.name: sink.spec for sink in self.settings.sinks},
        )

    def _check_sections(self, agents: Mapping[str, Agent]) -> None:
        """Check the sections of the file that belong to agents."""
        self._mistake_list.record_each(section_mistakes(agents.values(), self.settings.settings))
        self._mistake_list.warn_of_each(misspelt_sections(agents.values(), self.settings.settings))

    def _check_sinks(self, deployment: Deployment) -> None:
        """Check the names in sinks, and the variables with their secrets."""
        seen: set[str] = set()
        agents, kinds = {*deployment.agents, *self.settings.agents}, {*deployment.kinds, *BUILT_IN_CLASSES}
        for index, sink in enumerate(self.settings.sinks):
            place = f"sinks.{index}"
            if sink.name in seen:
                self._mistake_list.record(
                    f"{place}.name", f"another sink is named {sink.name!r}; give one of them another name"
                )
            seen.add(sink.name)
            if self.settings.names_agents:  # otherwise the board has the agents of another file
                self._mistake_list.check_known(f"{place}.agents", "agent", sink.agents, agents)
                self._mistake_list.check_known(f"{place}.kinds", "kind", sink.kinds, kinds)
                self._mistake_list.check_known(f"{place}.on", "kind", sink.kinds_of_marks, kinds)
            missing, wrong = sink.check_secrets(self.environ)
            self._mistake_list.record_each(Mistake(place, problem) for problem in wrong)
            self._mistake_list.warn_of_each(Mistake(place, warning) for warning in _sink_warnings(sink, missing))

    def _check_author(self, agents: Iterable[str]) -> None:
        """Check that the author of deposits is not reserved and does not look like the name of an agent."""
        if (author := self.settings.database.author) is None:
            return
        try:
            check_author(author)
        except InvalidAuthor as error:
            self._mistake_list.record("database.author", str(error))
        if (agent := {skeleton(name): name for name in agents}.get(skeleton(author))) is not None:
            self._mistake_list.record(
                "database.author", f"{author!r} would be taken for the agent {agent!r}; choose another name"
            )

    def _check_names(self, spec: AgentSpec, kinds: Mapping[str, Kind]) -> None:
        """Check that each kind in an agent's declaration exists, and warn of probable mistakes."""
        place = f"agents.{spec.name}"
        for read in spec.reads:
            self._mistake_list.check_known(f"{place}.reads", "kind", [read.kind], kinds, named=False)
        self._mistake_list.record_each([*mistakes_in_filters(spec, kinds), *mistakes_in_groups(spec, kinds)])
        self._mistake_list.check_known(f"{place}.writes", "kind", spec.writes, kinds, named=False)
        self._mistake_list.check_known(f"{place}.withdraws", "kind", spec.withdraws, kinds, named=False)
        warnings = [*warnings_about(spec, kinds), *probable_mistakes(spec, kinds, self.settings.daemon.keep_history)]
        self._mistake_list.warn_of_each(warnings)
        for watch in spec.watches:
            for suffix, condition in conditions_of(watch):
                where = f"{place}.watches.{watch.name}{suffix}"
                self._mistake_list.check_known(where, "kind", condition.kinds, kinds, named=False)

    def _check_prices(self, deployment: Deployment) -> None:
        """Check the price table that the settings name, and that each model has a price, unless no model is used."""
        model = self.settings.model
        uses_model = model.provider != "offline" and bool(deployment.agents)
        if not uses_model and model.prices is None:
            return
        try:
            prices = load_prices(model.prices)
        except ConfigurationError as error:
            self._mistake_list.record_error(error)
            return
        self._mistake_list.record_each(without_price(deployment, model, prices) if uses_model else ())

    def _check_address(self) -> None:
        """Check the address that the environment names, and warn if the key would be sent there unencrypted."""
        try:
            address = sends_key_in_clear(self.settings.model, self.environ)
        except ConfigurationError as error:
            self._mistake_list.record_error(error)
            return
        if address is not None:
            place = self._mistake_list.place_of("model.base_url") if self.settings.model.base_url else BASE_URL
            text = f"{address} is not encrypted: the key and all payloads can be read on the way; use https://"
            self._mistake_list.warn_of(Mistake(place, text))


def _limits(author: AuthorSection) -> DepositLimits:
    return DepositLimits(max_payload=author.max_payload, max_text=author.max_text)


def _sink_warnings(sink: SinkSection, missing: list[str]) -> Iterator[str]:
    for name in missing:
        yield f"the environment variable {name} is not set here; without it nothing is delivered"
    if sink.webhook is not None and sink.webhook.body == "plain" and sink.webhook.secret_env is None:
        yield "without secret_env the receiver cannot verify who has sent a message"
    if sink.webhook is not None and (problem := sink.webhook.signing_problem()) is not None:
        yield f"{problem}; without it nothing is delivered"
