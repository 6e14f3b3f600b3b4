"""The agents and mark classes that a deployment file names, imported from their modules."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from blackboard.core.agents.agent_definition import Agent
from blackboard.core.built_in_marks import BUILT_IN_CLASSES
from blackboard.core.marks.mark_model import Mark, class_path_of
from blackboard.core.marks.payload_round_trip import check_class
from blackboard.errors import BlackboardError, MissingPackage, nearest
from blackboard.settings.deployment_file import Settings
from blackboard.settings.mistake_list import MistakeList


class NamedObjects:
    """The imports of a deployment file. Mistakes are recorded."""

    def __init__(self, settings: Settings, mistake_list: MistakeList) -> None:
        self.settings, self._mistake_list = settings, mistake_list
        if settings.names_agents:
            _make_importable(settings.path)

    def agents(self) -> dict[str, Agent]:
        """Return the agents that the file names, by name."""
        agents: dict[str, Agent] = {}
        for path in self.settings.deployment.agents:
            agent = self._import("deployment.agents", path, lambda value: isinstance(value, Agent), "agent")
            if agent is None or agents.get(agent.name) is agent:
                continue
            if agent.name in agents:
                self._mistake_list.record(
                    "deployment.agents", f"{path}: another agent is named {agent.name!r}; give one of them another name"
                )
            agents[agent.name] = agent
        return agents

    def classes(self, agents: Iterable[Agent]) -> dict[str, type[Mark]]:
        """Return the mark classes of the file, of the agents' declarations, and of the agents' modules."""
        candidates: list[type[Mark]] = []
        for path in self.settings.deployment.kinds:
            candidates += [item for item in [self._import("deployment.kinds", path, is_kind, "kind of mark")] if item]
        for agent in agents:
            module = sys.modules.get(getattr(agent.function, "__module__", ""))
            candidates += [*agent.kinds.values(), *filter(is_kind, vars(module).values() if module else ())]
        classes: dict[str, type[Mark]] = dict(BUILT_IN_CLASSES)
        for item in dict.fromkeys(candidates):
            self._mistake_list.attempt("deployment", partial(check_class, item), None)
            other = classes.setdefault(item.kind, item)
            if other is not item:
                self._mistake_list.record(
                    "deployment",
                    f"two classes have the kind {item.kind!r}: {class_path_of(other)} and {class_path_of(item)};"
                    " give one of them another kind",
                )
        return classes

    def _import(self, place: str, path: str, fits: Callable[[Any], bool], category: str) -> Any:
        """Import the object at a path; record a mistake and return None if it is missing or unsuitable."""
        name, colon, attribute = path.partition(":")
        if not colon or not name or not attribute:
            return self._mistake_list.record_failed_import(
                place, f"{path!r} is not a path of the form module:name, such as lead_desk.sales:sales"
            )
        try:
            module = importlib.import_module(name)
        except MissingPackage:
            raise  # not a mistake in the file
        except ImportError as error:
            if error.name is not None and f"{name}.".startswith(f"{error.name}."):
                beside = [file.stem for file in self.settings.path.resolve().parent.glob("*.py")]
                problem = f"there is no module {error.name!r} beside the file, and none is installed"
                return self._mistake_list.record_failed_import(
                    place, f"{path!r} cannot be imported: {problem}{nearest(error.name, beside)}"
                )
            return self._mistake_list.record_failed_import(place, f"{path!r} cannot be imported: {error}")
        except BlackboardError as error:
            return self._mistake_list.record_failed_import(place, f"{path!r}: {error}")
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a module may raise anything, even SystemExit
            return self._mistake_list.record_failed_import(
                place, f"{path!r} cannot be imported: {type(error).__name__}: {error}"
            )
        value = getattr(module, attribute, None)
        if not fits(value):
            right = [label for label, value in vars(module).items() if fits(value)]
            self._mistake_list.expect(value.name for value in vars(module).values() if isinstance(value, Agent))
            self._mistake_list.expect(value.kind for value in vars(module).values() if is_kind(value))
            hidden = _hidden(module, self.settings.path)
            return self._mistake_list.record(
                place, f"{path!r}: {name} has no {category} {attribute!r}{hidden or nearest(attribute, right)}"
            )
        return value


def is_kind(value: Any) -> bool:
    """Return whether a value is the class of a kind of marks."""
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
