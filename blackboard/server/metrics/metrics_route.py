"""The route `/metrics`, in the formats of Prometheus and OpenMetrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from blackboard import Blackboard
from blackboard.errors import BlackboardError
from blackboard.server.metrics.board_metrics import BoardMetrics
from blackboard.server.metrics.request_metrics import RequestMetrics
from blackboard.server.problems import HttpProblem, problem_of, problem_response
from blackboard.server.request_handling.request_calls import RequestCalls
from blackboard.server.work_threads import WorkThreads


def route(board: Blackboard, calls: RequestCalls, requests: RequestMetrics, threads: WorkThreads) -> Route:
    """Return the route, for tokens with `read` or `read-redacted`."""
    registry = CollectorRegistry()
    metrics = BoardMetrics(board)
    for collector in (metrics, requests):
        registry.register(collector)
    ProcessCollector(registry=registry)

    async def show(request: Request) -> Response:
        encode, media_type = choose_encoder(request.headers.get("accept", ""))

        def work() -> bytes:
            caller = calls.caller_of(calls.token_of(request))
            if not caller.is_redacted:
                caller.require("read")
            metrics.refresh()
            return encode(registry)

        try:
            text = await threads.run(work)
        except HttpProblem as problem:
            return problem_response(problem)
        except BlackboardError as error:
            return problem_response(problem_of(error, is_redacted=True))
        return Response(text, headers={"Content-Type": media_type, "Cache-Control": "no-store"})

    return Route("/metrics", show)
