"""The JSON answers of operations, for the command line and the server: shapes in addition to the result types.

A result type is written as an object with its fields. A shape here is an object that is composed of several results, or
confirms what was done.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from blackboard.board.result_types.administration_results import BackupMention, ErasureReport
from blackboard.board.result_types.explanation_results import Explanation
from blackboard.board.result_types.mark_results import MarkRecord, Receipt, SearchProgress, SearchResult
from blackboard.board.result_types.message_results import SinkStatus
from blackboard.board.result_types.status_results import BoardStatus, ModelCallCounts, NeedsOverview, WorkerStatus
from blackboard.clock import from_datetime, iso
from blackboard.core.records.finding import Finding
from blackboard.core.records.states import ActivationState, MessageState
from blackboard.core.specs.kind_spec import KindSpec


@dataclass(frozen=True)
class Withdrawal:
    """A mark that was taken off the board."""

    mark_id: int
    outcome: Literal["withdrawn"] = "withdrawn"


@dataclass(frozen=True)
class ScoredMark(MarkRecord):
    """A mark that a search found."""

    relevance: float
    """How relevant the mark is to the text that was searched for."""
    score: float
    """Relevance times strength."""


@dataclass(frozen=True)
class FoundMarks:
    """The marks that a search found, the best first."""

    exact: bool
    complete: bool
    marks: Sequence[ScoredMark]


@dataclass(frozen=True)
class AnswerReceipt:
    """A need that was answered, with the receipt of the decision."""

    need_id: int
    mark_id: int
    event_id: int
    outcome: str
    strength: float
    crossed: Sequence[str]


@dataclass(frozen=True)
class Pause:
    """An agent, or the whole board, that was paused."""

    agent: str | None
    reason: str | None
    paused: bool = True


@dataclass(frozen=True)
class Resumption:
    """An agent, or the whole board, that was resumed."""

    agent: str | None
    paused: bool = False


@dataclass(frozen=True)
class Assignment:
    """A need, and the person who should answer it now."""

    need_id: int
    assignee: str


@dataclass(frozen=True)
class ActivationChange:
    """An activation that a person retried or discarded."""

    id: int
    state: ActivationState


@dataclass(frozen=True)
class ActivationChanges:
    """The activations that a person retried or discarded together."""

    ids: Sequence[int]
    state: ActivationState


@dataclass(frozen=True)
class MessageChanges:
    """The messages to people outside that a person sent again or gave up together."""

    ids: Sequence[int]
    state: MessageState


@dataclass(frozen=True)
class KindShape:
    """A kind, with the JSON schema of its payload."""

    name: str
    weight: float
    decay: Mapping[str, Any]
    floor: float
    on_repeat: str
    cap: float | None
    unique: str | None
    tags: tuple[str, ...]
    search: tuple[str, ...]
    max_payload: int
    max_text: int | None
    payload_schema: Mapping[str, Any] | None


@dataclass(frozen=True)
class RecordedCost:
    """The cost that a person recorded for a model call."""

    call_id: int
    usd: float


@dataclass(frozen=True)
class Erasure:
    """A subject whose data was erased, with the report."""

    subject: str
    name: str
    live: int
    events: int
    activations: int
    calls: Sequence[int]
    named_in: Sequence[int]
    backups: Sequence[BackupMention]
    out_of_reach: Sequence[str]
    not_compacted: str | None


@dataclass(frozen=True)
class Examination:
    """The findings of an examination of the board, and how many of them are wrong."""

    wrong: int
    findings: Sequence[Finding]


@dataclass(frozen=True)
class QueryTable:
    """The result of a query in SQL, with its columns in their order."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    has_more: bool
    """Whether there were more rows than the limit."""


