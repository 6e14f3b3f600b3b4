"""Workers outside the daemon claim activations of remote agents, and end them as a daemon ends those of its agents."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from blackboard import Blackboard, ModelUsage, Need
from blackboard.board.diagnosis.doctor import examine_board
from blackboard.board.result_types.remote_work_results import RemoteActivation
from blackboard.core.records.states import ActivationState
from blackboard.core.specs.agent_spec import AgentSpec, Budget, ReadSpec
from blackboard.errors import (
    AgentError,
    BlackboardError,
    Conflict,
    InvalidMark,
    LeaseLost,
    NotFound,
    Undeclared,
    UniqueConflict,
    UnknownName,
    UsageError,
    WorkError,
)
from tests.support.threads import join_all
from tests.support.world import World, kind, spec

REINFORCEMENT = {"mark_id": 1, "by": 1}
VERDICT = {"kind": "verdict", "subject": "r/1", "payload": {"grade": "good"}}


def remote(watches: Any = 'strength("report") >= 0.5', **settings: Any) -> AgentSpec:
    """Return a remote agent that reads reports and writes verdicts."""
    reads = settings.pop("reads", ())
    writes = settings.pop("writes", ("verdict",))
    withdraws = settings.pop("withdraws", ())
    made = spec("review", watches, **settings)
    return made.model_copy(
        update={"remote": True, "code": None, "writes": writes, "withdraws": withdraws, "reads": reads}
    )


def deploy(world: World, agent_spec: AgentSpec | None = None, *others: AgentSpec) -> None:
    kinds = {"report": kind("report"), "verdict": kind("verdict", unique="slot"), "need": kind("need")}
    world.deploy(kinds, remote() if agent_spec is None else agent_spec, *others)


@pytest.fixture
def worker(world: World) -> Blackboard:
    """Return the board of a worker, whose author is `w1`."""
    deploy(world)
    return world.board.as_author("w1")


def deploy_reader(world: World) -> Blackboard:
    """Deploy an agent that also reads the verdicts on the subject, and return the board of its worker."""
    deploy(world, remote(reads=(ReadSpec(kind="verdict", same_subject=True),)))
    return world.board.as_author("w1")


def claimed(worker: Blackboard, **options: Any) -> RemoteActivation:
    found = worker.claim("review", **options)
    assert found is not None
    return found


def test_a_claim_gives_the_marks_and_what_the_agent_reads(world: World) -> None:
    worker = deploy_reader(world)
    world.put("verdict", "r/1", 0.5, payload={"grade": "bad"})
    world.put("report", "r/1", payload={"text": "fine"})
    found = claimed(worker)
    assert (found.agent, found.fence, found.attempt, found.subjects) == ("review", 1, 1, ("r/1",))
    assert [(mark.kind, mark.payload, mark.strength) for mark in found.marks] == [("report", {"text": "fine"}, 1.0)]
    assert [(mark.kind, mark.payload) for mark in found.reads] == [("verdict", {"grade": "bad"})]
    assert found.lease_until == worker.now() + timedelta(minutes=5)


def test_an_activation_is_claimed_once(world: World, worker: Blackboard) -> None:
    assert worker.claim("review") is None
    world.put("report", "r/1")
    claimed(worker)
    assert worker.claim("review") is None


def test_an_agent_withdraws_no_mark_that_it_only_reads(world: World) -> None:
    worker = deploy_reader(world)
    world.put("verdict", "r/1", 0.5, payload={"grade": "bad"})
    world.put("report", "r/1")
    found = claimed(worker)
    with pytest.raises(Undeclared):
        worker.finish(found.id, {"withdrawals": [{"mark_id": found.reads[0].id}]}, fence=found.fence)
    assert worker.finish(found.id, {"marks": [VERDICT]}).state == "done"


def test_the_result_of_an_activation_is_signed_by_its_agent(world: World, worker: Blackboard) -> None:
    world.put("report", "r/1")
    found = claimed(worker)
    end = worker.finish(found.id, {"marks": [VERDICT], "reinforcements": [{"mark_id": found.marks[0].id, "by": 0.5}]})
    assert (end.state, len(end.marks)) == ("done", 2)
    [verdict] = world.board.marks("verdict")
    assert (verdict.author, verdict.activation_id, verdict.payload) == ("review", found.id, {"grade": "good"})
    assert world.board.marks("report")[0].strength == 1.5
    details = world.board.activation(found.id)
    assert (details.activation.state, details.activation.worker) == (ActivationState.DONE, "remote:w1")


def test_the_same_result_again_changes_nothing(world: World, worker: Blackboard) -> None:
    world.put("report", "r/1")
    found = claimed(worker)
    first = worker.finish(found.id, {"marks": [VERDICT]}, fence=found.fence)
    events = world.board.status().last_event_id
    assert worker.finish(found.id, {"marks": [dict(VERDICT)]}, fence=found.fence) == first
    assert world.board.status().last_event_id == events
    with pytest.raises(LeaseLost, match="is done"):
        worker.finish(found.id, {}, fence=found.fence)
    with pytest.raises(LeaseLost):
        world.board.as_author("w2").finish(found.id, {"marks": [VERDICT]}, fence=found.fence)


def test_only_the_worker_that_claimed_ends_a_run(world: World, worker: Blackboard) -> None:
    world.put("report", "r/1")
    found = claimed(worker)
    other = world.board.as_author("w2")
    acts: list[Callable[[], object]] = [
        lambda: other.finish(found.id),
        lambda: other.heartbeat(found.id, fence=found.fence),
        lambda: other.fail(found.id, "no"),
    ]
    for act in acts:
        with pytest.raises(LeaseLost, match="was claimed by another author"):
            act()
    with pytest.raises(LeaseLost, match=f"has the fence {found.fence}, not {found.fence + 1}; this claim has ended"):
        worker.finish(found.id, fence=found.fence + 1)
    with pytest.raises(NotFound):
        worker.finish(found.id, agent="digest")
    with pytest.raises(NotFound):
        worker.finish(99)


def test_a_dead_worker_loses_its_lease_and_nothing_else(world: World, worker: Blackboard) -> None:
    world.put("report", "r/1")
    first = claimed(worker, lease="1m")
    world.clock.advance(timedelta(seconds=59))
    assert world.board.as_author("w2").claim("review") is None
    world.clock.advance(timedelta(seconds=1))
    acts: list[Callable[[], object]] = [
        lambda: worker.finish(first.id),
        lambda: worker.heartbeat(first.id),
        lambda: worker.fail(first.id, "x"),
    ]
    for act in acts:
        with pytest.raises(LeaseLost, match="the lease of activation 1 ended"):
            act()
    second = claimed(world.board.as_author("w2"))
    assert (second.id, second.fence, second.attempt, second.marks) == (first.id, 2, 1, first.marks)
    with pytest.raises(LeaseLost):
        worker.finish(first.id, {"marks": [VERDICT]}, fence=first.fence)
    assert world.board.marks("verdict") == []


def test_heartbeats_extend_the_lease_up_to_the_timeout_of_the_agent(world: World) -> None:
    deploy(world, remote(timeout="10m", max_attempts=1))
    worker = world.board.as_author("w1")
    world.put("report", "r/1")
    found = claimed(worker, lease="1h")
    start = worker.now()
    assert found.lease_until == start + timedelta(minutes=10)
    world.clock.advance(timedelta(minutes=9))
    assert worker.heartbeat(found.id, fence=1, lease="1m").lease_until == found.lease_until
    world.clock.advance(timedelta(minutes=1))
    assert worker.claim("review") is None
    assert world.board.activation(found.id).activation.state == "dead"
    assert "ran past its timeout of 600 s" in (world.board.activation(found.id).activation.error or "")


def test_an_activation_that_kills_its_worker_again_and_again_is_quarantined(world: World, worker: Blackboard) -> None:
    world.put("report", "r/1")
    for fence in (1, 2, 3):
        assert claimed(worker, lease="1m").fence == fence
        world.clock.advance(timedelta(minutes=1))
    assert worker.claim("review") is None
    assert world.board.activation(1).activation.state == "quarantined"


def test_a_failure_is_retried_split_and_at_last_dead(world: World) -> None:
    deploy(world, remote(max_attempts=2, retry_after="10s", batch=4, cooldown_after_failures=9))
    worker = world.board.as_author("w1")
    for number in range(2):
        world.put("report", f"r/{number}")
    found = claimed(worker)
    assert len(found.marks) == 2
    end = worker.fail(found.id, "no idea", fence=found.fence)
    assert (end.state, end.attempt) == ("ready", 1)
    assert worker.fail(found.id, "no idea", fence=found.fence) == end
    assert worker.claim("review") is None
    world.clock.advance(timedelta(minutes=1))
    second = claimed(worker)
    assert (second.attempt, second.error) == (2, "no idea")
    worker.fail(second.id, "no idea")
    halves = [claimed(worker)]
    worker.fail(halves[0].id, "bad", retry=False)
    halves.append(claimed(worker))
    assert [len(half.marks) for half in halves] == [1, 1]
    worker.finish(halves[1].id)
    assert sorted(item.state for item in world.board.activations()) == ["dead", "done"]


TAKEN = {**VERDICT, "payload": {"slot": 9}}


@pytest.fixture
def activation(world: World, worker: Blackboard) -> RemoteActivation:
    """Return an activation of the worker, on a board where another verdict has the slot 9."""
    world.put("report", "r/1")
    world.put("verdict", "r/9", payload={"slot": 9})
    return claimed(worker)


@pytest.mark.parametrize(
    ("result", "error", "words"),
    [
        ({"marks": [{**VERDICT, "kind": "report"}]}, Undeclared, "returned a mark of the kind 'report'"),
        ({"marks": [{**VERDICT, "subject": ""}]}, InvalidMark, "subject is empty"),
        ({"marks": [{**VERDICT, "payload": {"subject": "x"}}]}, InvalidMark, "marks, item 1"),
        ({"marks": [{**VERDICT, "decay": "sometimes"}]}, UsageError, "decay"),
        ({"marks": [TAKEN]}, UniqueConflict, "slot"),
        ({"marks": [VERDICT] * 1001}, AgentError, "max_marks"),
        ({"reinforcements": [REINFORCEMENT], "marks": [TAKEN]}, UniqueConflict, "marks, item 1: "),
        ({"reinforcements": [REINFORCEMENT], "marks": [{**VERDICT, "kind": "report"}]}, Undeclared, "marks, item 1: "),
        ({"withdrawals": [{"mark_id": 99}]}, InvalidMark, "withdrawals, item 1: the agent was not given mark 99"),
        ({"mark": []}, UsageError, "mark: there is no field 'mark'; did you mean 'marks'"),
        ({"usage": [{"model": "m"}]}, UsageError, "usage.0.usd: field required"),
        ({"marks": [{**VERDICT, "intensity": "1"}]}, UsageError, "intensity"),
    ],
)
def test_a_refused_result_leaves_the_activation_with_its_worker(
    worker: Blackboard,
    activation: RemoteActivation,
    result: dict[str, Any],
    error: type[BlackboardError],
    words: str,
) -> None:
    with pytest.raises(error, match=words):
        worker.finish(activation.id, result, fence=activation.fence)
    assert worker.activation(activation.id).activation.state == "running"
    assert worker.marks("verdict", subject="r/1") == []
    assert worker.finish(activation.id, fence=activation.fence).state == "done"


def test_a_result_has_another_mark_in_place_of_one_whose_unique_value_is_taken(
    worker: Blackboard, activation: RemoteActivation
) -> None:
    end = worker.finish(activation.id, {"marks": [{**TAKEN, "or_else": VERDICT}]}, fence=activation.fence)
    assert end.state == "done"
    assert worker.marks("verdict", subject="r/1")[0].payload == {"grade": "good"}


def test_a_conflict_puts_the_marks_back(world: World) -> None:
    deploy(world, remote(withdraws=("report",)))
    worker = world.board.as_author("w1")
    world.put("report", "r/1", payload={"text": "old"})
    found = claimed(worker)
    world.put("report", "r/1", 2.0, payload={"text": "new"})
    withdrawal = {"mark_id": found.marks[0].id, "if_event": found.marks[0].event_id}
    with pytest.raises(Conflict, match="put back; claim it again"):
        worker.finish(found.id, {"withdrawals": [withdrawal]}, fence=found.fence)
    again = claimed(worker)
    assert (again.id, again.fence, again.attempt, again.marks[0].payload) == (found.id, 2, 1, {"text": "new"})
    worker.finish(again.id, {"withdrawals": [{"mark_id": again.marks[0].id, "if_event": again.marks[0].event_id}]})
    assert world.board.marks("report") == []


def test_batch_windows_cooldowns_pauses_and_guards_hold_a_claim(world: World) -> None:
    deploy(world, remote(batch=5, batch_window="10s", cooldown="1m"))
    worker = world.board.as_author("w1")
    world.put("report", "r/1")
    start = worker.now()
    assert worker.claim("review") is None
    assert worker.claimable_at("review") == start + timedelta(seconds=10)
    found = claimed(worker, wait="1h")
    assert worker.now() == start + timedelta(seconds=10)
    assert worker.claimable_at("review") == found.lease_until
    worker.finish(found.id)
    world.put("report", "r/2")
    assert worker.claimable_at("review") == worker.now() + timedelta(minutes=1)
    world.board.pause("review")
    assert worker.claim("review", wait="5m") is None
    assert worker.claimable_at("review") is None
    world.board.resume("review")
    assert claimed(worker).subjects == ("r/2",)


def test_a_claim_records_crossings_that_are_due_without_a_daemon(world: World) -> None:
    deploy(world, remote({"hourly": 'every("1h")'}))
    worker = world.board.as_author("w1")
    found = claimed(worker, wait="2h")
    assert found.scheduled_for is not None
    assert (found.marks, found.subjects, found.watch) == ((), (), "hourly")
    assert worker.finish(found.id, {"marks": [VERDICT]}).state == "done"


def test_usage_counts_against_the_budgets(world: World) -> None:
    deploy(world, remote(budget=Budget(usd_per_day=1.0, calls_per_hour=3), batch=1, retry_after="1s"))
    worker = world.board.as_author("w1")
    for number in range(5):
        world.put("report", f"r/{number}")
    call = {"model": "small", "usd": 0.4, "input_tokens": 900, "output_tokens": 80}
    first = claimed(worker)
    worker.finish(first.id, {"usage": [call]})
    assert [(item.state, item.api, item.cost_usd) for item in world.board.activation(first.id).calls] == [
        ("applied", "reported", 0.4)
    ]
    second = claimed(worker)
    worker.fail(second.id, "bad answer", usage=())
    third = claimed(worker)
    worker.finish(third.id, {"usage": [call, call]})
    assert worker.claim("review") is None
    midnight = (worker.now() + timedelta(days=1)).replace(hour=0, minute=0)
    assert worker.claimable_at("review") == midnight
    assert "usd_per_day = 1: 1.2 used" in world.board.agents()[0].state
    assert world.board.costs()[0].usd == pytest.approx(1.2)
    world.advance((midnight - worker.now() - timedelta(minutes=5)) / timedelta(microseconds=1))
    assert worker.claim("review") is None
    assert worker.claim("review", wait="10m") is not None


def test_attempts_stop_at_the_budget_of_one_activation(world: World) -> None:
    deploy(world, remote(budget=Budget(calls_per_activation=1), retry_after="1s"))
    worker = world.board.as_author("w1")
    world.put("report", "r/1")
    found = claimed(worker)
    worker.fail(found.id, "bad", usage=[ModelUsage(model="small", usd=0.1)])
    assert worker.claim("review", wait="1m") is None
    held = world.board.activation(found.id).activation
    assert (held.state, held.error) == (
        "held",
        "agents.review.budget.calls_per_activation = 1: 1 used; raise the limit",
    )


def test_a_forgotten_subject_leaves_no_part_of_a_batch_the_reason_that_its_worker_reported(world: World) -> None:
    deploy(world, remote(batch=10))
    worker = world.board.as_author("w1")
    for number in range(4):
        world.put("report", f"r/{number}")
    found = claimed(worker)
    worker.fail(found.id, "Ann cannot be read", retry=False)  # no punctuation shows where the words of a mark begin
    assert [row.error for row in world.board.activations()] == ["Ann cannot be read"] * 2
    world.board.forget("r/1")
    assert "Ann" not in str(world.board.activations())


def test_a_claim_that_is_given_back_is_ready_at_once(world: World, worker: Blackboard) -> None:
    world.put("report", "r/1")
    found = claimed(worker)
    assert worker.give_back(found.id, fence=found.fence)
    assert not worker.give_back(found.id, fence=found.fence)
    again = claimed(worker)
    assert (again.id, again.fence, again.attempt) == (found.id, 2, 1)


def test_a_remote_agent_asks_people_and_answers_are_checked(world: World) -> None:
    deploy(world, remote(writes=("need", "decision")))
    worker = world.board.as_author("w1")
    world.put("report", "r/1")
    found = claimed(worker)
    need = {"kind": "need", "subject": "r/1", "payload": {"question": "and then?", "due": "soon"}}
    with pytest.raises(InvalidMark, match="due"):
        worker.finish(found.id, {"marks": [need]})
    need["payload"] = {"question": "and then?"}
    worker.finish(found.id, {"marks": [need]})
    assert [item.question for item in world.board.inbox()] == ["and then?"]
    assert isinstance(world.board.marks(Need)[0], Need)


def test_an_agent_of_the_daemon_cannot_be_claimed(world: World) -> None:
    deploy(world, spec("review", 'strength("report") >= 0.5'))
    with pytest.raises(WorkError, match="a daemon runs it"):
        world.board.claim("review")
    with pytest.raises(UnknownName, match="did you mean 'review'"):
        world.board.claim("reviw")
    with pytest.raises(UsageError, match="a lease lasts 1s to 1d"):
        world.board.claim("review", lease="2d")


def test_a_worker_that_waits_or_runs_serves_its_agent(world: World) -> None:
    deploy(world, remote(timeout="1d"))
    worker = world.board.as_author("w1")
    assert world.board.unserved_agents() == ["review"]
    assert worker.claim("review") is None
    assert world.board.unserved_agents() == []
    world.clock.advance(timedelta(minutes=5))
    assert world.board.unserved_agents() == ["review"]
    world.put("report", "r/1")
    claimed(worker, lease="1h")
    world.clock.advance(timedelta(minutes=30))
    assert world.board.unserved_agents() == []
    world.clock.advance(timedelta(minutes=30))
    assert "no worker has claimed or waited for it since" in (world.board.explain("review").unserved or "")


def test_several_workers_share_the_activations(world: World) -> None:
    deploy(world, remote(concurrency=8, batch=1))
    for number in range(24):
        world.put("report", f"r/{number}")
    done: list[int] = []

    def work(name: str) -> None:
        own = world.board.as_author(name)
        while (found := own.claim("review")) is not None:
            own.finish(found.id, {"marks": [{**VERDICT, "subject": found.subjects[0]}]}, fence=found.fence)
            done.append(found.id)

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    join_all(*threads)
    assert sorted(done) == list(range(1, 25))
    assert len(world.board.marks("verdict", limit=100)) == 24


def test_doctor_says_that_nobody_claims_and_who_takes_expired_leases(world: World, worker: Blackboard) -> None:
    world.put("report", "r/1")
    findings = {finding.name: finding for finding in examine_board(world.board)}
    assert findings["agent"].state == "wrong"
    assert "review: it is remote, and no worker has claimed for it yet" in findings["agent"].detail
    assert "blackboard claim review" in findings["agent"].advice
    claimed(worker, lease="1m")
    world.clock.advance(timedelta(minutes=2))
    findings = {finding.name: finding for finding in examine_board(world.board)}
    assert "a server or a daemon recovers them" in findings["leases"].advice
