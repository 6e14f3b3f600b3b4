"""The resolver of settings into a deployment. It imports the named agents and kinds and applies their overrides.

It deploys nothing. All mistakes are collected, so that a person can correct them together.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from blackboard.core.agent_definition import Agent
from blackboard.core.authors import check_author, skeleton
from blackboard.core.built_in_marks import BUILT_IN_CLASSES
from blackboard.core.conditions import Comparison, Condition, with_window
from blackboard.core.decay import law_from
from blackboard.core.declaration_mistakes import (
    mistakes_about_answers,
    mistakes_in,
    mistakes_in_filters,
    mistakes_in_groups,
)
from blackboard.core.deployment import (
    OVER_TIME,
    AgentSettings,
    AgentSpec,
    Deployment,
    DepositLimits,
    KindSpec,
    WatchSpec,
    conditions_of,
    min_increase_problem,
)
from blackboard.core.kinds import Kind
from blackboard.core.marks import Mark, class_path_of
from blackboard.core.parsing import parse_condition
from blackboard.core.payload_round_trip import check_class
from blackboard.core.schedules import every
from blackboard.errors import BlackboardError, ConfigurationError, InvalidAuthor, MissingPackage, Mistake, nearest
from blackboard.llm.model_settings import BASE_URL, sends_key_in_clear
from blackboard.llm.prices import load_prices
from blackboard.settings.agent_sections import misspelt_sections, section_mistakes
from blackboard.settings.condition_warnings import warnings_about
from blackboard.settings.deployment_warnings import probable_mistakes
from blackboard.settings.price_settings import without_price
from blackboard.settings.sections import AgentSection, AuthorSection, KindSection, WatchSection
from blackboard.settings.settings_file import Settings, examine_settings

T = TypeVar("T")
ANY_SCHEDULE = every("1h")
"""The value for a schedule with a mistake, while other mistakes are looked for."""


@dataclass(frozen=True)
class ResolvedDeployment:
    """A deployment file with the agents and kinds that it names."""

    deployment: Deployment
    agents: Mapping[str, Agent]
    """The enabled agents, by name."""
    kinds: tuple[type[Mark], ...]
    settings: Settings
    warnings: tuple[Mistake, ...] = ()
    """Settings that are allowed but probably not intended."""

    def serving(self, names: Iterable[str]) -> ResolvedDeployment:
        """Return this deployment with only some of its agents to run. The deployment itself stays complete.

        Raises:
            ConfigurationError: It has no such agents, or they are not enabled; all are listed.
        """
        names = dict.fromkeys(names)
        if unknown := [name for name in names if name not in self.agents]:
            raise ConfigurationError(Mistake(str(self.settings.path), self._missing(name)) for name in unknown)
        return replace(self, agents={name: self.agents[name] for name in names})

    def _missing(self, name: str) -> str:
        if name in self.settings.agents:  # a section of an agent that does not exist is a mistake of the file
            return f"the agent {name!r} is not enabled"
        return f"there is no agent {name!r}{nearest(name, self.agents)}"


def resolve(settings: Settings, environ: Mapping[str, str] | None = None) -> ResolvedDeployment:
    """Return the deployment that settings describe, by default with the environment of the process.

    Raises:
        ConfigurationError: A name does not exist, or an override does not fit; all mistakes are listed.
        MissingPackage: An agent needs a package that is not installed.
    """
    return _Resolver(settings, os.environ if environ is None else environ).resolved()


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
    resolver = _Resolver(settings)
    if settings.names_agents:
        _make_importable(settings.path)
    classes = resolver.classes()
    if resolver.mistakes:
        raise ConfigurationError(resolver.mistakes)
    return classes


class _Resolver:
    def __init__(self, settings: Settings, environ: Mapping[str, str] = os.environ) -> None:
        self.settings, self.environ = settings, environ
        self.mistakes: list[Mistake] = []
        self.warnings: list[Mistake] = []
        self.import_failed = False
        """Whether an import failed, so that the agents and kinds of that module are unknown."""
        self.expected: set[str] = set()
        """The agents and kinds of modules from which a wrong name was imported. They exist after its correction."""

    def resolved(self) -> ResolvedDeployment:
        if self.settings.names_agents:
            _make_importable(self.settings.path)
        agents = self._agents()
        classes = self._classes(agents.values())
        kinds = self._kinds(classes)
        specs = self._specs(agents, kinds)
        deployment = self._deployment(kinds, specs)
        self._check_sections(agents)
        self._check_prices(deployment)
        self._check_address()
        self._check_author(agents)
        if self.mistakes:
            raise ConfigurationError(self.mistakes)
        return ResolvedDeployment(
            deployment,
            {name: agents[name] for name in specs},
            tuple(classes.values()),
            self.settings,
            tuple(self.warnings),
        )

    def classes(self) -> tuple[type[Mark], ...]:
        return tuple(self._classes(self._agents().values()).values())

    def _specs(self, agents: Mapping[str, Agent], kinds: Mapping[str, Kind]) -> dict[str, AgentSpec]:
        """Return the enabled agents, with the overrides of their sections."""
        specs: dict[str, AgentSpec] = {}
        self._check_known("agents", "agent", self.settings.agents, agents)
        for name, agent in agents.items():
            section = self.settings.agents.get(name, AgentSection())
            spec = self._agent(agent.spec, section)
            self._check_names(spec, kinds)
            if section.enabled:
                specs[name] = spec
        if not self.import_failed:
            for mistake in mistakes_about_answers(specs):
                self._record_mistake(mistake.place, mistake.message)
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
        )

    def _check_sections(self, agents: Mapping[str, Agent]) -> None:
        """Check the sections of the file that belong to agents."""
        for mistake in section_mistakes(agents.values(), self.settings.settings):
            self._record_mistake(mistake.place, mistake.message)
        for warning in misspelt_sections(agents.values(), self.settings.settings):
            self.warnings.append(Mistake(self._at(warning.place), warning.message))

    def _check_author(self, agents: Iterable[str]) -> None:
        """Check that the author of deposits is not reserved and does not look like the name of an agent."""
        if (author := self.settings.database.author) is None:
            return
        try:
            check_author(author)
        except InvalidAuthor as error:
            self._record_mistake("database.author", str(error))
        if (agent := {skeleton(name): name for name in agents}.get(skeleton(author))) is not None:
            self._record_mistake(
                "database.author", f"{author!r} would be taken for the agent {agent!r}; choose another name"
            )

    # -- imports ---------------------------------------------------------------------------------------------

    def _agents(self) -> dict[str, Agent]:
        agents: dict[str, Agent] = {}
        for path in self.settings.deployment.agents:
            agent = self._import("deployment.agents", path, lambda value: isinstance(value, Agent), "agent")
            if agent is None or agents.get(agent.name) is agent:
                continue
            if agent.name in agents:
                self._record_mistake(
                    "deployment.agents", f"{path}: another agent is named {agent.name!r}; give this one a name"
                )
            agents[agent.name] = agent
        return agents

    def _classes(self, agents: Iterable[Agent]) -> dict[str, type[Mark]]:
        """Return the mark classes of the file, of the agents' declarations, and of the agents' modules."""
        candidates: list[type[Mark]] = []
        for path in self.settings.deployment.kinds:
            candidates += [item for item in [self._import("deployment.kinds", path, _is_kind, "kind of mark")] if item]
        for agent in agents:
            module = sys.modules.get(getattr(agent.function, "__module__", ""))
            candidates += [*agent.kinds.values(), *filter(_is_kind, vars(module).values() if module else ())]
        classes: dict[str, type[Mark]] = dict(BUILT_IN_CLASSES)
        for item in dict.fromkeys(candidates):
            self._try("deployment", partial(check_class, item), None)
            other = classes.setdefault(item.kind, item)
            if other is not item:
                self._record_mistake(
                    "deployment",
                    f"two classes have the kind {item.kind!r}: {class_path_of(other)} and {class_path_of(item)}",
                )
        return classes

    def _record_failed_import(self, place: str, message: str) -> None:
        """Record that an import failed, so that names of its module are not reported as unknown."""
        self.import_failed = True
        self._record_mistake(place, message)

    def _import(self, place: str, path: str, fits: Callable[[Any], bool], category: str) -> Any:
        """Import the object at a path; record a mistake and return None if it is missing or unsuitable."""
        name, colon, attribute = path.partition(":")
        if not colon or not name or not attribute:
            return self._record_failed_import(
                place, f"{path!r} is not a path of the form module:name, such as lead_desk.sales:sales"
            )
        try:
            module = importlib.import_module(name)
        except MissingPackage:
            raise  # not a mistake in the file
        except ImportError as error:
            return self._record_failed_import(place, f"{path!r} cannot be imported: {error}")
        except BlackboardError as error:
            return self._record_failed_import(place, f"{path!r}: {error}")
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a module may raise anything, even SystemExit
            return self._record_failed_import(place, f"{path!r} cannot be imported: {type(error).__name__}: {error}")
        value = getattr(module, attribute, None)
        if not fits(value):
            right = [label for label, value in vars(module).items() if fits(value)]
            self.expected |= {value.name for value in vars(module).values() if isinstance(value, Agent)}
            self.expected |= {value.kind for value in vars(module).values() if _is_kind(value)}
            hidden = _hidden(module, self.settings.path)
            return self._record_mistake(
                place, f"{path!r}: {name} has no {category} {attribute!r}{hidden or nearest(attribute, right)}"
            )
        return value

    # -- overrides -------------------------------------------------------------------------------------------

    def _kinds(self, classes: Mapping[str, type[Mark]]) -> dict[str, Kind]:
        sections = self.settings.kinds
        without_class = [name for name in sections if name not in classes and self._declares_kind(name, classes)]
        self._check_known("kinds", "kind", [name for name in sections if name not in without_class], classes)
        for name in sections.keys() - {*classes, *without_class}:
            self._kind(name, Kind("unknown"), sections[name])  # also report mistakes in unknown kinds
        kinds = {name: model.defaults for name, model in classes.items()}
        for name in without_class:
            kinds[name] = self._try(f"kinds.{name}", partial(Kind, name), Kind("unknown"))
        return {name: self._kind(name, kind, sections.get(name, KindSection())) for name, kind in kinds.items()}

    def _declares_kind(self, name: str, classes: Mapping[str, type[Mark]]) -> bool:
        """Return whether a section declares a kind without a class.

        It has tags or is searched, and no class has a similar kind.
        """
        section = self.settings.kinds[name]
        return bool(section.tags or section.search) and not get_close_matches(name, classes, cutoff=0.7)

    def _kind(self, name: str, kind: Kind, section: KindSection) -> Kind:
        place = f"kinds.{name}"
        changes = {name: getattr(section, name) for name in section.model_fields_set}
        if "decay" in changes:
            changes["decay"] = self._try(f"{place}.decay", lambda: law_from(section.decay), kind.decay)
        return self._try(place, lambda: replace(kind, **changes), kind)

    def _agent(self, spec: AgentSpec, section: AgentSection) -> AgentSpec:
        place = f"agents.{spec.name}"
        own = AgentSettings.model_fields.keys() & section.model_fields_set
        settings = spec.settings.model_copy(update={name: getattr(section, name) for name in own})
        sections = dict(section.watches)
        names = [watch.name for watch in spec.watches]
        added = {name for name, watch in sections.items() if watch.schedule is not None}
        self._check_known(f"{place}.watches", "watch", sections.keys() - added, names)
        for setting in ("threshold", "within", "schedule"):
            if (value := getattr(section, setting)) is None:
                continue
            if len(names) > 1:
                self._record_mistake(
                    f"{place}.{setting}",
                    f"the agent has the watches {', '.join(names)}; set it per watch, as in"
                    f" [{place}.watches.{names[0]}]",
                )
            else:
                base = sections.get(names[0], WatchSection())
                sections[names[0]] = base.model_copy(update={setting: value})
        watches = [
            self._watch(f"{place}.watches.{watch.name}", watch, sections.get(watch.name)) for watch in spec.watches
        ]
        watches += [
            self._new_schedule(f"{place}.watches.{name}", name, new)
            for name, new in sections.items()
            if name not in names and new.schedule is not None
        ]
        reads = spec.reads if section.reads is None else tuple(read.spec for read in section.reads)
        spec = spec.model_copy(update={"settings": settings, "watches": tuple(watches), "reads": reads})
        for mistake in mistakes_in(spec):
            self._record_mistake(mistake.place, mistake.message)
        return spec

    def _watch(self, place: str, watch: WatchSpec, section: WatchSection | None) -> WatchSpec:
        if section is None:
            return watch
        when: Condition = watch.condition
        if section.schedule is not None:
            if when.is_schedule:
                when = self._schedule(place, section.schedule, when)
            else:
                self._record_mistake(
                    f"{place}.schedule", f"the watch waits for marks: {when}; give the schedule another name"
                )
        if (threshold := section.threshold) is not None:
            if when.is_schedule:
                self._record_mistake(f"{place}.threshold", f"{when} is a schedule, which has no threshold")
            elif isinstance(when, Comparison):
                comparison: Comparison = when
                when = self._try(f"{place}.threshold", lambda: replace(comparison, threshold=threshold), comparison)
            else:
                self._record_mistake(f"{place}.threshold", f"{when} has several thresholds; change them in the agent")
        if section.within is not None:
            when = self._window(place, when, section.within)
        min_increase = watch.min_increase if section.min_increase is None else section.min_increase
        if min_increase is not None and (problem := min_increase_problem(when)) is not None:
            self._record_mistake(f"{place}.min_increase", problem)
        changes = {
            name: value
            for name in ("min_increase", "catch_up", "per", "on_guard", *OVER_TIME)
            if (value := getattr(section, name)) is not None
        }
        return WatchSpec(**{**watch.model_dump(), "when": str(when), **changes})

    def _window(self, place: str, when: Condition, within: int) -> Condition:
        """Return a condition with a window of another length."""
        if not when.has_window:
            self._record_mistake(
                f"{place}.within", f"{when} has no window; let the agent watch count(...) or total(..., within=)"
            )
        elif not isinstance(when, Comparison):
            self._record_mistake(f"{place}.within", f"{when} has several measures; change their windows in the agent")
        else:
            comparison = when
            return self._try(f"{place}.within", lambda: with_window(comparison, within), comparison)
        return when

    def _new_schedule(self, place: str, name: str, section: WatchSection) -> WatchSpec:
        """Return a watch that only the file has: a schedule at which the agent wakes, too."""
        for setting in ("threshold", "within", "min_increase", *OVER_TIME):
            if getattr(section, setting) is not None:
                self._record_mistake(f"{place}.{setting}", f"a schedule has no {setting}: it waits for no marks")
        schedule = self._schedule(place, section.schedule or "", ANY_SCHEDULE)
        return WatchSpec(
            name=name, when=str(schedule), catch_up=section.catch_up, per=section.per, on_guard=section.on_guard
        )

    def _schedule(self, place: str, text: str, fallback: Condition) -> Condition:
        schedule: Condition = self._try(f"{place}.schedule", lambda: parse_condition(text), fallback)
        if not schedule.is_schedule:
            self._record_mistake(
                f"{place}.schedule", f"{schedule} is not a schedule; write every(...), daily_at(...) or cron(...)"
            )
            return fallback
        return schedule

    def _check_names(self, spec: AgentSpec, kinds: Mapping[str, Kind]) -> None:
        """Check that each kind in an agent's declaration exists, and warn of probable mistakes."""
        place = f"agents.{spec.name}"
        for read in spec.reads:
            self._check_known(f"{place}.reads", "kind", [read.kind], kinds, named=False)
        for mistake in [*mistakes_in_filters(spec, kinds), *mistakes_in_groups(spec, kinds)]:
            self._record_mistake(mistake.place, mistake.message)
        self._check_known(f"{place}.writes", "kind", spec.writes, kinds, named=False)
        self._check_known(f"{place}.withdraws", "kind", spec.withdraws, kinds, named=False)
        warnings = [*warnings_about(spec, kinds), *probable_mistakes(spec, kinds, self.settings.daemon.keep_history)]
        self.warnings += [Mistake(self._at(warning.place), warning.message) for warning in warnings]
        for watch in spec.watches:
            for suffix, condition in conditions_of(watch):
                where = f"{place}.watches.{watch.name}{suffix}"
                self._check_known(where, "kind", condition.kinds, kinds, named=False)

    def _check_prices(self, deployment: Deployment) -> None:
        """Check the price table that the settings name, and that each model has a price, unless no model is used."""
        model = self.settings.model
        uses_model = model.provider != "offline" and bool(deployment.agents)
        if not uses_model and model.prices is None:
            return
        try:
            prices = load_prices(model.prices)
        except ConfigurationError as error:
            self.mistakes += error.mistakes
            return
        for mistake in without_price(deployment, model, prices) if uses_model else ():
            self._record_mistake(mistake.place, mistake.message)

    def _check_address(self) -> None:
        """Check the address that the environment names, and warn if the key would be sent there unencrypted."""
        try:
            address = sends_key_in_clear(self.settings.model, self.environ)
        except ConfigurationError as error:
            self.mistakes += error.mistakes
            return
        if address is not None:
            place = self._at("model.base_url") if self.settings.model.base_url else BASE_URL
            text = f"{address} is not encrypted: the key and all payloads can be read on the way; use https://"
            self.warnings.append(Mistake(place, text))

    # -- mistakes -----------------------------------------------------------------------------------------------------

    def _check_known(
        self, place: str, category: str, names: Iterable[str], known: Iterable[str], *, named: bool = True
    ) -> None:
        known = list(known)
        for name in names:
            # A failed import may explain an unknown name, unless the name looks like a misspelling of a known name.
            follows = name in self.expected or (self.import_failed and not get_close_matches(name, known, cutoff=0.8))
            if name not in known and not follows:
                self._record_mistake(
                    f"{place}.{name}" if named else place, f"there is no {category} {name!r}{nearest(name, known)}"
                )

    def _try(self, place: str, make: Callable[[], T], fallback: T) -> T:
        try:
            return make()
        except ConfigurationError as error:
            for mistake in error.mistakes:
                self._record_mistake(place, mistake.message)
        except BlackboardError as error:
            self._record_mistake(place, str(error))
        return fallback

    def _record_mistake(self, place: str, message: str) -> None:
        self.mistakes.append(Mistake(self._at(place), message))

    def _at(self, place: str) -> str:
        return f"{self.settings.path}, {place}"


def _limits(author: AuthorSection) -> DepositLimits:
    return DepositLimits(max_payload=author.max_payload, max_text=author.max_text)


def _is_kind(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, Mark) and value is not Mark


def _make_importable(path: Path) -> None:
    """Make modules importable from the folder of the file.

    The folder comes last, so that no file in it hides a module of the standard library or an installed package.
    """
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)


def _hidden(module: ModuleType, path: Path) -> str:
    """Return the end of a message if an installed module hides one of the same name in the folder of the file."""
    name, folder = module.__name__.partition(".")[0], path.resolve().parent
    found = getattr(module, "__file__", None)
    beside = next((place for place in (folder / f"{name}.py", folder / name) if place.exists()), None)
    if beside is None or found is None or Path(found).resolve().is_relative_to(folder):
        return ""
    return f"; the installed {found} hides {beside}, which needs another name"
