"""The commands for needs: `inbox`, `answer` and `assign`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from blackboard.cli.cli_session import session_of
from blackboard.cli.terminal.output import AsJson, crossed_agents, print_json, print_line, print_note, short_duration
from blackboard.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from blackboard.board.result_types.mark_results import NeedRecord


NeedId = Annotated[int, typer.Argument(metavar="ID", help="The id of the need, as 'blackboard inbox' lists it.")]


def inbox(
    context: typer.Context,
    assignee: Annotated[
        str | None, typer.Option(metavar="NAME", help="Show only the needs that this person should answer.")
    ] = None,
    all_needs: Annotated[bool, typer.Option("--all", help="Also show needs that agents are working on.")] = False,
    ids: Annotated[
        bool, typer.Option("--ids", help="Print only the ids of the needs, one on a line, for use in a script.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the needs that wait for a person, overdue needs first. 'blackboard answer' answers a need.

    Examples:
      blackboard inbox
      blackboard inbox --assignee ada
      blackboard inbox --all
      for id in $(blackboard inbox --ids); do blackboard answer "$id" yes; done
    """
    if ids and as_json:
        raise UsageError("--ids and --json are two formats of the output; use only one of them")
    with session_of(context).board_or_client() as board:
        found = board.inbox(assignee, all_needs=True)
    needs = [need for need in found if all_needs or need.for_people]
    if as_json:
        print_json(needs)
        return
    if ids:
        sys.stdout.write("".join(f"{need.id}\n" for need in needs))
        return
    if not needs:
        print_line("nothing waits for you")
    for need in needs:
        for line in _need_lines(need):
            print_line(line)
    if hidden := len(found) - len(needs):
        print_note(
            f"{hidden} more wait for agents; --all lists them too"
            if hidden > 1
            else "1 more waits for an agent; --all lists it too"
        )
    if needs:
        print_note(f'answer with: blackboard answer {needs[0].id} "..."')


def _need_lines(need: NeedRecord) -> Iterator[str]:
    """Yield the lines about a need in the inbox."""
    by = "" if need.activation_id is None else f" in activation {need.activation_id}"
    age = (need.as_of - need.reinforced_at).total_seconds()
    yield f"{need.id}  {need.subject}  ({short_duration(age)} old, from {need.author}{by})"
    yield f"    {need.question}"
    if need.options:
        yield f"    options: {' | '.join(need.options)}"
    if need.detail:
        yield f"    {need.detail}"
    if need.assignee:
        yield f"    assigned to {need.assignee}"
    if need.waits_for:
        yield f"    waits for {', '.join(need.waits_for)}"
    elif need.answerable_by:
        yield f"    {', '.join(need.answerable_by)} may answer too"
    if need.due_at is not None:
        seconds = (need.due_at - need.as_of).total_seconds()
        yield f"    OVERDUE for {short_duration(-seconds)}" if need.overdue else f"    due in {short_duration(seconds)}"
    if need.withdrawn_causes:
        ids = ", ".join(map(str, need.withdrawn_causes))
        yield f"    withdrawn since it was asked: mark{'s' * (len(need.withdrawn_causes) > 1)} {ids}"


def answer(
    context: typer.Context,
    need_id: NeedId,
    text: Annotated[str, typer.Argument(help="The answer: one of the need's options, if it has options.")],
    any_answer: Annotated[
        bool, typer.Option("--any-answer", help="Allow an answer that is not one of the options.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Answer a need: deposit a decision, which wakes the agents that watch for it.

    Examples:
      blackboard answer 42 yes
      blackboard answer 42 "only after Friday" --any-answer
    """
    with session_of(context).board_or_client() as board:
        receipt = board.answer(need_id, text, any_answer=any_answer)
    if as_json:
        from blackboard.presentation.json_shapes import answer_result

        print_json(answer_result(need_id, receipt))
    else:
        print_line(f"need {need_id} is answered by decision {receipt.mark_id}{crossed_agents(receipt.crossed)}")


def assign(
    context: typer.Context,
    need_id: NeedId,
    name: Annotated[str, typer.Argument(help="The person who should answer; an empty name removes the assignment.")],
    as_json: AsJson = False,
) -> None:
    """Assign a need to a person, who should answer it. The history records the assignment.

    Examples:
      blackboard assign 42 ada
      blackboard assign 42 ""
    """
    with session_of(context).board_or_client() as board:
        board.assign(need_id, name)
    if as_json:
        from blackboard.presentation.json_shapes import Assignment

        print_json(Assignment(need_id, name))
    else:
        print_line(f"need {need_id} is assigned to {name or 'nobody'}")
