"""The origin of this server as browsers know it, and whether a request comes from one of its own pages.

A page of another server, such as a server on another port of this host, can make a browser send a request to this
server. The browser may add the cookie of a web session. No page can set the headers that tell such requests apart:
`Sec-Fetch-Site`, and `Origin` for browsers that do not send the first.
"""

from __future__ import annotations

from starlette.requests import Request

from blackboard.server.http_problems import HttpProblem

OWN_ORIGIN = "blackboard.origin"
"""The name in an ASGI scope under which the guards of requests record the origin of this server."""
READING = frozenset({"GET", "HEAD"})


def origin_of(scheme: str, host: str) -> str:
    """Return the origin of a host as browsers write it: in lower case, without the default port of the scheme."""
    return f"{scheme}://{host.lower().removesuffix(':443' if scheme == 'https' else ':80')}"


def root_of(request: Request) -> str:
    """Return the path below which a proxy serves this server; "" for none."""
    return str(request.scope.get("root_path", ""))


def check_own_page(request: Request) -> None:
    """Check that a request with the cookie of a web session comes from a page of this server.

    A request that a person makes by typing an address, or by a link on another page of the same site, is allowed too.
    The page with the link cannot read the response.

    Raises:
        HttpProblem: The request comes from a page of another server, or its origin is not known.
    """
    is_reading = request.method in READING
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        is_visit = site == "none" or (site == "same-site" and request.headers.get("sec-fetch-dest") == "document")
        is_own = site == "same-origin" or (is_visit and is_reading)
    elif (origin := request.headers.get("origin")) is not None:
        is_own = origin.lower() == request.scope[OWN_ORIGIN]
    else:  # a browser names the origin of each request that changes something
        is_own = is_reading
    if not is_own:
        raise HttpProblem("cross-site", "the cookie of a web session is accepted only from this server's own pages")
