"""After any sequence of operations, the board equals its model, and no event is absorbed twice."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from blackboard import Decision, Deposit, Need, Overdue, Reinforce, Withdraw
from blackboard.board.activations.agent_claims.claims import Claim
from blackboard.board.activations.run_ends import activation_recovery
from blackboard.board.activations.run_ends.agent_actions import AgentAction
from blackboard.board.need_answers import overdue_needs
from blackboard.board.result_types.mark_results import Receipt
from blackboard.clock import from_datetime
from blackboard.core.marks.decay import Curve, Decay, Exponential, Linear, Never, Power, Step
from blackboard.durations import HOUR, MINUTE, SECOND
from blackboard.errors import Conflict, InvalidMark, KeyReused, LawConflict, NotFound, OutOfOrder
from blackboard.testing import mark as stored_mark
from tests.board.whole_board.board_model import Model, ModelMark, ModelNeed
from tests.board.whole_board.model_watches import WATCHES, Fire, ModelWatch, Smoke
from tests.support.board_steps import in_transaction
from tests.support.hypothesis_examples import examples
from tests.support.sum_checks import check_sums
from tests.support.world import World, kind

LAWS: list[Decay] = [
    Exponential("1h"),
    Linear("3h"),
    Power("20m", 1.5),
    Step("90m"),
    Curve([("30m", 0.9), ("2h", 0.05), ("4h", 0.0)]),
    Never(),
]
SUBJECTS = ["a", "b", "c"]


AGENTS = [watch.agent for watch in WATCHES]
NAMES = [agent.name for agent in AGENTS]
ENDS = {"waiting", "claimed", "done", "dead", "faded", "skipped", "withdrawn", "discarded"}
intensities = st.sampled_from([0.0, 0.005, 0.1, 0.25, 0.4, 0.6, 1.0, 2.5])


def act(mark: ModelMark, by: float) -> AgentAction:
    """Return the action of an agent on a mark: to reinforce it, or to withdraw it if there is nothing to add."""
    found = stored_mark(Smoke if mark.kind == "smoke" else Fire, mark.subject, id=mark.id)
    return Reinforce(found, by) if by else Withdraw(found)


class Board(RuleBasedStateMachine):
    """A state machine of a board and its model."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.world = World(self.folder / "board.db")
        self.kinds = {
            "smoke": kind("smoke", Exponential("1h"), floor=0.02, on_repeat="add", cap=3.0, tags=("value",)),
            "fire": kind("fire", Linear("3h"), floor=0.02, on_repeat="separate"),
        }
        self.world.deploy(self.kinds, *AGENTS)
        self.model = Model({name: one.kind(name) for name, one in self.kinds.items()}, self.world.clock.now())
        self.watches = {watch.agent.name: watch(self.model) for watch in WATCHES}
        self.running: dict[str, Claim] = {}
        self.begun: dict[tuple[str, int, int], str] = {}
        self.keys: dict[str, tuple[Receipt, str]] = {}
        self.needs: dict[int, ModelNeed] = {}
        self.overdue: dict[int, int] = {}
        """When each need was due that the board has called overdue, even if it was answered since."""
        self.latest: dict[str, int] = {}
        """For each subject, when the latest smoke occurred."""

    def teardown(self) -> None:
        self.world.close()
        shutil.rmtree(self.folder)

    # -- time

    def now(self) -> int:
        now = self.world.board.session.now()
        self.model.fire_predicted(now)
        return now

    @rule(by=st.sampled_from([SECOND, MINUTE, 17 * MINUTE, HOUR, 5 * HOUR]))
    def time_passes(self, by: int) -> None:
        self.world.advance(by)

    @rule(by=st.sampled_from([SECOND, HOUR]))
    def the_clock_steps_back(self, by: int) -> None:
        self.world.board.session.write(lambda txn: None, record_instant=True)
        before = self.world.board.session.now()
        self.world.advance(-by)
        assert self.world.board.session.now() == before

    # -- marks

    def record_deposit(
        self,
        receipt: Receipt,
        name: str,
        subject: str,
        intensity: float,
        author: str,
        law: Decay | None,
        payload: int = 0,
        by: int = 0,
    ) -> None:
        """Record a deposit in the model that occurred some time (`by`) before it was recorded."""
        now, model = self.world.board.session.now(), self.model
        occurred = now - by
        if name == "smoke":
            self.latest[subject] = max(occurred, self.latest.get(subject, occurred))
        setting = model.kinds[name]
        old = next(iter(model.live(now, name, subject)), None) if name == "smoke" else None
        if old is None:
            assert receipt.outcome == "deposited"
        else:
            assert (receipt.outcome, receipt.mark_id) == ("reinforced", old.id)
        if old is None or setting.on_repeat == "replace":
            own_law = law is not None and law != setting.decay
            law = law or setting.decay
            intensity = min(intensity, setting.cap or intensity)
        else:
            own_law, law = old.own_law, old.law
            left = old.remaining(occurred)
            intensity = max(left, min(3.0, left + intensity))
        life = setting.life(law, intensity)
        ends = None if life is None else occurred + life
        mark = ModelMark(
            receipt.mark_id,
            name,
            subject,
            author,
            receipt.event_id,
            intensity,
            occurred,
            law,
            ends,
            own_law,
            payload,
            intensity,
        )
        if old is not None:
            mark.other = old.event if old.author != author else old.other
        assert receipt.strength == pytest.approx(model.strength(mark, now) if mark.live(now) else 0, rel=1e-9)
        model.test_watches(mark, now)

    @rule(
        subject=st.sampled_from(SUBJECTS),
        intensity=intensities,
        law=st.sampled_from([None, None, *LAWS]),
        payload=st.sampled_from([0, 0, 0, 1]),
        by=st.sampled_from([0, 0, 0, MINUTE, 2 * HOUR]),
    )
    def smoke_is_deposited(self, subject: str, intensity: float, law: Decay | None, payload: int, by: int) -> None:
        now = self.now()
        occurred_at = now - by if by else None
        values = {"value": payload} if payload else {}
        live = next(iter(self.model.live(now, "smoke", subject)), None)
        if self.kinds["smoke"].on_repeat == "replace" and now - by < self.latest.get(subject, 0):
            stale = self.world.put("smoke", subject, intensity, decay=law, payload=values, occurred_at=occurred_at)
            assert stale.outcome == "stale"
            assert stale.strength == pytest.approx(0 if live is None else self.model.strength(live, now), rel=1e-9)
            return
        if live is not None and law not in (None, live.law) and self.kinds["smoke"].on_repeat == "add":
            with pytest.raises(LawConflict, match=f"mark {live.id} "):
                self.world.put("smoke", subject, intensity, decay=law, payload=values, occurred_at=occurred_at)
            return
        if live is not None and now - by < live.at and self.kinds["smoke"].on_repeat == "add":
            with pytest.raises(OutOfOrder, match=f"mark {live.id} .*its kind has a cap"):
                self.world.put("smoke", subject, intensity, decay=law, payload=values, occurred_at=occurred_at)
            return
        receipt = self.world.put("smoke", subject, intensity, decay=law, payload=values, occurred_at=occurred_at)
        self.record_deposit(receipt, "smoke", subject, intensity, "person:ada", law, payload, by)

    @rule(
        subject=st.sampled_from(SUBJECTS),
        intensity=intensities,
        law=st.sampled_from([None, None, *LAWS]),
        by=st.sampled_from([0, 0, 0, MINUTE, 2 * HOUR, 5 * HOUR]),
    )
    def fire_is_deposited(self, subject: str, intensity: float, law: Decay | None, by: int) -> None:
        now = self.now()
        receipt = self.world.put("fire", subject, intensity, decay=law, occurred_at=now - by if by else None)
        self.record_deposit(receipt, "fire", subject, intensity, "person:ada", law, 0, by)

    @rule(
        items=st.lists(
            st.tuples(st.sampled_from(["smoke", "fire"]), st.sampled_from(SUBJECTS), intensities),
            min_size=2,
            max_size=6,
        )
    )
    def several_are_deposited_in_one_transaction(self, items: list[tuple[str, str, float]]) -> None:
        self.now()
        deposits = [Deposit(name, subject, {}, intensity) for name, subject, intensity in items]
        receipts = self.world.board.deposit_many(deposits)
        for receipt, (name, subject, intensity) in zip(receipts, items, strict=True):
            self.record_deposit(receipt, name, subject, intensity, "person:ada", None)

    @rule(subject=st.sampled_from(SUBJECTS), key=st.sampled_from(["k1", "k2"]))
    def fire_is_deposited_under_a_key(self, subject: str, key: str) -> None:
        self.now()
        first, known = self.keys.get(key, (None, subject))
        if known != subject:
            with pytest.raises(KeyReused):
                self.world.put("fire", subject, 0.7, key=key)
            return
        receipt = self.world.put("fire", subject, 0.7, key=key)
        if first is not None:
            assert (receipt.outcome, receipt.event_id) == ("duplicate", first.event_id)
        else:
            self.keys[key] = receipt, subject
            self.record_deposit(receipt, "fire", subject, 0.7, "person:ada", None)

    @rule(choice=st.integers(0, 50), by=st.sampled_from([0.1, 0.4, 2.5]))
    def a_smoke_is_reinforced(self, choice: int, by: float) -> None:
        now = self.now()
        if live := self.model.live(now, "smoke"):
            mark = live[choice % len(live)]
            with pytest.raises(Conflict):
                self.world.board.reinforce(mark.id, by=by, if_event=mark.event + 1000)
            receipt = self.world.board.reinforce(mark.id, by=by, if_event=mark.event)
            self.model.reinforce(mark, receipt.event_id, by, now)

    @rule(choice=st.integers(0, 50))
    def a_mark_is_withdrawn(self, choice: int) -> None:
        now = self.now()
        if live := self.model.live(now):
            mark = live[choice % len(live)]
            self.world.board.withdraw(mark.id)
            self.model.withdraw(mark, now)

    # -- needs

    @rule(
        subject=st.sampled_from(SUBJECTS),
        due=st.sampled_from([None, 0, MINUTE, 17 * MINUTE, 5 * HOUR]),
        assignee=st.sampled_from(["", "ada"]),
    )
    def a_need_is_asked(self, subject: str, due: int | None, assignee: str) -> None:
        now = self.now()
        text = None if due is None else f"{due // SECOND}s"
        need = Need(subject=subject, question="Now?", options=["yes", "no"], due=text, assignee=assignee)
        number = self.world.board.deposit(need).mark_id
        self.needs[number] = ModelNeed(number, subject, None if due is None else now + due, assignee)

    @rule(limit=st.sampled_from([1, 1000]))
    def needs_come_due(self, limit: int) -> None:
        now = self.now()
        due = sorted((need.due, need.id) for need in self.needs.values() if need.due is not None and not need.said)
        expected = [number for at, number in due if at <= now][:limit]
        classes = self.world.board.session.classes
        assert self.world.board.session.write(lambda txn: overdue_needs.fire_due(txn, limit, classes)) == len(expected)
        for number in expected:
            self.say_overdue(self.needs[number])

    def say_overdue(self, need: ModelNeed) -> None:
        assert need.id not in self.overdue
        assert need.due is not None
        need.said, self.overdue[need.id] = True, need.due

    @precondition(lambda self: self.needs)
    @rule(choice=st.integers(0, 50), how=st.sampled_from(["answered", "withdrawn", "assigned"]))
    def a_need_is_answered_withdrawn_or_assigned(self, choice: int, how: str) -> None:
        now = self.now()
        need = list(self.needs.values())[choice % len(self.needs)]
        if how == "assigned":
            need.assignee = "" if need.assignee else "bob"
            self.world.board.assign(need.id, need.assignee)
            return
        if how == "answered":
            with pytest.raises(InvalidMark):
                self.world.board.answer(need.id, "perhaps")
            decision = self.world.board.answer(need.id, " YES")
            assert self.world.board.marks(Decision, subject=need.subject)[-1].answer == "yes"
            self.world.board.withdraw(decision.mark_id)
            if need.due is not None and need.due <= now and not need.said:
                self.say_overdue(need)
        else:
            self.world.board.withdraw(need.id)
        del self.needs[need.id]
        with pytest.raises(NotFound, match=how):
            self.world.board.answer(need.id, "yes")

    @rule(limit=st.sampled_from([1, 1000]))
    def evaporated_marks_are_moved(self, limit: int) -> None:
        self.now()
        self.world.evaporate(limit)

    @rule(
        name=st.sampled_from(["smoke", "fire"]),
        weight=st.sampled_from([0.5, 1.0, 2.0]),
        law=st.sampled_from(LAWS),
        floor=st.sampled_from([0.02, 0.02, 0.3]),
        on_repeat=st.sampled_from(["add", "replace"]),
        tags=st.sampled_from([("value",), ("value",), ("other", "value")]),
        limit=st.sampled_from([1, 3, 1000]),
    )
    def the_deployment_changes(
        self, name: str, weight: float, law: Decay, floor: float, on_repeat: str, tags: tuple[str, ...], limit: int
    ) -> None:
        self.now()
        old = self.kinds[name]
        on_repeat = on_repeat if name == "smoke" else "separate"
        new = kind(name, law, weight=weight, floor=floor, on_repeat=on_repeat, cap=old.cap, tags=tags)
        self.kinds[name] = new
        self.world.register({name: new}, *AGENTS)
        if old != new:
            self.model.change(new.kind(name), self.now())
        self.world.run_backfill(limit)

    # -- agents

    @rule(choice=st.integers(0, 44))
    def an_agent_wakes(self, choice: int) -> None:
        self.world.fire_all_due()
        now = self.now()
        ready = [name for name in NAMES if self.model.waiting[name] and name not in self.running] or NAMES
        name = ready[choice % len(ready)]
        open_ones = self.world.board.activations(agent=name, state="ready", limit=100)
        claim = self.world.claim(name)
        if name in self.running:
            assert claim is None
            return
        if claim is not None and claim.row.id in {row.id for row in open_ones}:
            for item in claim.inputs:
                assert self.begun[name, item.event.mark_id, item.event.id] == "begun"
            self.running[name] = claim
            return
        self.record_claim(self.watches[name], claim, now)

    def record_claim(self, watch: ModelWatch, claim: Claim | None, now: int) -> None:
        """Compare a claim with the waiting crossings of the model, and record it there."""
        model, name = self.model, watch.name
        keys = self.taken(watch, claim, now)
        required = {key: watch.required(*key, now) for key in keys}
        allowed = {mark for key in keys for mark in required[key] or watch.allowed(key[0])}
        for key in keys:
            del model.waiting[name][key]
        if watch.drops_faded:
            model.count["faded"] += sum(not marks for marks in required.values())
            keys = {key for key in keys if required[key]}
        assert (claim is not None) == bool(keys)
        if claim is None:
            return
        model.count["claimed"] += len(keys)
        watch.check_claim(claim, now)
        given = {item.event.mark_id: item for item in claim.inputs}
        assert {mark for marks in required.values() for mark in marks} <= set(given) <= allowed
        for mark_id, one in given.items():
            mark = model.marks[mark_id]
            has_left = watch.has_left(mark)
            assert one.event.id < mark.event if has_left else one.event.id == mark.event
            if mark.live(now) and not has_left:
                assert one.strength == pytest.approx(model.strength(mark, now), rel=1e-9)
            if watch.absorbs:
                assert (name, mark_id, mark.event) not in self.begun, "an event was absorbed twice"
            watch.note_given(mark)
            self.begun[name, mark_id, one.event.id] = "begun"
        self.running[name] = claim

    def taken(self, watch: ModelWatch, claim: Claim | None, now: int) -> set[tuple[str, int]]:
        """Return the keys of the crossings that a claim took: all, or those of the strongest subject."""
        waiting = self.model.waiting[watch.name]
        if claim is None or not watch.takes_one_subject:
            return set(waiting)
        [subject] = {item.event.subject for item in claim.inputs}
        keys = {key for key in waiting if key[0] == subject}
        strongest = max(watch.value(*key, now) for key in waiting)
        assert max(watch.value(*key, now) for key in keys) == pytest.approx(strongest, rel=1e-9)
        return keys

    @precondition(lambda self: self.running)
    @rule(
        choice=st.integers(0, 8),
        subject=st.sampled_from(SUBJECTS),
        deposited=st.sampled_from([None, "fire", "smoke"]),
        acted=st.lists(st.tuples(st.sampled_from([2.5, 0.1, 0.0]), st.integers(0, 50)), min_size=1, max_size=2),
    )
    def an_agent_succeeds(
        self, choice: int, subject: str, deposited: str | None, acted: list[tuple[float, int]]
    ) -> None:
        """Let an agent return a mark and actions: reinforcements, or withdrawals where there is nothing to add."""
        now = self.now()
        name = sorted(self.running)[choice % len(self.running)]
        claim = self.running.pop(name)
        live = self.model.live(now)
        chosen = [(by, live[number % len(live)]) for by, number in acted if live]
        actions = [act(mark, by) for by, mark in chosen]
        receipts = self.world.finish(claim, *([(deposited, subject, 0.8)] if deposited else []), actions=actions)
        assert receipts is not None
        for item in claim.inputs:
            key = (name, item.event.mark_id, item.event.id)
            assert self.begun[key] == "begun", "an event was absorbed twice"
            self.begun[key] = "done" if self.watches[name].absorbs else "begun"
        for receipt in receipts:
            assert deposited is not None
            self.record_deposit(receipt, deposited, subject, 0.8, name, None)
        for by, mark in chosen:
            self.record_action(name, mark.id, by, now)
        self.watches[name].test_again({item.event.subject for item in claim.inputs}, now)

    def record_action(self, name: str, mark_id: int, by: float, now: int) -> None:
        """Record the action of an agent in the model. On a mark that is gone it does nothing."""
        if (mark := self.model.marks.get(mark_id)) is None:
            return
        if by:
            [event] = self.world.sql(
                "SELECT id FROM mark_history WHERE mark_id = ? AND event = 'reinforced' ORDER BY id DESC LIMIT 1",
                mark_id,
            )
            self.model.reinforce(mark, event.id, by, now, name)
        else:
            self.model.withdraw(mark, now)

    @precondition(lambda self: self.running)
    @rule(choice=st.integers(0, 8))
    def an_agent_fails(self, choice: int) -> None:
        now = self.now()
        name = sorted(self.running)[choice % len(self.running)]
        claim = self.running.pop(name)
        state = self.world.fail(claim)
        assert state in ("ready", "dead")
        if state == "dead":
            self.watches[name].test_again({item.event.subject for item in claim.inputs}, now)

    @precondition(lambda self: self.running)
    @rule()
    def the_worker_dies(self) -> None:
        late = dict(self.running)
        self.running.clear()
        assert in_transaction(self.world.board, activation_recovery.recover, ["worker"], expired=False) == len(late)
        for claim in late.values():
            assert self.world.finish(claim, ("fire", "a", 1.0)) is None

    # -- invariants

    @invariant()
    def the_live_marks_are_those_of_the_model_with_their_strengths(self) -> None:
        now = self.now()
        marks = [mark for mark in self.world.board.marks() if mark.kind in self.kinds]
        assert {mark.id: mark.own_law for mark in marks} == {m.id: m.own_law for m in self.model.live(now)}
        seen = {mark.id: mark.strength for mark in marks}
        expected = {mark.id: self.model.strength(mark, now) for mark in self.model.live(now)}
        assert seen == pytest.approx(expected, rel=1e-9)

    @invariant()
    def marks_are_found_by_their_tags(self) -> None:
        now = self.now()
        live = {mark.id for mark in self.model.live(now, "smoke") if mark.payload}
        assert {mark.id for mark in self.world.board.marks("smoke", where={"value": 1})} == live
        assert self.world.board.marks("smoke", where={"value": True}) == []
        stored = {row[0] for row in self.world.sql("SELECT mark_id FROM mark_tag WHERE kind = 'smoke'")}
        assert stored - live <= set(self.model.marks) - {mark.id for mark in self.model.live(now)}

    @invariant()
    def every_crossing_is_in_one_state_and_none_is_lost(self) -> None:
        self.world.fire_all_due()
        self.now()
        rows = self.world.crossings()
        assert len(rows) == self.model.count["recorded"]
        assert {row.state for row in rows} <= ENDS
        waiting: dict[str, set[tuple[str, int]]] = {name: set() for name in NAMES}
        names: dict[int, str] = dict(self.world.sql("SELECT id, agent FROM watch"))
        for row in rows:
            if row.state == "waiting":
                waiting[names[row.watch_id]].add((row.scope, row.mark_id))
        assert waiting == {name: set(keys) for name, keys in self.model.waiting.items()}
        for state in ("skipped", "withdrawn", "faded"):
            assert sum(row.state == state for row in rows) == self.model.count[state]
        begun = [row for row in rows if row.state in ("claimed", "done")]
        assert len(begun) == self.model.count["claimed"]
        activations: dict[int, str] = dict(self.world.sql("SELECT id, state FROM activation"))
        for row in begun:
            assert row.activation_id is not None
            ends = {"claimed": {"running", "ready", "dead"}, "done": {"done"}}[row.state]
            assert activations[row.activation_id] in ends

    @invariant()
    def needs_are_overdue_at_their_due_times_and_once(self) -> None:
        now = self.now()
        inbox = self.world.board.inbox()
        due = {need.id: None if need.due_at is None else from_datetime(need.due_at) for need in inbox}
        assert due == {need.id: need.due for need in self.needs.values()}
        assert {need.id: need.assignee for need in inbox} == {need.id: need.assignee for need in self.needs.values()}
        late = [need.id for need in inbox if need.overdue]
        assert late == [need.id for need in inbox if need.due_at is not None and from_datetime(need.due_at) <= now]
        said = self.world.sql("SELECT payload, occurred_at FROM event WHERE kind = 'overdue' AND event = 'deposited'")
        assert sorted((json.loads(text)["need"], at) for text, at in said) == sorted(self.overdue.items())
        live = [mark.need for mark in self.world.board.marks(Overdue)]
        assert sorted(live) == sorted(need.id for need in self.needs.values() if need.said)

    @invariant()
    def kept_totals_are_those_of_the_stimuli(self) -> None:
        self.world.board.session.write(check_sums)


