"""Deposits in bulk: a line of JSON for each mark. Lines are deposited as they arrive, so no side stores the body."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import Field
from starlette.requests import Request

from blackboard import Receipt
from blackboard.core.marks.deposit_lists import BULK_BYTES_PER_TRANSACTION, DEPOSITS_PER_TRANSACTION
from blackboard.errors import BlackboardError, UsageError
from blackboard.server.api_framework.operation_definition import Fields, Operation, OperationCall
from blackboard.server.api_framework.request_parsing import parse_body
from blackboard.server.http_limits import too_large
from blackboard.server.http_problems import HttpProblem, problem_of
from blackboard.server.operations.deposit_operations import DepositFields, as_deposit
from blackboard.server.work_threads import WorkThreads

MAX_REPORTED_LINES = 100
"""The number of lines whose mistakes a response reports."""
MAX_RESULTS = DEPOSITS_PER_TRANSACTION
"""The largest number of lines of a request that asks for the result of each line."""


class BulkParameters(Fields):
    """The choice whether the response has the result of each line."""

    results: bool = Field(
        default=False,
        description=f"Also report the receipt or the problem of each line. Then there are at most {MAX_RESULTS:,}"
        " lines.",
    )


@dataclass(frozen=True)
class BulkResult:
    """The results of the lines of a deposit in bulk."""

    lines: int
    outcomes: dict[str, int]
    failed: int
    errors: Sequence[dict[str, Any]]
    results: Sequence[Receipt | dict[str, Any]] | None
    """The receipt or the problem of each line that is not empty; None if the request does not ask for them."""


class BulkDeposit:
    """A deposit in bulk whose lines are arriving."""

    def __init__(self, call: OperationCall[BulkParameters, None]) -> None:
        self.call = call
        """The request, without its body."""
        self._lines = self._failed = 0
        self._outcomes: Counter[str] = Counter()
        self._errors: list[dict[str, Any]] = []
        self._results: dict[int, Receipt | dict[str, Any]] | None = {} if call.parameters.results else None

    def deposit(self, lines: Sequence[bytes]) -> None:
        """Deposit the marks of some lines. An invalid line does not prevent the others.

        Raises:
            HttpProblem: There are too many lines to report the result of each.
            StoreError: The board cannot be used.
        """
        if self._results is not None and self._lines + len(lines) > MAX_RESULTS:
            raise HttpProblem("too-large", f"with results=true, a request may have at most {MAX_RESULTS} lines")
        items = {}
        for line in lines:
            self._lines += 1
            if not line.strip():
                continue
            try:
                fields = parse_body(line, DepositFields, "line")
                items[self._lines] = as_deposit(self.call, fields)
            except HttpProblem as problem:
                self._fail(self._lines, problem)
        results = self.call.board.deposit_many(items.values(), on_error="return")
        for number, result in zip(items, results, strict=True):
            if isinstance(result, UsageError):
                self._fail(number, problem_of(result))
            else:
                self._outcomes[result.outcome] += 1
                if self._results is not None:
                    self._results[number] = result

    def _fail(self, number: int, problem: HttpProblem) -> None:
        self._failed += 1
        document = {"line": number, **problem.document()}
        if len(self._errors) < MAX_REPORTED_LINES:
            self._errors.append(document)
        if self._results is not None:
            self._results[number] = document

    def result(self) -> BulkResult:
        """Return the results of the lines so far."""
        results = None if self._results is None else [result for _, result in sorted(self._results.items())]
        return BulkResult(self._lines, dict(self._outcomes), self._failed, self._errors, results)


def deposit_bulk(call: OperationCall[BulkParameters, BulkDeposit]) -> BulkResult:
    """Deposit many marks, a line of JSON for each. An invalid line does not prevent the others."""
    return call.body.result()


async def receive(
    request: Request,
    threads: WorkThreads,
    begin: Callable[[], OperationCall[BulkParameters, None]],
    max_line: int,
    max_bytes: int,
) -> BulkDeposit:
    """Deposit the lines of a request as they arrive.

    Args:
        request: The request.
        threads: The threads that deposit.
        begin: Checks who asks, before anything is read.
        max_line: The most bytes of a line.
        max_bytes: The most bytes of all lines.

    Raises:
        BlackboardError: The board cannot be used.
        HttpProblem: The request is too large or too slow. Its member `result` has the results so far.
    """
    bulk = BulkDeposit(await threads.run(begin))
    try:
        async for lines in _batches(request, max_line, max_bytes):
            await threads.run(partial(bulk.deposit, lines))
    except (HttpProblem, BlackboardError) as error:
        problem = error if isinstance(error, HttpProblem) else problem_of(error)
        problem.add_member("result", vars(bulk.result()))
        raise problem from None
    return bulk


async def _batches(request: Request, max_line: int, max_bytes: int) -> AsyncIterator[list[bytes]]:
    """Yield the lines of a body, as many as one transaction takes."""
    rest, total = b"", 0
    lines: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        total += len(chunk)
        if total > max_bytes:
            raise too_large(max_bytes)
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > max_line or any(len(line) > max_line for line in whole):
            raise too_large(max_line)
        for line in whole:
            lines.append(line)
            size += len(line)
            if len(lines) == DEPOSITS_PER_TRANSACTION or size >= BULK_BYTES_PER_TRANSACTION:
                yield lines
                lines, size = [], 0
    if rest:
        lines.append(rest)
    if lines:
        yield lines


OPERATIONS = (
    Operation("POST", "/v1/marks/bulk", scope="deposit", run=deposit_bulk, line=DepositFields),
)  # fmt: skip
