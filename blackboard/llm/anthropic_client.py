"""The client of Anthropic's API. It sends each planned request once and unchanged, and never retries.

The SDK is imported at the first call, because the import takes about a second and few commands make a call.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from blackboard.clock import Instant, from_datetime, seconds_in
from blackboard.durations import MINUTE, Duration
from blackboard.errors import ConfigurationError, ModelError
from blackboard.llm.answer_parser import Reply
from blackboard.llm.batch_api_texts import BatchPage, BatchState, batch_body, read_results, read_state
from blackboard.llm.call_failures import CallFailure, KeyRefused, NotSent, OutcomeUnknown, Overloaded
from blackboard.llm.error_responses import failure_of, page_failure
from blackboard.llm.model_client import BatchItem, ModelClient
from blackboard.llm.model_settings import KEY, KEY_FILE, KeySource, ModelSettings, address_of, api_key, without_password
from blackboard.llm.storable_texts import storable_text
from blackboard.system import forks
from blackboard.system.media_types import JSON_TYPE

if TYPE_CHECKING:
    from types import ModuleType

    import anthropic

_DEFAULT_URL = "https://api.anthropic.com"
_VERSION = "2023-06-01"
"""The version of the API's interface."""
_MESSAGES, _BATCHES = "/v1/messages", "/v1/messages/batches"
_PATHS_OF_API = ("/v1/messages", "/v1")
"""The endings of an address that the client adds itself."""
_MAX_RESPONSE_BYTES, _MAX_RESULT_BYTES = 32 << 20, 256 << 20
"""Limits in bytes after decompression, of an answer and of the results of a batch.

The longest answer of a model has about a megabyte.
"""
_TALKATIVE = ("anthropic", "httpx2", "httpcore2")
"""Loggers of libraries. A variable such as ANTHROPIC_LOG would make them log requests with their payloads."""
_NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
"""The variables that decide how a connection is made."""
_SCHEMES = ("http", "https", "socks4", "socks5", "socks5h")
_TIMEOUT: Duration = 5 * MINUTE
_MAX_CLOCK_SKEW: Duration = 10 * MINUTE
"""The largest difference between the clocks of this machine and of the API when a lost batch is looked up."""


