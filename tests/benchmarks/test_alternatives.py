"""The figures of an example and its plain alternative come from what its scripts print."""

from __future__ import annotations

import pytest

from benchmarks.alternatives import EXAMPLES, total


@pytest.mark.parametrize(("example", "calls", "usd"), [("triage", 23, 0.0722), ("memory", 36, 0.0554)])
def test_the_columns_of_a_table_are_summed(example: str, calls: int, usd: float) -> None:
    shown = (EXAMPLES / example / "README.md").read_text("utf-8")
    assert total(shown, "calls") == calls
    assert total(shown, "US$") == pytest.approx(usd)
    assert total(shown, "no-such-column") is None


def test_an_output_without_a_table_has_no_figure() -> None:
    assert total("Sat 19:14:22  page  db  weight", "calls") is None
