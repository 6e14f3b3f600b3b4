"""The responses to two questions of a service manager: does the process live, and can the board be used?"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from blackboard import Blackboard
from blackboard.errors import BlackboardError
from blackboard.server.problems import problem_of
from blackboard.server.work_threads import WorkThreads
from blackboard.system.log_queue import Log

log = Log("blackboard.server")


def routes(board: Blackboard, threads: WorkThreads) -> list[Route]:
    """Return the routes /healthz and /readyz."""

    async def healthz(request: Request) -> JSONResponse:
        """Respond at once. A response shows that the event loop runs; the board is not read."""
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