class AnthropicClient:
    """A client of Anthropic's API, or of an address that behaves like it. Thread-safe.

    The key never appears in `repr`, logs and errors. If it comes from a source, each call reads it again, so a new key
    needs no restart. Without a key, each call is refused as with a wrong key, and waits until a person acts.

    Args:
        key: The key, or its source.
        base_url: The address to call; None for Anthropic's own.
        timeout: The longest time of a call, in microseconds.
    """

    def __init__(self, key: str | KeySource, base_url: str | None = None, timeout: Duration = _TIMEOUT) -> None:
        self._source: KeySource = (lambda: key) if isinstance(key, str) else key
        self._key = ""
        self._keys: frozenset[str] = frozenset()
        """All keys so far, because an answer to an earlier call may repeat an earlier key."""
        self._base_url = _root_of(base_url or _DEFAULT_URL)
        self._shown_url = without_password(self._base_url)
        self._timeout = seconds_in(timeout)
        self._client: anthropic.Anthropic | None = None
        self._lock = threading.Lock()
        self._closed = False
        forks.register(self)

    def __repr__(self) -> str:
        return f"AnthropicClient({self._shown_url!r})"

    @property
    def has_key(self) -> bool:
        """Whether there is a key now."""
        try:
            return self._source() is not None
        except ConfigurationError:
            return False

    @property
    def host(self) -> str | None:
        """The host that is called; None for the provider's own."""
        return None if self._base_url == _DEFAULT_URL else urlsplit(self._shown_url).netloc

    def send(self, body: str) -> Reply:
        """Send one planned request; see `ModelClient`."""
        with self._failures(paying=True):
            response = self._post(_MESSAGES, body)
            text = _text(response)
            if (failure := page_failure(self._without_key(text), response.headers)) is not None:
                raise failure
        return Reply.of(text, response.headers.get("request-id"))

    def submit_batch(self, items: Sequence[BatchItem]) -> str:
        """Submit a batch; see `ModelClient`."""
        body = batch_body(items)
        with self._failures(paying=True):
            response = self._post(_BATCHES, body)
        try:
            return read_state(_text(response), BatchState).id
        except Overloaded as failure:
            raise OutcomeUnknown(str(failure)) from None

    def find_batch(self, custom_ids: Collection[str], since: Instant) -> str | None:
        """Return the id of a lost batch; see `ModelClient`."""
        expected, undecided = set(custom_ids), []
        for batch in self._batches(since - _MAX_CLOCK_SKEW):
            # Before a batch ends, the API shows only the number of its requests.
            if batch.size != len(expected):
                continue
            if not batch.has_ended:
                undecided.append(batch.id)
            elif self._results(batch.id).keys() == expected:
                return batch.id
        if undecided:
            raise OutcomeUnknown(
                "it is not known yet whether the batch arrived; it may be one of these unfinished batches:"
                f" {', '.join(undecided[:5])}"
            )
        return None

    def batch_results(self, batch_id: str) -> dict[str, Reply | ModelError] | None:
        """Return the results of a batch; see `ModelClient`."""
        state = read_state(self._get(f"{_BATCHES}/{quote(batch_id, safe='')}"), BatchState)
        return self._results(batch_id) if state.has_ended else None

    def _results(self, batch_id: str) -> dict[str, Reply | ModelError]:
        return read_results(self._get(f"{_BATCHES}/{quote(batch_id, safe='')}/results"))

    def _batches(self, since: Instant) -> Iterator[BatchState]:
        """Yield the batches that were submitted since an instant, newest first, page by page."""
        query: dict[str, object] = {"limit": 100}
        while True:
            page = read_state(self._get(_BATCHES, query), BatchPage)
            for batch in page.data:
                if from_datetime(batch.created_at) < since:
                    return
                yield batch
            if not page.has_more or page.last_id is None:
                return
            query["after_id"] = page.last_id

    def before_fork(self) -> None:
        """Do nothing: this process keeps its connections."""

    def after_fork(self, *, in_child: bool) -> None:
        """In a child, drop the parent's connections; the child makes its own."""
        if in_child:
            self._lock, self._client = threading.Lock(), None

    def close(self) -> None:
        """Close the connections; see `ModelClient`."""
        with self._lock:
            self._closed = True
            if self._client is not None:
                self._client.close()

    @property
    def _sdk(self) -> anthropic.Anthropic:
        import anthropic

        with self._lock:
            if self._closed:
                raise NotSent("the client is closed")
            if self._client is None:
                self._client = self._make(anthropic)
            return self._client

    def _make(self, sdk: ModuleType) -> anthropic.Anthropic:
        from blackboard.llm.provider_http_client import ProviderHttpClient

        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.WARNING)
        http_client = ProviderHttpClient(self._headers, self._timeout, _MAX_RESPONSE_BYTES, _MAX_RESULT_BYTES)
        client: anthropic.Anthropic = sdk.Anthropic(
            api_key=self._key,
            base_url=self._base_url,
            http_client=http_client,
            max_retries=0,
            open_telemetry=False,
        )
        return client

    def _headers(self) -> dict[str, str]:
        return {
            "accept": JSON_TYPE,
            "anthropic-version": _VERSION,
            "content-type": JSON_TYPE,
            "x-api-key": self._key,
        }

    def _read_key(self) -> None:
        """Read the key again, because it may have been replaced.

        Raises:
            KeyRefused: There is no key, or its file cannot be read.
        """
        try:
            key = self._source()
        except ConfigurationError as error:
            problem = f"the key cannot be read: {error}"
            raise KeyRefused(problem, shown=problem) from None
        if key is None:
            raise KeyRefused(
                f"there is no key; set {KEY_FILE} to the path of a file, or set {KEY}, and restart the daemon;"
                ' provider = "offline" in [model] lets the offline rules answer'
            )
        with self._lock:  # threads may read different keys
            self._key, self._keys = key, self._keys | {key}

    def _post(self, path: str, body: str) -> Any:
        import httpx2

        self._read_key()
        # Send the recorded bytes, not the SDK's serialization of the parameters.
        # A redirect would send the request and the key to another address.
        content = body.encode("utf-8")
        return self._sdk.post(path, content=content, cast_to=httpx2.Response, options={"follow_redirects": False})

    def _get(self, path: str, query: Mapping[str, object] | None = None) -> str:
        import httpx2

        with self._failures(paying=False):
            self._read_key()
            return _text(
                self._sdk.get(
                    path, cast_to=httpx2.Response, options={"follow_redirects": False, "params": dict(query or {})}
                )
            )

    @contextmanager
    def _failures(self, *, paying: bool) -> Iterator[None]:
        """Convert any exception to a `CallFailure`. If the call is `paying`, a lost answer may have a cost."""
        import anthropic
        import httpx2

        not_sent = (
            httpx2.ConnectError,
            httpx2.ConnectTimeout,
            httpx2.PoolTimeout,
            httpx2.ProxyError,
            httpx2.LocalProtocolError,
            httpx2.UnsupportedProtocol,
        )
        try:
            yield
        except CallFailure:
            raise
        except anthropic.APIStatusError as error:
            raise failure_of(error.status_code, self._hidden(error.body), error.response.headers) from None
        except anthropic.APIConnectionError as error:
            detail = self._detail(error.__cause__ or error)
            if not paying or isinstance(error.__cause__, not_sent):
                problem = f"{self._shown_url} cannot be reached ({detail}){_named_by_environment()}"
                raise NotSent(problem, shown=problem) from None
            problem = f"the request was sent and no complete answer arrived ({detail})"
            raise OutcomeUnknown(problem, shown=problem) from None
        except Exception as error:
            # The SDK turns every exception during the transmission into an APIConnectionError. Every other exception
            # comes from the settings of the environment: a proxy's address or a file of certificates that cannot be
            # used.
            detail = self._detail(error)
            problem = f"no request can be sent to {self._shown_url} ({detail}){_named_by_environment()}"
            raise NotSent(problem, shown=problem) from None

    def _detail(self, error: BaseException) -> str:
        text = self._without_key(f"{type(error).__name__}: {storable_text(str(error))[:300]}")
        for part in _parts_of_passwords():
            text = text.replace(part, "***")
        return text

    def _hidden(self, body: object) -> object:
        """Return the body of an error without the key, which a gateway may repeat."""
        if isinstance(body, dict):
            return {name: self._hidden(value) for name, value in body.items()}
        return self._without_key(body) if isinstance(body, str) else body

    def _without_key(self, text: str) -> str:
        for key in self._keys:
            text = text.replace(key, "***")
        return text


