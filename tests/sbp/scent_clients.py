"""Clients that wait for triggers, and what the tests wait for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sbp import AsyncSbpClient
from sbp.types import ScentCondition, TriggerPayload

from tests.support.bounds import BOUND_SECONDS


class Waiting:
    """A client that waits for triggers."""

    def __init__(self, client: AsyncSbpClient) -> None:
        self.client = client
        self._triggers: asyncio.Queue[TriggerPayload] = asyncio.Queue()

    async def wait_for(self, scent_id: str, condition: ScentCondition, **options: object) -> None:
        """Register a scent, and subscribe to it."""
        await self.client.register_scent(scent_id, condition, **options)
        await self.client.subscribe(scent_id, self._triggers.put)

    async def subscribe(self, scent_id: str) -> None:
        """Subscribe to a scent that another client has registered."""
        await self.client.subscribe(scent_id, self._triggers.put)

    async def trigger(self) -> TriggerPayload:
        """Return the next trigger."""
        return await asyncio.wait_for(self._triggers.get(), BOUND_SECONDS)

    @property
    def has_none(self) -> bool:
        """Whether no further trigger has come."""
        return self._triggers.empty()


@asynccontextmanager
async def waiting(url: str, agent: str = "waiting") -> AsyncIterator[Waiting]:
    """Yield a client that is connected."""
    async with AsyncSbpClient(url, agent_id=agent, timeout=BOUND_SECONDS) as client:
        yield Waiting(client)
