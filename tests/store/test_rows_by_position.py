"""Rows that are made by position: the comment at each value names its field."""

import re
from inspect import getsource
from types import ModuleType

import pytest

from blackboard.board.mark_changes import deposits
from blackboard.board.mark_tables import mark_rows
from blackboard.store.row_types.mark_row_types import EventRow, MarkRow


@pytest.mark.parametrize(("module", "row_type"), [(deposits, MarkRow), (mark_rows, EventRow)])
def test_the_comments_at_the_values_of_a_row_are_its_fields_in_order(
    module: ModuleType, row_type: type[MarkRow | EventRow]
) -> None:
    values = getsource(module).split(f"{row_type.__name__}(  # by position")[1].split("\n    )")[0]
    assert re.findall(r",  # (\w+)", values) == [*row_type._fields]
