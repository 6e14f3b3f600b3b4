"""The agents in the chain of provenance of a mark equal those of a model that follows every activation."""

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


@given(seed=st.integers(0, 2**32), steps=st.lists(st.sampled_from(("deposit", *AGENTS)), min_size=3, max_size=25))
@settings(max_examples=15, deadline=None)
def test_the_agents_behind_a_mark_are_those_of_a_model(seed: int, steps: list[str]) -> None:
    rng = random.Random(seed)
    behind: defaultdict[int, set[str]] = defaultdict(set)
    with TemporaryDirectory() as folder:
        world = World(Path(folder, "board.db"))
        world.deploy(
            {"note": kind("note", Exponential("1h"), on_repeat="add"), "page": kind("page", on_repeat="separate")},
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
            [row] = world.rows(MARKS.get_mark, id=mark.id)
            assert world.board.session.read(partial(provenance.agents_behind, row=row)) == behind[mark.id]
        world.close()
