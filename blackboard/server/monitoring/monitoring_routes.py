"""The routes for monitors: `/metrics` in the formats of Prometheus and OpenMetrics, `/healthz` and `/readyz`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, ProcessCollector
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from blackboard import Blackboard
from blackboard.errors import BlackboardError
from blackboard.server.access.request_callers import RequestCallers
from blackboard.server.http_problems import HttpProblem, problem_of, problem_response
from blackboard.server.monitoring.board_metrics import BoardMetrics
from blackboard.server.monitoring.request_metrics import RequestMetrics
from blackboard.server.work_threads import WorkThreads
from blackboard.system.log_queue import Log
from blackboard.system.unusable_versions import undocumented_parts

with undocumented_parts("prometheus_client"):
    from prometheus_client.exposition import choose_encoder

log = Log("blackboard.server")


def metrics_route(board: Blackboard, callers: RequestCallers, requests: RequestMetrics, threads: WorkThreads) -> Route:
    """Return the route `/metrics`, for tokens with `read` or `read-redacted`."""
    registry = CollectorRegistry()
    metrics = BoardMetrics(board)
    for collector in (metrics, requests):
        registry.register(collector)
    ProcessCollector(registry=registry)

    async def show(request: Request) -> Response:
        encode, media_type = choose_encoder(request.headers.get("accept", ""))

        def work() -> bytes:
            caller = callers.caller_of(callers.token_of(request))
            if not caller.is_redacted:
                caller.require("read")
            metrics.refresh()
            return encode(registry)

        try:
            text = await threads.run(work)
        except (HttpProblem, BlackboardError) as error:
            return problem_response(error, is_redacted=True)
        return Response(text, headers={"Content-Type": media_type, "Cache-Control": "no-store"})

    return Route("/metrics", show)


def health_routes(board: Blackboard, threads: WorkThreads) -> list[Route]:
    """Return the routes `/healthz` and `/readyz`: does the process live, and can the board be used?"""

    async def healthz(request: Request) -> JSONResponse:
        """Respond immediately. A response shows that the event loop runs; the board is not read."""
        return JSONResponse({"status": "alive"})

    async def readyz(request: Request) -> JSONResponse:
        """Report whether the board can be used. Agents without a daemon are named, and are not a failure."""
        try:
            unserved = await threads.run(board.unserved_agents)
        except BlackboardError as error:
            # Anybody may ask, so the response names no file. The log has the details.
            problem = problem_of(error)
            log.warning("the board is not ready", error=error)
            return JSONResponse({"status": "not ready", "problem": problem.name, "title": problem.type.title}, 503)
        return JSONResponse({"status": "ready", "unserved_agents": unserved})

    return [Route("/healthz", healthz), Route("/readyz", readyz)]