def client_from(settings: ModelSettings, environ: Mapping[str, str]) -> ModelClient | None:
    """Return the client that the settings and the environment describe; None for the agents' offline rules.

    The client reads the key anew at each call, and refuses the call if there is none.

    Raises:
        ConfigurationError: The key is not valid, or its file cannot be read.
    """
    if settings.provider == "offline":
        return None
    source = partial(api_key, environ)
    source()  # a mistake in the key is reported before anything starts
    return AnthropicClient(source, address_of(settings, environ), settings.timeout)


def describe_model(settings: ModelSettings, client: ModelClient | None) -> str:
    """Return the provider and model that answer, in words."""
    if client is None:
        return "offline rules"
    answers = f"{settings.provider}, {settings.model}"
    if not isinstance(client, AnthropicClient):
        return answers
    if not client.has_key:
        return f"{answers}, but there is no key"
    return f"{answers}, at {client.host}" if client.host else answers


def _network_variables() -> dict[str, str]:
    values = {name: os.environ.get(name) or os.environ.get(name.lower()) for name in _NETWORK}
    return {name: value for name, value in values.items() if value}


def _named_by_environment() -> str:
    """Return the names of the network variables that are set, without their values, which may contain passwords."""
    variables = _network_variables()
    return f"; the environment sets {', '.join(variables)}" if variables else ""


def _parts_of_passwords() -> list[str]:
    """Return the parts of users and passwords in the addresses of proxies. An error may quote a part of an address."""
    users = [value.rpartition("@")[0] for value in _network_variables().values()]
    return [part for user in users for part in re.split(r"[:/@]+", user) if len(part) > 2 and part not in _SCHEMES]


def _text(response: Any) -> str:
    return bytes(response.content).decode("utf-8", "replace")


def _root_of(url: str) -> str:
    """Return an address without the path of the API, which settings often repeat."""
    url = url.rstrip("/")
    for path in _PATHS_OF_API:
        url = url.removesuffix(path).rstrip("/")
    return url
