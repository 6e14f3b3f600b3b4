"""The published `sbp-client` works unmodified against a server in a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sbp import AsyncSbpClient, SbpClient
from sbp.client import SbpError
from sbp.types import ImmortalDecay, LinearDecay, StepDecay

from blackboard import Blackboard
from tests.support.bounds import BOUND_SECONDS
from tests.support.server_process import process

pytestmark = pytest.mark.processes


@pytest.fixture
def client(sbp_url: str) -> Iterator[SbpClient]:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    with SbpClient(sbp_url, agent_id="analyst", timeout=BOUND_SECONDS) as client:
        yield client
    loop.close()
    asyncio.set_event_loop(None)


def test_the_client_of_sbp_emits_and_sniffs(client: SbpClient) -> None:
    created = client.emit(
        "market", "volatility", 0.8, payload={"symbol": "BTC"}, tags=["crypto"], decay=ImmortalDecay()
    )
    assert (created.action, created.new_intensity, created.previous_intensity) == ("created", 0.8, None)
    merged = client.emit("market", "volatility", 0.4, payload={"symbol": "BTC"}, merge_strategy="add")
    assert (merged.action, merged.pheromone_id, merged.new_intensity) == ("merged", created.pheromone_id, 1.0)
    client.emit("market", "volatility", 0.5, payload={"symbol": "ETH"}, decay=LinearDecay(rate_per_ms=1e-9))
    client.emit("market", "order", 0.6, decay=StepDecay(steps=[{"at_ms": 0, "intensity": 0.25}]))
    found = client.sniff(["market"], ["volatility"], min_intensity=0.4)
    assert [pheromone.payload["symbol"] for pheromone in found.pheromones] == ["BTC", "ETH"]
    assert found.pheromones[0].tags == ["crypto"]
    assert 0 <= found.pheromones[0].age_ms < 60_000
    sums = found.aggregates["market/volatility"]
    assert (sums.count, sums.max_intensity) == (2, 1.0)
    assert sums.avg_intensity == pytest.approx(0.75, abs=0.001)
    assert [pheromone.current_intensity for pheromone in client.sniff(types=["order"]).pheromones] == [0.25]
    assert len(client.sniff(["market"], limit=1).pheromones) == 1


def test_the_client_of_sbp_evaporates_and_inspects(client: SbpClient) -> None:
    for number, intensity in enumerate((0.2, 0.4, 0.9)):
        client.emit("cleaning", "dust", intensity, payload={"number": number}, decay=ImmortalDecay())
    [trail] = [trail for trail in client.inspect().trails or () if trail["name"] == "cleaning"]
    assert (trail["pheromone_count"], trail["total_intensity"], trail["avg_intensity"]) == (3, 1.5, 0.5)
    assert client.evaporate("cleaning", ["dust"], older_than_ms=3_600_000).evaporated_count == 0
    gone = client.evaporate("cleaning", below_intensity=0.5)
    assert (gone.evaporated_count, gone.trails_affected) == (2, ["cleaning"])
    assert [left.current_intensity for left in client.sniff(["cleaning"]).pheromones] == [0.9]
    stats = client.inspect(["stats"]).stats
    assert stats is not None
    assert stats["active_pheromones"] >= 1
    assert stats["uptime_ms"] >= 0


def test_the_client_of_sbp_gets_the_errors_of_the_server(client: SbpClient) -> None:
    with pytest.raises(SbpError, match="parameters") as raised:
        client.emit("market", "volatility", 1.5)
    assert raised.value.code == -32602
    assert raised.value.data[0]["path"] == "intensity"
    with pytest.raises(SbpError) as raised:
        client.emit("market", "volatility", 0.5, decay=LinearDecay(rate_per_ms=1e30))
    assert raised.value.code == -32602


def test_many_clients_add_to_one_pheromone_and_nothing_is_lost(sbp_url: str) -> None:
    def add(number: int) -> None:
        async def work() -> None:
            async with AsyncSbpClient(sbp_url, agent_id=f"worker-{number}", timeout=BOUND_SECONDS) as client:
                for _ in range(5):
                    await client.emit("crowd", "step", 0.01, decay=ImmortalDecay(), merge_strategy="add")

        asyncio.run(work())

    with ThreadPoolExecutor(8) as executor:
        list(executor.map(add, range(8)))

    async def sniff() -> list[float]:
        async with AsyncSbpClient(sbp_url, timeout=BOUND_SECONDS) as client:
            found = await client.sniff(["crowd"])
            return [pheromone.current_intensity for pheromone in found.pheromones]

    assert asyncio.run(sniff()) == [pytest.approx(0.4)]


def test_the_pheromones_outlive_the_server_and_are_marks_in_the_name_of_the_configured_author(
    tmp_path: Path, board_url: str
) -> None:
    words, file = ("serve", "--listen", "127.0.0.1:0"), '[server]\nsbp = true\nsbp_author = "colony"\n'

    async def emit(url: str) -> str:
        async with AsyncSbpClient(url, agent_id="ant", timeout=BOUND_SECONDS) as client:
            emitted = await client.emit("food", "found", 0.9, payload={"at": "oak"}, decay=ImmortalDecay())
            return str(emitted.pheromone_id)

    async def sniff(url: str) -> list[str]:
        async with AsyncSbpClient(url, timeout=BOUND_SECONDS) as client:
            return [pheromone.id for pheromone in (await client.sniff(["food"])).pheromones]

    with process(tmp_path, board_url, *words, file=file) as (_, url):
        made = asyncio.run(emit(url))
    with process(tmp_path, board_url, *words, file=file) as (_, url):
        assert asyncio.run(sniff(url)) == [made]
    with Blackboard.open(board_url) as board:
        [mark] = board.marks("sbp_pheromone", where={"trail": "food"})
    assert (mark.author, mark.strength) == ("colony", 0.9)
    assert (mark.payload["content"], mark.payload["source_agent"]) == ({"at": "oak"}, "ant")
