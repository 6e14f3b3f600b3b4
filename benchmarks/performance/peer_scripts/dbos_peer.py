"""DBOS on a PostgreSQL server: workflows per second. It runs in its own environment."""

import json
import sys
import time

from dbos import DBOS, DBOSConfig

url, count = sys.argv[1], int(sys.argv[2])
config: DBOSConfig = {
    "name": "peer",
    "system_database_url": url,
    "run_admin_server": False,
    "log_level": "ERROR",
    "enable_otlp": False,
}
DBOS(config=config)


@DBOS.step()
def step(number: int) -> int:
    return number


@DBOS.workflow()
def empty(number: int) -> int:
    return number


@DBOS.workflow()
def with_step(number: int) -> int:
    return step(number)


DBOS.launch()
queue = DBOS.register_queue("traces", polling_interval_sec=0.05)


def rate(act, times: int) -> float:  # type: ignore[no-untyped-def]
    for number in range(5):
        act(number)
    begin = time.perf_counter()
    for number in range(times):
        act(number)
    return times / (time.perf_counter() - begin)


found = {"empty workflows, 1 process": rate(empty, count), "workflows of 1 step, 1 process": rate(with_step, count)}
begin = time.perf_counter()
handles = [queue.enqueue(empty, number) for number in range(count)]
found["enqueues, 1 process"] = count / (time.perf_counter() - begin)
for handle in handles:
    handle.get_result(polling_interval_sec=0.02)
found["empty workflows from a queue, 1 worker"] = count / (time.perf_counter() - begin)
print(json.dumps(found))
DBOS.destroy()
