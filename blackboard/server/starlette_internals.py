"""The parts of starlette that the server uses and starlette does not document. No other module uses them.

These parts are the method `matches` of a route with its result `Match`, and the method `receive` of a request. A later
version may change or remove them. docs/dependencies.md says what the server then does.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Scope

from blackboard.system.unusable_versions import undocumented_parts

with undocumented_parts("starlette"):
    from starlette.routing import Match


class ProgramRoute(Route):
    """A route for programs. A browser gets the page at the same path."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether a request is for this route."""
        if scope["type"] == "http" and "text/html" in Headers(scope=scope).get("accept", ""):
            return Match.NONE, {}
        return super().matches(scope)


async def wait_until_disconnected(request: Request) -> None:
    """Return when the client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
