"""The figures as a table and as a plot."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.coordination.call_formulas import FORMS
from benchmarks.coordination.outcome import Row

__all__ = ["fill_page", "forms", "plot", "table", "trickle_table"]

OURS = "marks, ten per call"
_GROUPS = {
    "marks": "Marks on the board",
    "controls": "Controls",
    "frameworks": "Frameworks, a fresh thread for each lead",
    "lasting": "One lasting thread for all leads",
}


def table(rows: Sequence[Row]) -> str:
    """Return a Markdown table with a line for each system; tokens by type are shown for the largest number of leads."""
    sizes = sorted({row.leads for row in rows if row.group in _GROUPS})
    largest = sizes[-1]
    ours = _row(rows, OURS, largest)
    listed = " / ".join(map(str, sizes))
    lines = [
        f"| | calls at {listed} | input at {largest} | output at {largest} | weighted per lead at {listed} | break-even"
        " |",
        "|---|---|---|---|---|---|",
    ]
    for group, title in _GROUPS.items():
        systems = list(dict.fromkeys(row.system for row in rows if row.group == group))
        lines += [f"| **{title}** | | | | | |"] if systems else []
        for system in systems:
            result = [_row(rows, system, size) for size in sizes]
            last = result[-1]
            calls = " / ".join("-" if row is None else f"{row.cost.calls}" for row in result)
            weighted = " / ".join("-" if row is None else f"{row.per_lead(row.cost.weighted):,.0f}" for row in result)
            tokens = ["-", "-"] if last is None else [f"{last.cost.input:,}", f"{last.cost.output:,}"]
            lines.append(f"| {system} | {calls} | {tokens[0]} | {tokens[1]} | {weighted} | {_break_even(ours, last)} |")
    return "\n".join(lines)


def trickle_table(rows: Sequence[Row]) -> str:
    """Return a Markdown table of the rows with leads that arrive over time."""
    lines = [
        "| | calls | of one per call | input | output | weighted per lead | median wait |",
        "|---|---|---|---|---|---|---|",
    ]
    single = 1
    for row in [row for group in ("trickling", "fading") for row in rows if row.group == group]:
        if row.system.startswith("marks, one per call"):
            single = row.cost.calls
        share = f"{row.cost.calls / single:.0%}" if row.group == "trickling" else "-"
        judged = f", {row.done} of {row.leads} judged" if row.done is not None else ""
        wait = "-" if row.wait is None else f"{row.wait:g} s"
        lines.append(
            f"| {row.system}{judged} | {row.cost.calls} | {share} | {row.cost.input:,} | {row.cost.output:,} "
            f"| {row.per_lead(row.cost.weighted):,.0f} | {wait} |"
        )
    return "\n".join(lines)


def forms() -> str:
    """Return a Markdown table of the closed formulas."""
    lines = ["| | calls for n leads (q qualify, c clash) |", "|---|---|"]
    return "\n".join([*lines, *(f"| {system} | {form.text} |" for system, form in FORMS.items())])


def fill_page(page: str, rows: Sequence[Row]) -> str:
    """Return the page with the tables between its comments replaced."""
    tables = {"table": table(rows), "trickle": trickle_table(rows), "forms": forms()}
    return re.sub(
        r"<!-- (table|trickle|forms) -->.*?<!-- end -->",
        lambda match: f"<!-- {match[1]} -->\n{tables[match[1]]}\n<!-- end -->",
        page,
        flags=re.DOTALL,
    )


def plot(rows: Sequence[Row], path: Path) -> None:
    """Draw the weighted tokens per lead of every system.

    This needs matplotlib, from the extra `plot`.
    """
    import matplotlib as mpl

    mpl.use("svg" if path.suffix == ".svg" else "agg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "economy", "font.size": 9})
    from matplotlib import pyplot

    largest = max(row.leads for row in rows if row.group in _GROUPS)
    bars = list(_bars(rows, largest))
    figure, axes = pyplot.subplots(figsize=(7.5, 0.3 * len(bars) + 0.9), layout="constrained")
    colours = {"marks": "#1b7837", "controls": "#8c8c8c", "frameworks": "#2166ac", "lasting": "#b2182b"}
    for at, row in enumerate(reversed(bars)):
        value = row.per_lead(row.cost.weighted)
        axes.plot(value, at, "o", color=colours[row.group])  # no bars, because a logarithmic scale has no zero
        axes.text(value * 1.12, at, f"{value:,.0f}", va="center")
    axes.set_yticks(range(len(bars)), [row.system for row in reversed(bars)])
    axes.set_xscale("log")
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlim(right=max(row.per_lead(row.cost.weighted) for row in bars) * 3)
    axes.set_xlabel(f"input tokens + 5 x output tokens, per lead, at {largest} leads (log scale)")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    pyplot.close(figure)


def _bars(rows: Sequence[Row], largest: int) -> Iterator[Row]:
    for group in _GROUPS:
        yield from (row for row in rows if row.group == group and row.leads == largest)


def _row(rows: Sequence[Row], system: str, leads: int) -> Row | None:
    return next((row for row in rows if (row.system, row.leads) == (system, leads) and row.group in _GROUPS), None)


def _break_even(ours: Row | None, other: Row | None) -> str:
    """Return the tokens that could be added to each of our calls before they cost as much as the other system."""
    if ours is None or other is None or other.system == ours.system:
        return "-"
    return f"{(other.cost.weighted - ours.cost.weighted) / ours.cost.calls:+,.0f}"
