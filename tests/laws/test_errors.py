"""Every error stands in one tree, ends the command line with its code, and names the nearest right thing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from blackboard import errors
from blackboard.errors import BlackboardError, ConfigurationError, Mistake, UnknownName, UsageError, WorkError, nearest


def every(root: type[BlackboardError]) -> Iterator[type[BlackboardError]]:
    yield root
    for child in root.__subclasses__():
        yield from every(child)


OURS = [error for error in every(BlackboardError) if error.__module__ == errors.__name__]


@pytest.mark.parametrize("error", OURS, ids=lambda error: error.__name__)
def test_every_error_is_public_drawn_and_explained(error: type[BlackboardError]) -> None:
    assert error.__name__ in errors.__all__
    assert error.__name__ in (errors.__doc__ or "")
    assert error.__doc__


def test_wrong_usage_ends_with_2_and_failed_work_with_1() -> None:
    assert {error.exit_code for error in every(UsageError)} == {2}
    assert {error.exit_code for error in every(WorkError)} == {1}


def test_an_unknown_name_gives_the_nearest() -> None:
    assert str(UnknownName("kind", "laed", ["lead", "need"])) == "there is no kind 'laed'; did you mean 'lead'?"


def test_of_two_names_as_near_the_one_that_begins_alike_is_meant() -> None:
    assert nearest("leed", ["lead", "need"]) == "; did you mean 'lead'?"


def test_where_nothing_is_near_all_there_is_is_shown() -> None:
    assert nearest("zzz", ["b", "a"]) == "; there is: a, b"
    assert nearest("zzz", []) == ""
    assert nearest("zzz", [f"k{n:02}" for n in range(20)]).endswith("k11, ...")


def test_a_configuration_error_shows_every_mistake_on_its_line() -> None:
    error = ConfigurationError([Mistake("kinds.lead", "no weight"), Mistake("agents.sales", "no watch")])
    assert str(error) == "kinds.lead: no weight\nagents.sales: no watch"
    assert len(error.mistakes) == 2
