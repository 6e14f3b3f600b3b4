"""The published client is told when its scents fire: once, even across reconnects, restarts and several servers."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sbp import AsyncSbpClient, SbpAgent
from sbp.client import SbpError
from sbp.conditions import and_, count_gte, exists, max_gte, not_, rate, threshold, trace_equals
from sbp.types import ImmortalDecay, LinearDecay, TriggerPayload

from blackboard import Blackboard
from tests.sbp.scent_clients import waiting
from tests.support.bounds import BOUND_SECONDS
from tests.support.served_board import Served
from tests.support.server_process import process

SERVE, SBP = ("serve", "--listen", "127.0.0.1:0"), "[server]\nsbp = true\n"

pytestmark = pytest.mark.processes


def test_a_scent_fires_with_what_it_measured(sbp_url: str) -> None:
    async def work() -> None:
        async with waiting(sbp_url) as scout:
            condition = and_(count_gte("scene", "sign", 2), not_(exists("scene", "pause")))
            state = (await scout.client.register_scent("two-signs", condition)).current_condition_state
            assert state == {"met": False, "partial": {"scene/sign count >= 2": False, "scene/pause any >= 1": False}}
            await scout.wait_for("two-signs", condition, cooldown_ms=3_600_000, activation_payload={"urgent": True})
            for number in range(2):
                await scout.client.emit("scene", "sign", 0.9, payload={"number": number}, decay=ImmortalDecay())
            trigger = await scout.trigger()
            assert (trigger.scent_id, trigger.activation_payload) == ("two-signs", {"urgent": True})
            assert trigger.condition_snapshot["two-signs"]["value"] == 2
            assert {found.payload["number"] for found in trigger.context_pheromones} == {0, 1}
            [scent] = (await scout.client.inspect(["scents"])).scents or []
            assert (scent["condition_met"], scent["in_cooldown"]) == (True, True)
            assert scent["last_triggered_at"] == trigger.triggered_at
            assert (await scout.client.deregister_scent("two-signs")).status == "deregistered"
            assert (await scout.client.deregister_scent("two-signs")).status == "not_found"

    asyncio.run(work())


def test_a_level_fires_again_after_its_cooldown_and_an_edge_when_fading_crosses_it(sbp_served: Served) -> None:
    """Nothing is committed meanwhile: the server forecasts both instants, and looks then."""

    async def work() -> None:
        async with waiting(sbp_served.url) as scout:
            await scout.wait_for("level", max_gte("fading", "lamp", 0.5), cooldown_ms=1000, context_trails=["none"])
            await scout.wait_for("dark", max_gte("fading", "lamp", 0.5), trigger_mode="edge_falling")
            await scout.client.emit("fading", "lamp", 0.9, decay=LinearDecay(rate_per_ms=0.0002))
            triggers = [await scout.trigger()]
            for _ in range(2):  # no two events have the same instant, so each time is a little longer
                sbp_served.clock.advance(timedelta(milliseconds=1001))
                triggers.append(await scout.trigger())
            assert [trigger.scent_id for trigger in triggers] == ["level", "level", "dark"]
            assert [trigger.context_pheromones for trigger in triggers[:2]] == [[], []]
            begin = triggers[0].triggered_at
            assert [trigger.triggered_at - begin for trigger in triggers] == [0, 1001, 2002]
            assert triggers[2].condition_snapshot["dark"]["value"] == pytest.approx(0.4996, abs=1e-4)

    asyncio.run(work())


def test_rates_and_traces_are_conditions_too(sbp_url: str) -> None:
    async def work() -> None:
        async with waiting(sbp_url) as scout:
            await scout.wait_for("busy", rate("door", "knock", ">=", 0.3, window_ms=10_000), cooldown_ms=60_000)
            await scout.wait_for("ready", trace_equals("door", "plan", "steps.first", "open"), cooldown_ms=60_000)
            for _ in range(3):
                await scout.client.emit("door", "knock", 0.1)
            assert (await scout.trigger()).scent_id == "busy"
            await scout.client.inscribe("door", "plan", {"steps": {"first": "wait"}})
            await scout.client.inscribe("door", "plan", {"steps": {"first": "open"}})
            assert (await scout.trigger()).scent_id == "ready"

    asyncio.run(work())


def test_every_subscribed_client_is_told_and_no_other(sbp_url: str) -> None:
    async def work() -> None:
        async with waiting(sbp_url, "a") as first, waiting(sbp_url, "b") as second, waiting(sbp_url, "c") as third:
            await first.wait_for("shared", exists("shared", "call"), trigger_mode="edge_rising")
            await second.subscribe("shared")
            await third.wait_for("other", exists("shared", "other"), trigger_mode="edge_rising")
            await first.client.emit("shared", "call", 0.9)
            assert [(await listener.trigger()).scent_id for listener in (first, second)] == ["shared", "shared"]
            await second.client.unsubscribe("shared")
            await first.client.evaporate("shared")
            await first.client.emit("shared", "other", 0.9)
            assert (await third.trigger()).scent_id == "other"
            assert first.has_none
            assert second.has_none
            with pytest.raises(SbpError) as raised:
                await third.subscribe("missing")
            assert raised.value.code == -32002

    asyncio.run(work())


def test_a_client_that_connects_again_is_told_what_it_missed(tmp_path: Path, board_url: str) -> None:
    async def prepare(url: str, client: AsyncSbpClient) -> None:
        client.url = url
        await client.connect()
        await client.register_scent("missed", count_gte("t", "e", 1), trigger_mode="edge_rising")
        await client._rpc("sbp/subscribe", {"scent_id": "missed"})  # without a stream yet

    async def resume(url: str, client: AsyncSbpClient) -> None:
        triggers: asyncio.Queue[TriggerPayload] = asyncio.Queue()
        client.url = url
        await client.connect()
        await client.subscribe("missed", triggers.put)
        assert (await asyncio.wait_for(triggers.get(), BOUND_SECONDS)).scent_id == "missed"
        last = client._last_event_id
        await client.close()
        assert last is not None
        client._sse_task, client._sse_running = None, False
        await client.connect()
        await client.subscribe("missed", triggers.put)  # with Last-Event-ID: nothing is told twice
        await client.register_scent("later", count_gte("t", "e", 1), trigger_mode="edge_rising")
        await client.subscribe("later", triggers.put)
        assert (await asyncio.wait_for(triggers.get(), BOUND_SECONDS)).scent_id == "later"
        assert triggers.empty()
        await client.close()

    async def first(url: str) -> None:
        await prepare(url, client)
        async with waiting(url) as witness:
            await witness.subscribe("missed")
            await client.emit("t", "e", 0.9, decay=ImmortalDecay())
            await witness.trigger()
        await client.close()

    client = AsyncSbpClient(timeout=BOUND_SECONDS)
    with process(tmp_path, board_url, *SERVE, file=SBP) as (_, url):
        asyncio.run(first(url))
    with process(tmp_path, board_url, *SERVE, file=SBP) as (_, url):
        asyncio.run(resume(url, client))


def test_two_servers_on_one_board_trigger_once(tmp_path: Path, board_url: str) -> None:
    with (
        process(tmp_path, board_url, *SERVE, file=SBP) as (_, one),
        process(tmp_path, board_url, *SERVE, file=SBP) as (_, two),
    ):

        async def work() -> None:
            async with waiting(one, "a") as first, waiting(two, "b") as second:
                await first.wait_for("both", count_gte("t", "e", 1), trigger_mode="edge_rising")
                await second.subscribe("both")
                await first.wait_for("gone", count_gte("t", "e", 1), trigger_mode="edge_falling")
                for _ in range(5):
                    await second.client.emit("t", "e", 0.9, decay=ImmortalDecay())
                    triggers = [await first.trigger(), await second.trigger()]
                    assert triggers[0] == triggers[1]
                    await first.client.evaporate("t")
                    assert (await first.trigger()).scent_id == "gone"

        asyncio.run(work())
    with Blackboard.open(board_url) as board:
        triggers = [mark.subject for mark in board.marks("sbp_trigger")]
    assert (triggers.count("both"), triggers.count("gone")) == (5, 5)


def test_the_agents_of_the_published_library_run(sbp_url: str) -> None:
    async def work() -> None:
        answered = asyncio.Event()
        watcher, speaker = SbpAgent("watcher", sbp_url), SbpAgent("speaker", sbp_url)

        async def answer(trigger: TriggerPayload) -> None:
            await watcher.emit("talk", "answer", 0.8, payload={"to": trigger.context_pheromones[0].payload["text"]})

        async def note(trigger: TriggerPayload) -> None:
            assert trigger.context_pheromones[0].payload == {"to": "why?"}
            answered.set()

        watcher.when("talk", "question", value=0.5, cooldown_ms=3_600_000)(answer)
        speaker.on_scent("answered", threshold("talk", "answer", ">=", 0.5), cooldown_ms=3_600_000)(note)
        tasks = [asyncio.create_task(agent.run()) for agent in (watcher, speaker)]
        async with AsyncSbpClient(sbp_url, timeout=BOUND_SECONDS) as client:
            await client.emit("talk", "question", 0.9, payload={"text": "why?"})
        await asyncio.wait_for(answered.wait(), BOUND_SECONDS)
        for agent in (watcher, speaker):
            agent.stop()
        await asyncio.wait_for(asyncio.gather(*tasks), BOUND_SECONDS)

    asyncio.run(work())
