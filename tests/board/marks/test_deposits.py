"""A repeated deposit reinforces the live mark by current strengths and the rule of its kind."""

from __future__ import annotations

from math import log2

import pytest

from blackboard import strength
from blackboard.board.mark_changes import deposits
from blackboard.board.result_types.mark_results import Receipt
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.stored_laws import law_key
from blackboard.core.marks.decay import Exponential, Linear, Never, Power, Step
from blackboard.core.marks.deposit_requests import Deposit, DepositRequest
from blackboard.durations import HOUR, MINUTE
from blackboard.errors import InvalidMark, UniqueConflict, UnknownName
from tests.support.world import Smoke, World, kind, spec


def only_strength(world: World) -> float:
    [[value]] = world.strengths().values()
    return value


def test_add_sums_what_remains_and_the_new_intensity(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat="add")})
    world.put("smoke", intensity=1.0)
    world.advance(HOUR)
    receipt = world.put("smoke", intensity=0.25)
    assert receipt.outcome == "reinforced"
    assert receipt.strength == pytest.approx(0.75)
    assert only_strength(world) == pytest.approx(0.75)


def test_add_stops_at_the_cap_and_never_weakens(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Never(), on_repeat="add", cap=2.0)})
    for _ in range(5):
        world.put("smoke", intensity=0.9)
    assert only_strength(world) == 2.0
    world.deploy({"smoke": kind("smoke", Never(), on_repeat="add", cap=1.0)})
    world.put("smoke", intensity=0.5)
    assert only_strength(world) == 2.0


def test_max_compares_current_strengths(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat="max")})
    world.put("smoke", intensity=1.0)
    world.advance(HOUR)
    assert world.put("smoke", intensity=0.4).outcome == "unchanged"
    assert only_strength(world) == pytest.approx(0.5)
    assert world.put("smoke", intensity=0.6).outcome == "reinforced"
    assert only_strength(world) == pytest.approx(0.6)


def test_a_weaker_deposit_changes_nothing_and_wakes_no_agent(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Exponential("1h"), on_repeat="max")}, spec("watchman", strength("smoke") >= 0.3)
    )
    first = world.put("smoke", intensity=1.0, payload={})
    assert world.woken("watchman") == [first.mark_id]
    before = world.mark(first.mark_id)
    receipt = world.put("smoke", intensity=0.9)
    assert (receipt.outcome, receipt.crossed) == ("unchanged", ())
    assert world.mark(first.mark_id) == before
    assert world.woken("watchman") is None
    assert len(world.board.history("s")) == 1


def test_a_weaker_repeat_does_not_raise_an_aged_step_mark(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Step("1h"), on_repeat="max")})
    world.put("smoke", intensity=1.0)
    world.advance(59 * MINUTE)
    world.put("smoke", intensity=0.5)
    world.advance(2 * MINUTE)
    assert world.strengths() == {}


def test_replace_may_weaken(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Never(), on_repeat="replace")})
    world.put("smoke", intensity=1.0)
    world.put("smoke", intensity=0.1)
    assert only_strength(world) == 0.1


def test_separate_marks_coexist(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Never(), on_repeat="separate")})
    assert len({world.put("smoke", intensity=1.0).mark_id for _ in range(3)}) == 3
    assert world.strengths() == {"s": [1.0, 1.0, 1.0]}


def test_marks_of_different_payloads_and_subjects_are_never_merged(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Never(), on_repeat="separate"), "fire": kind("fire", Never(), on_repeat="max")}
    )
    payloads = [{"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, {"a": {"b": [1, {"c": None}]}}]
    for payload in payloads:
        world.put("smoke", payload=payload)
    assert sorted(str(mark.payload) for mark in world.board.marks("smoke")) == sorted(map(str, payloads))
    world.put("fire", "x", payload={"a": {"b": 1}})
    world.put("fire", "y", payload={"a": {"b": 2}})
    assert len(world.board.marks("fire")) == 2


def test_the_newest_payload_is_shown_and_all_stay_in_the_history(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Never(), on_repeat="add")})
    for detail in ("thin", "thick"):
        world.put("smoke", payload={"detail": detail})
    [view] = world.board.marks()
    assert view.payload == {"detail": "thick"}
    assert view.reinforcements == 1
    assert [event.payload for event in world.board.history("s")] == [{"detail": "thin"}, {"detail": "thick"}]


@pytest.mark.postgresql
def test_trust_scales_the_deposits_of_an_author(world: World) -> None:
    world.deploy({"smoke": kind("smoke")}, trust={"person:ada": 0.5})
    assert world.put("smoke", intensity=0.8).strength == pytest.approx(0.4)


