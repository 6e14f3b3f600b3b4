"""The stream that keeps a page up to date, as a client without scripts reads it."""

from __future__ import annotations

import httpx2

from tests.support.event_client import Received, parse


class PageStream:
    """The stream of a page, as a context."""

    def __init__(self, client: httpx2.Client, address: str) -> None:
        self._context = client.stream("GET", "/live", params={"page": address})

    def __enter__(self) -> PageStream:
        self._response = self._context.__enter__()
        assert self._response.status_code == 200, self._response.read()
        self._lines = self._response.iter_lines()
        return self

    def __exit__(self, *error: object) -> None:
        self._context.__exit__(*error)  # type: ignore[arg-type]

    def next(self) -> Received:
        """Return the next event. The client's timeout bounds the wait."""
        return next(parse(self._lines))

    def rest(self) -> list[Received]:
        """Return what follows until the server ends the stream."""
        return [*parse(self._lines)]
