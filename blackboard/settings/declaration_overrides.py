"""The overrides of a deployment file: its sections change the declared kinds, agents and watches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from typing import Any

from blackboard.core.agent_declaration_mistakes import mistakes_in
from blackboard.core.conditions.condition_parser import parse_condition
from blackboard.core.conditions.condition_types import Comparison, Condition, with_window
from blackboard.core.conditions.schedules import every
from blackboard.core.marks.decay import law_from
from blackboard.core.marks.kinds import Kind
from blackboard.core.marks.mark_model import Mark
from blackboard.core.specs.agent_spec import AgentSettings, AgentSpec
from blackboard.core.specs.watch_spec import TIMING_SETTINGS, WatchSettings, WatchSpec, min_increase_problem
from blackboard.durations import Duration
from blackboard.settings.deployment_file import Settings
from blackboard.settings.mistake_list import MistakeList
from blackboard.settings.sections import AgentSection, KindSection, WatchSection

ANY_SCHEDULE = every("1h")
"""The value for a schedule with a mistake, while other mistakes are looked for."""


class Overrides:
    """The sections of kinds, agents and watches. Mistakes are recorded."""

    def __init__(self, settings: Settings, mistake_list: MistakeList) -> None:
        self.settings, self._mistake_list = settings, mistake_list

    def kinds(self, classes: Mapping[str, type[Mark]]) -> dict[str, Kind]:
        """Return the kinds of the classes and of the file alone, with the settings of their sections."""
        sections = self.settings.kinds
        without_class = [name for name in sections if name not in classes and self._declares_kind(name, classes)]
        self._mistake_list.check_known(
            "kinds", "kind", [name for name in sections if name not in without_class], classes
        )
        for name in sections.keys() - {*classes, *without_class}:
            self._kind(name, Kind("unknown"), sections[name])  # also report mistakes in unknown kinds
        kinds = {name: model.defaults for name, model in classes.items()}
        for name in without_class:
            kinds[name] = self._mistake_list.attempt(f"kinds.{name}", partial(Kind, name), Kind("unknown"))
        return {name: self._kind(name, kind, sections.get(name, KindSection())) for name, kind in kinds.items()}

    def _declares_kind(self, name: str, classes: Mapping[str, type[Mark]]) -> bool:
        """Return whether a section declares a kind without a class.

        A section with the schema of a payload does. So does a section with tags or search if no class has a similar
        kind.
        """
        section = self.settings.kinds[name]
        if section.payload_schema is not None:
            return True
        return bool(section.tags or section.search) and not get_close_matches(name, classes, cutoff=0.7)

    def _kind(self, name: str, kind: Kind, section: KindSection) -> Kind:
        place = f"kinds.{name}"
        changes = {setting: getattr(section, setting) for setting in section.model_fields_set}
        if (schema := section.payload_schema) is not None:
            self._check_payload_schema(f"{place}.payload_schema", kind, schema)
        if "decay" in changes:
            changes["decay"] = self._mistake_list.attempt(f"{place}.decay", lambda: law_from(section.decay), kind.decay)
        return self._mistake_list.attempt(place, lambda: replace(kind, **changes), kind)

    def _check_payload_schema(self, place: str, kind: Kind, schema: dict[str, Any]) -> None:
        from blackboard.board.mark_classes.payload_checks import schema_problem  # jsonschema is slow to import

        if kind.class_path:
            self._mistake_list.record(
                place, f"the class {kind.class_path} gives the schema of the kind; remove this setting"
            )
        elif (problem := schema_problem(schema)) is not None:
            self._mistake_list.record(place, problem)

    def agent(self, spec: AgentSpec, section: AgentSection) -> AgentSpec:
        """Return the declaration of an agent with the settings of its section, and with the schedules that it adds."""
        place = f"agents.{spec.name}"
        if not spec.remote:
            for setting in section.only_remote:
                self._mistake_list.record(
                    f"{place}.{setting}", "only a remote agent has it; change the declaration of this agent in Python"
                )
        own = AgentSettings.model_fields.keys() & section.model_fields_set
        settings = spec.settings.model_copy(update={name: getattr(section, name) for name in own})
        reads = spec.reads if section.reads is None else tuple(read.spec for read in section.reads)
        watches = self._watches(f"{place}.watches", spec, self._watch_sections(place, spec, section))
        spec = spec.model_copy(update={"settings": settings, "watches": watches, "reads": reads})
        self._mistake_list.record_each(mistakes_in(spec))
        return spec

    def _watch_sections(self, place: str, spec: AgentSpec, section: AgentSection) -> dict[str, WatchSection]:
        """Return the sections of an agent's watches. For an agent with one watch, the agent's section also sets it."""
        sections = dict(section.watches)
        names = [watch.name for watch in spec.watches]
        for setting in ("threshold", "within", "schedule"):
            if (value := getattr(section, setting)) is None:
                continue
            if len(names) > 1:
                self._mistake_list.record(
                    f"{place}.{setting}",
                    f"the agent has the watches {', '.join(names)}; set it per watch, as in"
                    f" [{place}.watches.{names[0]}]",
                )
            elif names:
                base = sections.get(names[0], WatchSection())
                sections[names[0]] = base.model_copy(update={setting: value})
        return sections

    def _watches(self, place: str, spec: AgentSpec, sections: Mapping[str, WatchSection]) -> tuple[WatchSpec, ...]:
        """Return the declared watches with the settings of their sections, and the schedules that sections add."""
        names = [watch.name for watch in spec.watches]
        added = {name: new for name, new in sections.items() if name not in names and new.schedule is not None}
        if not spec.remote:  # the sections of a remote agent are its declaration
            self._mistake_list.check_known(place, "watch", sections.keys() - added.keys(), names)
        watches = [self._watch(f"{place}.{watch.name}", watch, sections.get(watch.name)) for watch in spec.watches]
        return (*watches, *(self._new_schedule(f"{place}.{name}", name, new) for name, new in added.items()))

    def _watch(self, place: str, watch_spec: WatchSpec, section: WatchSection | None) -> WatchSpec:
        """Return a watch with the settings of a section; settings that do not fit it are recorded as mistakes."""
        if section is None:
            return watch_spec
        when: Condition = watch_spec.condition
        if section.schedule is not None:
            if when.is_schedule:
                when = self._schedule(place, section.schedule, when)
            else:
                self._mistake_list.record(
                    f"{place}.schedule", f"this watch waits for marks: {when}; give the schedule a name of its own"
                )
        if section.threshold is not None:
            when = self._threshold(place, when, section.threshold)
        if section.within is not None:
            when = self._window(place, when, section.within)
        min_increase = watch_spec.min_increase if section.min_increase is None else section.min_increase
        if min_increase is not None and (problem := min_increase_problem(when)) is not None:
            self._mistake_list.record(f"{place}.min_increase", problem)
        changes = {name: value for name in WatchSettings.model_fields if (value := getattr(section, name)) is not None}
        return WatchSpec(**{**watch_spec.model_dump(), "when": str(when), **changes})

    def _threshold(self, place: str, when: Condition, threshold: float) -> Condition:
        """Return a condition with another threshold."""
        if when.is_schedule:
            self._mistake_list.record(
                f"{place}.threshold", f"{when} is a schedule and has no threshold; remove this setting"
            )
        elif not isinstance(when, Comparison):
            self._mistake_list.record(f"{place}.threshold", f"{when} has several thresholds; change them in the agent")
        else:
            comparison = when
            change = partial(replace, comparison, threshold=threshold)
            return self._mistake_list.attempt(f"{place}.threshold", change, comparison)
        return when

    def _window(self, place: str, when: Condition, within: Duration) -> Condition:
        """Return a condition with a window of another length."""
        if not when.has_window:
            self._mistake_list.record(
                f"{place}.within",
                f"{when} has no window; remove this setting, or let the agent watch count(..., within=...)",
            )
        elif not isinstance(when, Comparison):
            self._mistake_list.record(
                f"{place}.within", f"{when} has several measures; change their windows in the agent"
            )
        else:
            comparison = when
            return self._mistake_list.attempt(f"{place}.within", lambda: with_window(comparison, within), comparison)
        return when

    def _new_schedule(self, place: str, name: str, section: WatchSection) -> WatchSpec:
        """Return a watch that only the file declares: a further schedule at which the agent wakes."""
        for setting in ("threshold", "within", "min_increase", *TIMING_SETTINGS):
            if getattr(section, setting) is not None:
                self._mistake_list.record(
                    f"{place}.{setting}",
                    f"a schedule has no {setting}, because it waits for no marks; remove this setting",
                )
        schedule = self._schedule(place, section.schedule or "", ANY_SCHEDULE)
        return WatchSpec(
            name=name, when=str(schedule), catch_up=section.catch_up, per=section.per, on_guard=section.on_guard
        )

    def _schedule(self, place: str, text: str, fallback: Condition) -> Condition:
        schedule: Condition = self._mistake_list.attempt(f"{place}.schedule", lambda: parse_condition(text), fallback)
        if not schedule.is_schedule:
            self._mistake_list.record(
                f"{place}.schedule", f"{schedule} is not a schedule; write every(...), daily_at(...) or cron(...)"
            )
            return fallback
        return schedule
