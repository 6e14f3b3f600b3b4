"""procrastinate on a PostgreSQL server: defers and jobs per second. It runs in its own environment."""

import asyncio
import json
import sys
import time

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector

url, count = sys.argv[1], int(sys.argv[2])
JOBS_AT_ONCE = 8
app = App(connector=PsycopgConnector(conninfo=url))


@app.task(queue="traces")
async def trace(subject: str, detail: str) -> None:
    """Do nothing."""


async def work() -> float:
    async with app.open_async():
        begin = time.perf_counter()
        await app.run_worker_async(queues=["traces"], concurrency=JOBS_AT_ONCE, wait=False)
        return time.perf_counter() - begin


with app.replace_connector(SyncPsycopgConnector(conninfo=url)) as sync, sync.open():
    sync.schema_manager.apply_schema()
    task = sync.tasks[trace.name]
    for number in range(20):
        task.defer(subject=f"s/{number}", detail="one")
    begin = time.perf_counter()
    for number in range(count):
        task.defer(subject=f"s/{number}", detail="one")
    one = count / (time.perf_counter() - begin)
    begin = time.perf_counter()
    for start in range(0, 10 * count, 1000):
        task.batch_defer(*({"subject": f"s/{start + n}", "detail": "many"} for n in range(1000)))
    stored = len(range(0, 10 * count, 1000)) * 1000
    many = stored / (time.perf_counter() - begin)
    sync.connector.execute_query(f"DELETE FROM procrastinate_jobs WHERE id > {20 + 2 * count}")
jobs = (20 + 2 * count) / asyncio.run(work())
print(
    json.dumps(
        {
            "defers, 1 process": one,
            "defers, 1,000 a call": many,
            f"jobs that do nothing, 1 worker, {JOBS_AT_ONCE} at a time": jobs,
        }
    )
)
