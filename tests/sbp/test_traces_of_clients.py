"""Traces are durable, have versions, and lose no inscription."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sbp import AsyncSbpClient
from sbp.client import SbpError

from tests.support.bounds import BOUND_SECONDS
from tests.support.served_board import Served


@pytest.mark.processes
def test_the_published_client_inscribes_reads_and_erases(sbp_url: str) -> None:
    async def work() -> None:
        async with AsyncSbpClient(sbp_url, agent_id="keeper", timeout=BOUND_SECONDS) as client:
            created = await client.inscribe("config", "risk", {"level": 1}, tags=["settings"])
            assert (created.action, created.version) == ("created", 1)
            updated = await client.inscribe("config", "risk", {"level": 2, "text": "Ü"})
            assert (updated.action, updated.version, updated.trace_id) == ("updated", 2, created.trace_id)
            await client.inscribe("config", "rate", {"level": 3})
            await client.inscribe("notes", "risk", {"level": 4})
            [trace] = (await client.read(["config"], ["risk"])).traces
            assert (trace.value, trace.version, trace.tags) == ({"level": 2, "text": "Ü"}, 2, [])
            assert (trace.source_agent, trace.created_at <= trace.updated_at) == ("keeper", True)
            assert [trace.key for trace in (await client.read(["config"], prefix="r")).traces] == ["rate", "risk"]
            assert len((await client.read(["config", "notes"], limit=1)).traces) == 1
            erased = await client.erase("config", ["rate", "unknown"])
            assert (erased.erased_count, erased.trails_affected) == (1, ["config"])
            assert (await client.erase("config", older_than_ms=3_600_000)).erased_count == 0
            assert (await client.erase("config")).erased_count == 1
            again = await client.inscribe("config", "risk", {"level": 5})
            assert (again.action, again.version) == ("created", 1)

    asyncio.run(work())


@pytest.mark.processes
def test_a_value_has_a_largest_size(sbp_url: str) -> None:
    async def work() -> None:
        async with AsyncSbpClient(sbp_url, timeout=BOUND_SECONDS) as client:
            await client.inscribe("large", "fits", {"x": "y" * (1_048_576 - 9)})
            with pytest.raises(SbpError) as raised:
                await client.inscribe("large", "too", {"x": "y" * (1_048_576 - 8)})
            assert raised.value.code == -32008

    asyncio.run(work())


@pytest.mark.processes
def test_inscriptions_at_once_have_different_versions(sbp_url: str) -> None:
    def inscribe(number: int) -> list[int]:
        async def work() -> list[int]:
            async with AsyncSbpClient(sbp_url, timeout=BOUND_SECONDS) as client:
                return [(await client.inscribe("race", "key", {"n": number})).version for _ in range(5)]

        return asyncio.run(work())

    with ThreadPoolExecutor(8) as executor:
        versions = [version for found in executor.map(inscribe, range(8)) for version in found]
    assert sorted(versions) == list(range(1, 41))


def test_traces_do_not_fade_and_can_be_chosen_by_tags_and_age(sbp_served: Served) -> None:
    client = sbp_served.client()

    def call(method: str, **parameters: object) -> dict[str, object]:
        body = {"jsonrpc": "2.0", "id": 1, "method": f"sbp/{method}", "params": parameters}
        result: dict[str, object] = client.post("/sbp", json=body).json()["result"]
        return result

    call("inscribe", trail="t", key="old", value={}, tags=["a"])
    sbp_served.clock.advance(timedelta(days=365))
    call("inscribe", trail="t", key="new", value={}, tags=["b"])
    assert [trace["key"] for trace in call("read", tags={"any": ["a"]})["traces"]] == ["old"]  # type: ignore[attr-defined]
    assert call("inspect", include=["traces"])["traces"] == [{"trail": "t", "trace_count": 2}]
    assert call("erase", older_than_ms=1000)["erased_count"] == 1
    assert call("erase", tags={"none": ["b"]})["erased_count"] == 0
