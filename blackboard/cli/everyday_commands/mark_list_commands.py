"""The commands that list marks: the live marks, those that match a text, and the history of a subject."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from blackboard.cli import completion
from blackboard.cli.cli_session import session_of
from blackboard.cli.terminal.output import (
    AsJson,
    number_text,
    print_json,
    print_note,
    print_records,
    short_duration,
    to_second,
    upcoming_time,
)

if TYPE_CHECKING:
    from blackboard.core.marks.full_text import Match

TagOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Only marks with this tag. All named tags must match; several values of one tag are alternatives.",
        autocompletion=completion.tags,
    ),
]


def marks(
    context: typer.Context,
    kind: Annotated[str | None, typer.Option(help="Only marks of this kind.", autocompletion=completion.kinds)] = None,
    subject: Annotated[
        str | None, typer.Option(help="Only marks of this subject.", autocompletion=completion.subjects)
    ] = None,
    min_strength: Annotated[float | None, typer.Option(help="Only marks of at least this strength.")] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Show the board at another time, past or future, such as 2027-01-31T15:00."),
    ] = None,
    tag: TagOption = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many marks.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the live marks, strongest first.

    Examples:
      blackboard marks --kind lead --min-strength 0.3
      blackboard marks --kind alert --tag severity=high --tag service=db
      blackboard marks --subject ada@example.org --at 2027-01-31T15:00
      blackboard marks --json --limit 5
    """
    from blackboard.local_or_remote_calls import calls_on_board

    with session_of(context).board_or_client() as board:
        where = calls_on_board(board).filters(kind, tag or ())
        records = board.marks(kind, subject=subject, min_strength=min_strength, at=at, limit=limit + 1, where=where)
    more, records = len(records) > limit, records[:limit]
    print_records(
        records,
        lambda mark: {
            "id": mark.id,
            "kind": mark.kind,
            "subject": mark.subject,
            "strength": number_text(mark.strength),
            "age": short_duration(mark.age_seconds),
            "evaporates": upcoming_time(mark.evaporates_at, mark.as_of, minutes=True),
            "author": mark.author,
            "activation": mark.activation_id,
            "payload": json.dumps(mark.payload, ensure_ascii=False),
        },
        as_json=as_json,
        empty="no marks",
        spare=("activation", "author", "evaporates"),
    )
    if more:
        print_note(f"these are the strongest {limit}; --limit N shows more")


def search(
    context: typer.Context,
    text: Annotated[
        list[str],
        typer.Argument(help="The words. A mark must have all of them. pric* finds words that begin with pric."),
    ],
    kind: Annotated[str | None, typer.Option(help="Only marks of this kind.", autocompletion=completion.kinds)] = None,
    tag: TagOption = None,
    any_word: Annotated[bool, typer.Option("--any", help="A mark needs only one of the words.")] = False,
    faded: Annotated[bool, typer.Option("--faded", help="Also find marks that have faded.")] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="The text is a query in the language of FTS5, or a tsquery of PostgreSQL.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most this many marks.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Search the text of marks. The best match is first, by relevance times strength.

    Examples:
      blackboard search pricing objections
      blackboard search 'pric*' --kind note --tag topic=sales --limit 5
      blackboard search --raw '"net promoter" NOT score' --faded
    """
    from blackboard.local_or_remote_calls import calls_on_board
    from blackboard.presentation.json_shapes import found_marks

    match: Match = "any" if any_word else "all"
    with session_of(context).board_or_client() as board:
        where = calls_on_board(board).filters(kind, tag or ())
        found = board.search(" ".join(text), kind=kind, where=where, limit=limit, faded=faded, match=match, raw=raw)
    if as_json:
        print_json(found_marks(found))
        return
    scores = {mark.id: score for mark, score in zip(found, found.scores, strict=True)}
    print_records(
        found,
        lambda mark: {
            "id": mark.id,
            "kind": mark.kind,
            "subject": mark.subject,
            "score": number_text(scores[mark.id]),
            "strength": number_text(mark.strength),
            "age": short_duration(mark.age_seconds),
            "author": mark.author,
            "payload": json.dumps(mark.payload, ensure_ascii=False),
        },
        as_json=False,
        empty="no marks",
        spare=("author",),
    )
    if not found.exact:
        from blackboard.core.marks.full_text import MAX_EXACT, RERANKED

        print_note(f"more than {MAX_EXACT:,} marks match; these are the best of the {RERANKED:,} most relevant marks")
    if not found.complete:
        print_note("the index does not have all marks yet; 'status' shows how far it is")


def history(
    context: typer.Context,
    subject: Annotated[
        str,
        typer.Argument(help="The subject, exactly as 'blackboard marks' shows it.", autocompletion=completion.subjects),
    ],
    as_json: AsJson = False,
) -> None:
    """List every event of a subject's marks, oldest first.

    Example:
      blackboard history ada@example.org
    """
    with session_of(context).board_or_client() as board:
        events = board.history(subject)
    print_records(
        events,
        lambda event: {
            "recorded": to_second(event.recorded_at),
            "occurred": None if event.occurred_at == event.recorded_at else to_second(event.occurred_at),
            "mark": event.mark_id,
            "kind": event.kind,
            "event": event.event,
            "intensity": number_text(event.intensity),
            "author": event.author,
            "activation": event.activation_id,
            "payload": None
            if event.payload is None
            else json.dumps(event.payload, ensure_ascii=False, separators=(",", ":")),
        },
        as_json=as_json,
        empty=f"no mark was ever deposited about {subject!r}",
        spare=("activation", "author", "intensity", "occurred"),
    )