@dataclass(frozen=True)
class Summary:
    """The state of the board, as `status` shows it."""

    board: str
    as_of: datetime
    doubted_clock: datetime | None
    """The time of a clock that is too far ahead to be believed; None if the clock is believed."""
    deployment: int
    paused: bool | str
    """Whether the board is paused; the reason instead of true, if there is one."""
    answers: str
    paused_agents: Mapping[str, str | None]
    paused_models: Mapping[str, str]
    unusable_answers: Mapping[str, Mapping[str, str]]
    marks: Mapping[str, int]
    last_event_id: int
    waiting: int
    activations: Mapping[str, int]
    gone_agents: Mapping[str, int]
    needs: NeedsOverview
    next_predicted_crossing: datetime | None
    next_due_need: datetime | None
    next_evaporation: datetime | None
    model_calls: ModelCallCounts
    backfills: int
    searches: tuple[SearchProgress, ...]
    sinks: tuple[SinkStatus, ...]
    workers: tuple[WorkerStatus, ...]


@dataclass(frozen=True)
class FileSummary(Summary):
    """The state of a board in a file."""

    file_bytes: int
    """The size of the database file."""
    log_bytes: int | None
    """The size of the write-ahead log."""


def json_value(value: object) -> object:
    """Return the JSON form of a value of a type that JSON does not have; for the argument `default` of `json.dumps`."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return iso(from_datetime(value))
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def found_marks(found: SearchResult[MarkRecord]) -> FoundMarks:
    """Return the answer to `search`."""
    hits = zip(found, found.relevances, found.scores, strict=True)
    marks = [ScoredMark(**vars(mark), relevance=relevance, score=score) for mark, relevance, score in hits]
    return FoundMarks(found.exact, found.complete, marks)


def answer_result(need_id: int, receipt: Receipt) -> AnswerReceipt:
    """Return the result of the command `answer`."""
    return AnswerReceipt(need_id, **vars(receipt))


def erasure(subject: str, report: ErasureReport) -> Erasure:
    """Return the answer to `forget`."""
    return Erasure(subject, **vars(report))


def kind_shape(name: str, spec: KindSpec) -> KindShape:
    """Return a kind as it is shown."""
    shown = [field.name for field in dataclasses.fields(KindShape) if field.name != "name"]
    return KindShape(name=name, **{item: getattr(spec, item) for item in shown})


def spec_of(shape: KindShape) -> KindSpec:
    """Return the kind that a shape describes, without the place of its class."""
    return KindSpec(**{name: value for name, value in vars(shape).items() if name != "name"})


def examination(findings: Sequence[Finding]) -> Examination:
    """Return the answer to `doctor`."""
    return Examination(sum(finding.state == "wrong" for finding in findings), findings)


def explanation(result: Explanation) -> dict[str, Any]:
    """Return the answer to `explain`, without the fields that do not apply to a watch."""
    watches = [
        {name: value for name, value in vars(watch).items() if value is not None or name == "guard"}
        for watch in result.watches
    ]
    return {**vars(result), "watches": watches}


def summary(result: BoardStatus, location: str, model: str) -> Summary:
    """Return the answer to `status`.

    Args:
        result: The state of the board.
        location: Where the board is.
        model: The provider and the model that a daemon would use, as text.
    """
    served = "; ".join(dict.fromkeys(worker.model or "unknown" for worker in result.workers if worker.alive))
    shape = Summary if result.file_bytes is None else FileSummary
    shown = vars(result) | {
        "board": location,
        "paused": result.paused and (result.paused_because or True),
        "answers": served or model,
    }
    return shape(**{item.name: shown[item.name] for item in dataclasses.fields(shape)})


def status_of(shape: Summary) -> BoardStatus:
    """Return the state of a board from the answer to `status`, as `Blackboard.status` returns it."""
    shown: dict[str, Any] = {item.name: getattr(shape, item.name, None) for item in dataclasses.fields(BoardStatus)}
    return BoardStatus(
        **shown
        | {
            "paused": bool(shape.paused),
            "paused_because": shape.paused if isinstance(shape.paused, str) else None,
        }
    )
