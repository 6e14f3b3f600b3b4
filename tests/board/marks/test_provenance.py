"""The chain of provenance of a mark has every agent that deposited or reinforced it, or a mark behind it."""

from __future__ import annotations

import random
from collections import defaultdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from blackboard import strength, strongest_of, watch
from blackboard.board import provenance
from blackboard.core.marks.decay import Exponential
from blackboard.store.statements import MARKS
from tests.support.world import World, kind, spec

AGENTS = ("first", "second", "third")
SUBJECTS = ("a", "b", "c")


KINDS = {"note": kind("note", Exponential("1h"), on_repeat="add"), "page": kind("page", on_repeat="separate")}


def agents_behind(world: World, mark_id: int) -> set[str] | None:
    """Return the agents in the chain of provenance of a mark."""
    [row] = world.rows(MARKS.get_mark, id=mark_id)
    return world.board.session.read(partial(provenance.agents_behind, row=row))


def deposited_by(world: World, agent: str, kind_of_mark: str, subject: str) -> int:
    """Let an agent deposit a mark, and return the id of the mark."""
    receipts = world.finish(world.claimed(agent), (kind_of_mark, subject, 1.0))
    assert receipts is not None
    return receipts[0].mark_id


def test_an_agent_that_reinforced_a_mark_is_found_even_if_the_mark_was_used_before(world: World) -> None:
    readers = {"first": [], "second": [], "third": [strongest_of("page", 2)]}
    world.deploy(KINDS, *(spec(name, strength("note") >= 0.5, reads=reads) for name, reads in readers.items()))
    world.put("note", "a")
    deposited_by(world, "first", "page", "a")
    deposited_by(world, "second", "note", "a")
    page = deposited_by(world, "third", "page", "b")
    assert agents_behind(world, page) == {"first", "second", "third"}


def test_a_renamed_agent_is_behind_its_marks_under_both_names(world: World) -> None:
    world.deploy(KINDS, spec("former", strength("note") >= 0.5))
    world.put("note", "a")
    page = deposited_by(world, "former", "page", "a")
    world.deploy(KINDS, spec("present", strength("note") >= 0.5, renamed_from="former"))
    assert agents_behind(world, page) == {"former", "present"}


@given(seed=st.integers(0, 2**32), steps=st.lists(st.sampled_from(("deposit", *AGENTS)), min_size=3, max_size=25))
@settings(max_examples=15, deadline=None)
def test_the_agents_behind_a_mark_are_those_of_a_model(seed: int, steps: list[str]) -> None:
    rng = random.Random(seed)
    behind: defaultdict[int, set[str]] = defaultdict(set)
    with TemporaryDirectory() as folder:
        world = World(Path(folder, "board.db"))
        world.deploy(
            KINDS,
            *(
                spec(
                    name,
                    watch(strength("note") >= 0.5),
                    reads=[strongest_of("page", 2)],
                    batch=rng.choice((1, 2)),
                    max_chain=1000,
                )
                for name in AGENTS
            ),
        )
        for step in steps:
            kind_of_mark, subject = rng.choice(("note", "note", "page")), rng.choice(SUBJECTS)
            if step == "deposit":
                world.put(kind_of_mark, subject)
            elif (claim := world.claim(step)) is not None:
                came_from = {step}.union(*(behind[item.event.mark_id] for item in (*claim.inputs, *claim.reads)))
                for receipt in world.finish(claim, (kind_of_mark, subject, 1.0)) or ():
                    behind[receipt.mark_id] |= came_from
        for mark in world.board.marks():
            assert agents_behind(world, mark.id) == behind[mark.id]
        world.close()
