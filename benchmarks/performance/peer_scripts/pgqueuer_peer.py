"""pgqueuer on a PostgreSQL server: enqueues and jobs per second. It runs in its own environment."""

import asyncio
import json
import sys
import time
from datetime import timedelta

import asyncpg
from pgqueuer import AsyncpgDriver, Job, PgQueuer, Queries
from pgqueuer.types import QueueExecutionMode

url, count = sys.argv[1], int(sys.argv[2])
JOBS_IN_A_BATCH = 10


async def measure() -> dict[str, float]:
    connection = await asyncpg.connect(url)
    queries = Queries(AsyncpgDriver(connection))
    await queries.install()
    for _ in range(20):
        await queries.enqueue("trace", b"{}")
    begin = time.perf_counter()
    for number in range(count):
        await queries.enqueue("trace", b'{"subject": "s/%d"}' % number)
    one = count / (time.perf_counter() - begin)
    begin = time.perf_counter()
    turns = max(1, count // 100)
    for _ in range(turns):
        await queries.enqueue(["trace"] * 1000, [b"{}"] * 1000, [0] * 1000)
    many = turns * 1000 / (time.perf_counter() - begin)
    await connection.execute("DELETE FROM pgqueuer WHERE id > $1", 20 + 2 * count)
    waiting = await connection.fetchval("SELECT count(*) FROM pgqueuer WHERE status = 'queued'")
    worker = PgQueuer.from_asyncpg_connection(connection)

    @worker.entrypoint("trace")
    async def trace(job: Job) -> None:
        """Do nothing."""

    begin = time.perf_counter()
    await worker.run(dequeue_timeout=timedelta(seconds=1), batch_size=JOBS_IN_A_BATCH, mode=QueueExecutionMode.drain)
    jobs = waiting / (time.perf_counter() - begin)
    return {
        "enqueues, 1 process": one,
        "enqueues, 1,000 a call": many,
        f"jobs that do nothing, 1 worker, batches of {JOBS_IN_A_BATCH}": jobs,
    }


print(json.dumps(asyncio.run(measure())))