def test_trust_is_applied_before_the_cap(world: World) -> None:
    world.deploy({"smoke": kind("smoke", cap=1.0)}, trust={"person:ada": 0.5})
    assert world.put("smoke", intensity=4.0).strength == 1.0


def test_a_deposit_may_have_its_own_law(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Never())})
    world.put("smoke", "fades", decay=Exponential("1h"))
    world.put("smoke", "stays")
    world.advance(HOUR)
    assert world.strengths() == {"stays": [1.0], "fades": [pytest.approx(0.5)]}


def test_a_mark_with_until_keeps_its_strength_up_to_that_instant(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"))})
    end = world.clock.now() + HOUR
    world.put("smoke", until="2026-01-05T10:00:00Z")
    world.clock.set(end - 1)
    assert world.strengths() == {"s": [1.0]}
    world.clock.set(end)
    assert world.strengths() == {}


def test_until_in_the_past_is_refused(world: World) -> None:
    world.deploy({"smoke": kind("smoke")})
    with pytest.raises(InvalidMark, match="is in the past"):
        world.put("smoke", until="2025-01-01")
    assert world.board.marks() == []


def test_a_deposit_first_moves_an_evaporated_mark_to_the_history(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Linear("1h"), on_repeat="add")})
    first = world.put("smoke")
    world.advance(HOUR)
    second = world.put("smoke", intensity=0.5)
    assert second.outcome == "deposited"
    assert second.mark_id != first.mark_id
    assert [event.event for event in world.board.history("s")] == ["deposited", "evaporated", "deposited"]
    assert only_strength(world) == 0.5


@pytest.mark.parametrize("law", [Exponential("1h"), Linear("1h"), Power("1h"), Step("1h")])
def test_a_deposit_gives_the_same_result_before_and_after_maintenance(world: World, law: object) -> None:
    world.deploy({"smoke": kind("smoke", law, floor=0.3, on_repeat="add")})  # type: ignore[arg-type]
    world.put("smoke", "swept")
    world.put("smoke", "unswept")
    world.advance(5 * HOUR)
    world.board.session.write(lambda txn: None)
    unswept = world.put("smoke", "unswept", 0.5)
    world.evaporate()
    swept = world.put("smoke", "swept", 0.5)
    assert (swept.outcome, swept.strength) == (unswept.outcome, unswept.strength)


def test_a_unique_value_belongs_to_one_live_mark(world: World) -> None:
    world.deploy({"slot": kind("slot", Linear("1h"), on_repeat="separate", unique="at")})
    world.put("slot", "a", payload={"at": "9:00"})
    with pytest.raises(InvalidMark, match=r"slot\.at: 9:00 belongs to mark 1 with subject a"):
        world.put("slot", "b", payload={"at": "9:00"})
    assert len(world.board.marks()) == 1
    world.put("slot", "b", payload={"at": "10:00"})
    world.advance(HOUR)
    world.put("slot", "c", payload={"at": "9:00"})
    assert [mark.subject for mark in world.board.marks()] == ["c"]


def test_a_withdrawn_mark_releases_its_unique_value(world: World) -> None:
    world.deploy({"slot": kind("slot", on_repeat="max", unique="at")})
    first = world.put("slot", "a", payload={"at": "9:00"})
    world.board.withdraw(first.mark_id)
    assert world.put("slot", "b", payload={"at": "9:00"}).outcome == "deposited"


def test_a_mark_with_a_new_unique_value_releases_the_old_value(world: World) -> None:
    world.deploy({"slot": kind("slot", on_repeat="replace", unique="at")})
    world.put("slot", "a", payload={"at": "9:00"})
    world.put("slot", "a", payload={"at": "10:00"})
    assert world.put("slot", "b", payload={"at": "9:00"}).outcome == "deposited"


@pytest.mark.parametrize("intensity", [-0.1, float("nan"), float("inf"), True, "1"])
def test_an_invalid_intensity_is_refused_and_changes_nothing(world: World, intensity: object) -> None:
    world.deploy({"smoke": kind("smoke")})
    with pytest.raises(InvalidMark, match="intensity"):
        world.put("smoke", intensity=intensity)  # type: ignore[arg-type]
    assert world.board.marks() == []


@pytest.mark.parametrize("subject", ["", "  ", "x" * 513, "a\x00b"], ids=["empty", "spaces", "513", "NUL"])
def test_a_subject_that_is_empty_or_too_long_or_has_a_nul_is_refused(world: World, subject: str) -> None:
    world.deploy({"smoke": kind("smoke")})
    with pytest.raises(InvalidMark, match="subject"):
        world.put("smoke", subject)
    assert world.board.marks() == []