@pytest.mark.hypothesis
@pytest.mark.timeout(600)  # PostgreSQL is five times slower than a file
def test_the_board_equals_its_model() -> None:
    # The assertions are in the rules and invariants of `Board`.
    run_state_machine_as_test(Board, settings=examples(0.5, stateful_step_count=50))


def test_a_board_on_which_agents_work_all_the_time_equals_its_model() -> None:
    """Take the rules of `Board` in a fixed random order, in which every second step is the step of an agent."""
    rng, board = random.Random(1), Board()
    deposits: list[Callable[[], None]] = [
        lambda: board.fire_is_deposited(rng.choice(SUBJECTS), rng.choice([0.4, 0.6, 1.0]), None, 0),
        lambda: board.smoke_is_deposited(
            rng.choice(SUBJECTS), rng.choice([0.4, 1.0, 2.5]), None, rng.choice([0, 1]), 0
        ),
        lambda: board.time_passes(rng.choice([MINUTE, 17 * MINUTE, HOUR])),
        lambda: board.a_mark_is_withdrawn(rng.randrange(50)),
    ]
    ends: list[Callable[[], None]] = [
        lambda: board.an_agent_succeeds(rng.randrange(9), rng.choice(SUBJECTS), None, [(rng.choice([0.1, 0.0]), 0)]),
        lambda: board.an_agent_fails(rng.randrange(9)),
    ]
    try:
        for _ in range(100):
            rng.choices(deposits, [4, 4, 3, 1])[0]()
            if board.running and rng.random() < 0.5:
                rng.choice(ends)()
            else:
                board.an_agent_wakes(rng.randrange(45))
            board.the_live_marks_are_those_of_the_model_with_their_strengths()
            board.every_crossing_is_in_one_state_and_none_is_lost()
            board.kept_totals_are_those_of_the_stimuli()
    finally:
        board.teardown()
