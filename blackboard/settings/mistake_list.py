"""The mistakes that were found in a deployment file, so that a person can correct them together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from blackboard.errors import BlackboardError, ConfigurationError, Mistake, nearest

T = TypeVar("T")


class MistakeList:
    """The mistakes and warnings about one deployment file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.mistakes: list[Mistake] = []
        self.warnings: list[Mistake] = []
        self.has_failed_import = False
        """Whether an import failed, so the agents and kinds of that module are unknown."""
        self._expected: set[str] = set()
        """Agents and kinds that will be known when a mistake is corrected, because their module was found."""

    def record(self, place: str, message: str) -> None:
        """Record a mistake at a setting, such as `agents.sales.watches`."""
        self.mistakes.append(Mistake(self.place_of(place), message))

    def record_error(self, error: ConfigurationError) -> None:
        """Record the mistakes of an error. The places of these mistakes already name the file."""
        self.mistakes += error.mistakes

    def record_failed_import(self, place: str, message: str) -> None:
        """Record that an import failed, so that names of its module are not reported as unknown."""
        self.has_failed_import = True
        self.record(place, message)

    def expect(self, names: Iterable[str]) -> None:
        """Do not report these names of agents and kinds as unknown."""
        self._expected.update(names)

    def record_each(self, mistakes: Iterable[Mistake]) -> None:
        """Record mistakes whose places are settings."""
        for mistake in mistakes:
            self.record(mistake.place, mistake.message)

    def warn_of(self, warning: Mistake) -> None:
        """Record a warning whose place is complete."""
        self.warnings.append(warning)

    def warn_of_each(self, warnings: Iterable[Mistake]) -> None:
        """Record warnings whose places are settings."""
        self.warnings += [Mistake(self.place_of(warning.place), warning.message) for warning in warnings]

    def check_known(
        self, place: str, category: str, names: Iterable[str], known: Iterable[str], *, named: bool = True
    ) -> None:
        """Record each name that is not known. With `named`, the name is the last part of the place."""
        known = list(known)
        for name in names:
            # A failed import may explain an unknown name, unless the name looks like a misspelling of a known name.
            follows = name in self._expected or (
                self.has_failed_import and not get_close_matches(name, known, cutoff=0.8)
            )
            if name not in known and not follows:
                self.record(
                    f"{place}.{name}" if named else place, f"there is no {category} {name!r}{nearest(name, known)}"
                )

    def attempt(self, place: str, make: Callable[[], T], fallback: T) -> T:
        """Return what `make` returns; if it fails, record its mistakes and return the fallback."""
        try:
            return make()
        except ConfigurationError as error:
            for mistake in error.mistakes:
                self.record(place, mistake.message)
        except BlackboardError as error:
            self.record(place, str(error))
        return fallback

    def raise_if_any(self) -> None:
        """Raise all mistakes together.

        Raises:
            ConfigurationError: There is at least one mistake.
        """
        if self.mistakes:
            raise ConfigurationError(self.mistakes)

    def place_of(self, setting: str) -> str:
        """Return the place of a setting: the file and the setting."""
        return f"{self.path}, {setting}"
