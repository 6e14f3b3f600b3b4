"""Rows that are made by position: the comment at each value names its field."""

import re
from inspect import getsource, signature
from types import ModuleType

import pytest

from blackboard.board.mark_changes import deposits
from blackboard.board.mark_tables import mark_rows
from blackboard.board.mark_tables.mark_rows import EventDetails
from blackboard.core.marks import deposit_requests
from blackboard.core.marks.deposit_requests import DepositRequest
from blackboard.core.marks.mark_model import DepositOptions
from blackboard.store.row_types.mark_row_types import EventRow, MarkRow


@pytest.mark.parametrize(
    ("module", "row_type"),
    [
        (deposits, EventDetails),
        (deposits, MarkRow),
        (mark_rows, EventRow),
        (deposit_requests, DepositOptions),
        (deposit_requests, DepositRequest),
    ],
)
def test_the_comments_at_the_values_of_a_row_are_its_fields_in_order(module: ModuleType, row_type: type) -> None:
    after = getsource(module).split(f"{row_type.__name__}(  # by position")[1]
    values = re.split(r"\n +\)\n", after)[0].splitlines()[1:]
    names = [value.split(",  # ")[-1].split(";")[0] for value in values]
    fields = [*signature(row_type).parameters]
    assert names == fields[: len(values)]  # the fields after these have defaults
