"""Exceptions: one tree, with an exit code for each, and messages that suggest the nearest name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from blackboard import errors
from blackboard.errors import (
    BlackboardError,
    ConfigurationError,
    Conflict,
    Mistake,
    UnknownName,
    UsageError,
    WorkError,
    nearest,
)


def every(root: type[BlackboardError]) -> Iterator[type[BlackboardError]]:
    yield root
    for child in root.__subclasses__():
        yield from every(child)


OURS = [error for error in every(BlackboardError) if error.__module__ == errors.__name__]


@pytest.mark.parametrize("error", OURS, ids=lambda error: error.__name__)
def test_every_error_is_public_and_in_the_tree_and_has_a_docstring(error: type[BlackboardError]) -> None:
    assert error.__name__ in errors.__all__
    assert error.__name__ in (errors.__doc__ or "")
    assert error.__doc__


@pytest.mark.parametrize("error", OURS, ids=lambda error: error.__name__)
def test_every_error_can_be_made_of_a_message_that_another_process_reports(error: type[BlackboardError]) -> None:
    made = error.reported("it failed")
    assert (str(made), made.place, made.stored) == ("it failed", "", None)
    assert made.log_text in (None, "it failed")


def test_usage_errors_have_exit_code_2_and_work_errors_and_conflicts_1() -> None:
    assert {error.exit_code for error in every(UsageError) if not issubclass(error, Conflict)} == {2}
    # After a conflict, a script reads the mark again and repeats its request.
    assert {error.exit_code for error in every(Conflict)} == {1}
    assert {error.exit_code for error in every(WorkError)} == {1}


def test_an_unknown_name_suggests_the_nearest_name() -> None:
    assert str(UnknownName("kind", "laed", ["lead", "need"])) == "there is no kind 'laed'; did you mean 'lead'?"


def test_of_equally_near_names_the_same_first_letter_wins() -> None:
    assert nearest("leed", ["lead", "need"]) == "; did you mean 'lead'?"
    assert nearest("marks", ["mark_tags", "live_marks"]) == "; did you mean 'live_marks'?"


def test_without_a_near_name_the_known_names_are_listed() -> None:
    assert nearest("zzz", ["b", "a"]) == "; known names: a, b"
    assert nearest("zzz", []) == ""
    assert nearest("zzz", [f"k{n:02}" for n in range(20)]).endswith("k11, ...")


def test_a_configuration_error_shows_every_mistake_on_its_line() -> None:
    error = ConfigurationError([Mistake("kinds.lead", "no weight"), Mistake("agents.sales", "no watch")])
    assert str(error) == "kinds.lead: no weight\nagents.sales: no watch"
    assert len(error.mistakes) == 2