@pytest.mark.parametrize(
    ("field", "item"),
    [
        ("kind", Deposit(7, "a", {})),  # type: ignore[arg-type]
        ("subject", Deposit("smoke", None, {})),  # type: ignore[arg-type]
        ("subject", Deposit("smoke", ["a"], {})),  # type: ignore[arg-type]
        ("key", Deposit("smoke", "a", {}, key=7)),  # type: ignore[arg-type]
    ],
)
def test_a_kind_subject_or_key_that_is_not_text_is_refused(world: World, field: str, item: Deposit) -> None:
    world.deploy({"smoke": kind("smoke")})
    with pytest.raises(InvalidMark, match=f"the {field} must be text, not "):
        world.board.deposit_many([item])
    [error] = world.board.deposit_many([item], on_error="return")
    assert isinstance(error, InvalidMark)
    assert world.board.marks() == []


def test_an_unknown_kind_is_refused_with_the_nearest_name(world: World) -> None:
    world.deploy({"smoke": kind("smoke")})
    with pytest.raises(UnknownName, match="did you mean 'smoke'"):
        world.put("smok")


def test_a_deposit_of_zero_intensity_evaporates_at_once(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Exponential("1h"))})
    world.put("smoke", intensity=0.0)
    assert world.strengths() == {}
    world.evaporate()
    assert [event.event for event in world.board.history("s")] == ["deposited", "evaporated"]


def test_many_marks_with_too_few_keys_are_refused_rather_than_dropped(world: World) -> None:
    with pytest.raises(ValueError, match="shorter"):
        world.board.deposit_many([Smoke(subject="a"), Smoke(subject="b")], keys=["1"])


@pytest.mark.postgresql
def test_a_unique_conflict_allocates_no_event(world: World) -> None:
    world.deploy({"slot": kind("slot", on_repeat="separate", unique="at")})
    world.put("slot", "a", payload={"at": "9"})

    def work(txn: BoardTransaction) -> tuple[int, int]:
        before = txn.last_event_id
        with pytest.raises(UniqueConflict):
            deposits.deposit(txn, DepositRequest("slot", "b", {"at": "9"}, "person:ada"))
        return before, txn.last_event_id

    before, after = world.board.session.write(work)
    assert before == after


def test_each_field_of_a_stored_mark_has_the_value_of_that_name(world: World) -> None:
    """The row is built by position, so two values of one type that changed places would otherwise go unnoticed."""
    world.deploy({"smoke": kind("smoke", Exponential("1h"), floor=0.01, on_repeat="max")})
    began = world.clock.now()
    ann, law = world.board.as_author("ann"), Exponential("2h")
    first = ann.deposit("smoke", subject="kitchen", payload={"n": 1}, intensity=2.0, decay=law)
    row = world.mark(first.mark_id)
    unreinforced = {"id": first.mark_id, "event_id": first.event_id, "other_event_id": first.event_id} | {
        "kind": "smoke", "subject": "kitchen", "payload": '{"n":1}', "author": "ann", "last_author": None,
        "intensity": 2.0, "law": law_key(law), "own_law": 1, "reinforcements": 0, "activation_id": None,
        "anchored_at": began, "deposited_at": began, "reinforced_at": began, "occurred_at": began,
        "evaporates_at": row.evaporates_at, "order_key": law.order_key(2.0, began),
    }  # fmt: skip
    assert row._asdict() == unreinforced
    assert row.evaporates_at == pytest.approx(began + 2 * HOUR * log2(2.0 / 0.01), abs=2)
    later = world.advance(HOUR)
    occurred = began + HOUR // 2

    def reinforce(txn: BoardTransaction) -> Receipt:
        request = DepositRequest(
            "smoke", "kitchen", {"n": 2}, "bob", 9.0, text='{"n":2}', activation_id=7, occurred_at=occurred
        )
        return deposits.deposit(txn, request)

    second = world.board.session.write(reinforce)
    reinforced = world.mark(first.mark_id)
    assert reinforced._replace(intensity=2.0, anchored_at=began, evaporates_at=None, order_key=None) == row._replace(
        payload='{"n":2}',
        author="bob",
        event_id=second.event_id,
        other_event_id=first.event_id,
        activation_id=7,
        reinforcements=1,
        reinforced_at=later,
        occurred_at=occurred,
        evaporates_at=None,
        order_key=None,
    )
    world.board.session.write(
        lambda txn: deposits.deposit(
            txn, DepositRequest("smoke", "kitchen", {"n": 3}, "ann", 20.0, text='{"n":3}', occurred_at=began)
        )
    )
    shown = world.mark(first.mark_id)
    assert (shown.author, shown.last_author, shown.payload) == ("bob", "ann", '{"n":2}')
    assert (shown.activation_id, shown.occurred_at, shown.reinforcements) == (7, occurred, 2)
