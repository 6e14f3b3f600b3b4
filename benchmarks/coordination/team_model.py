"""The scripted model for teams of agents: it reads a conversation and gives the right answer for the current speaker.

It never errs, adds no text, and gives the same verdicts as the desk's offline rules, so that only the overhead of a
framework is measured. It derives the progress of the work from the conversation, as a model would.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.coordination.chat import Call, Chat, Reply
from blackboard.errors import BlackboardError
from lead_desk import offline_rules

__all__ = ["UnknownSpeaker", "next_message"]

ROLES = {
    "You run a sales desk": "router",
    "You plan the work of a sales desk": "planner",
    "Choose who speaks next": "selector",
    "You are Crew Manager": "manager",
    "You work alone at a sales desk": "alone",
    "You judge enquiries": "sales",
    "You book meetings": "scheduler",
    "You settle clashes": "coordinator",
    "You look for patterns": "analyst",
}
_STAGES = ("sales", "scheduler", "coordinator", "analyst")
_OBJECT = re.compile(r"\{[^{}]*\}")
_BOOKED = re.compile(r"\bbooked (\d{4}-\d\d-\d\dT\d\d:\d\d)")
_TAKEN = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d) is taken; free near it: ([\dT:, -]+\d)")
_START = re.compile(r'\{"(?:now|outcomes)":')


class UnknownSpeaker(BlackboardError):
    """A speaker that the script does not know."""


@dataclass(frozen=True)
class _Event:
    """A step of the work, as seen in a conversation."""

    at: int
    category: str
    """`verdict`, `pick`, `ruling` or `tool`; the result of a tool counts as a pick."""
    data: Mapping[str, Any]


class _State:
    """The progress of the work in a conversation."""

    def __init__(self, text: str) -> None:
        starts = [match.start() for match in _START.finditer(text)]
        self.task: Mapping[str, Any] = {}
        if starts:
            text = text[starts[-1] :]
            self.task, end = json.JSONDecoder().raw_decode(text)
            text = text[end:]
        self.has_patterns = '"patterns":' in text
        events = sorted(_events(text), key=lambda event: event.at)
        self.verdict = next((event.data for event in reversed(events) if event.category == "verdict"), None)
        self.last = next((event for event in reversed(events) if event.category != "verdict"), None)

    @property
    def stage(self) -> str:
        """The role that must act next, or `done`."""
        if "outcomes" in self.task:
            return "done" if self.has_patterns else "analyst"
        if self.last is not None and self.last.category == "ruling":
            return "scheduler"
        if self.last is not None:
            return "done" if self.last.data["slot"] else "coordinator"
        if self.verdict is None:
            return "sales"
        return "scheduler" if self.verdict["score"] >= 0.5 else "done"

    @property
    def shown(self) -> str:
        """The data that the next speaker needs."""
        match self.stage:
            case "sales" | "analyst":
                return json.dumps(self.task)
            case "scheduler" | "done" if self.last is None:
                return json.dumps(self.verdict)
            case _:
                assert self.last is not None
                return json.dumps(self.last.data)


def next_message(chat: Chat) -> Reply:
    """Return the next message.

    Raises:
        UnknownSpeaker: The script does not know the speaker.
    """
    everything = chat.system + "\n" + "\n".join(turn.text for turn in chat.turns)
    role = next((role for words, role in ROLES.items() if words in chat.system), None)
    role = role or next((role for words, role in ROLES.items() if words in everything), None)
    state = _State("\n".join(turn.text for turn in chat.turns) if role != "selector" else everything)
    match role:
        case "router" | "manager":
            return _route(chat, state, final=state.shown if role == "manager" else "done")
        case "selector":
            planned = "Plan:" in everything[max((match.start() for match in _START.finditer(everything)), default=0) :]
            return Reply(state.stage if planned and state.stage != "done" else "planner")
        case "planner":
            return Reply("TERMINATE" if state.stage == "done" else _plan(state))
        case "alone":
            return _alone(state)
        case "sales" | "scheduler" | "coordinator" | "analyst":
            return _specialist(role, chat, state)
    raise UnknownSpeaker(f"the script knows no speaker such as: {everything[:200]!r}")


def _plan(state: _State) -> str:
    if state.stage == "analyst":
        return "Plan: analyst: sort the outcomes"
    return "Plan: 1. sales: judge the lead 2. scheduler: book it if it qualifies 3. coordinator: settle a clash"


def _route(chat: Chat, state: _State, final: str) -> Reply:
    if state.stage == "done":
        return Reply(final)
    return Reply(calls=[_handoff(chat, state.stage, state)])


def _handoff(chat: Chat, stage: str, state: _State) -> Call:
    """Return the shortest tool call that hands the work over."""
    for name, schema in chat.tools.items():
        if stage in name.lower() or "delegate" in name.lower():
            values = {"coworker": stage.title(), "task": _ORDERS[stage]}
            wanted = schema.get("required") or ()
            return Call(name, {field: values.get(field, state.shown) for field in wanted})
    raise UnknownSpeaker(f"no tool hands over to {stage}: {', '.join(chat.tools) or 'there are no tools'}")


_ORDERS = {
    "sales": "judge this lead",
    "scheduler": "book this",
    "coordinator": "settle this clash",
    "analyst": "sort these outcomes",
}


def _specialist(role: str, chat: Chat, state: _State) -> Reply:
    """Return the answer of a specialist, with a handoff if specialists hand over by themselves."""
    if role == "scheduler":
        if not (chat.turns[-1].role == "tool" and state.last is not None and state.last.category == "tool"):
            return Reply(calls=[Call("book", {"slot": _wish(state)})])
        assert state.last is not None
        text = json.dumps(_pick(state, state.last.data))
    elif role == "coordinator":
        text = json.dumps(_ruling(state))
    elif role == "analyst":
        text = json.dumps(offline_rules.find_patterns(state.task).model_dump())
    else:
        text = json.dumps(_verdict(state))
    after = _State("\n".join([turn.text for turn in chat.turns] + [text])).stage
    hands_over = any("transfer" in name and after in name for name in chat.tools)
    return Reply(text, [_handoff(chat, after, state)] if hands_over else [])


def _alone(state: _State) -> Reply:
    """Return the answer of a single agent: book a qualified lead or the nearest free slot, then give the verdict."""
    if state.stage == "analyst":
        return Reply(json.dumps(offline_rules.find_patterns(state.task).model_dump()))
    verdict = _verdict(state)
    slot = state.last.data["slot"] if state.last else None
    if verdict["score"] >= 0.5 and not slot:
        start = _ruling(state)["slot"] if state.last else (verdict["times"] or [""])[0]
        return Reply(calls=[Call("book", {"slot": start})])
    return Reply(json.dumps(verdict))


def _verdict(state: _State) -> dict[str, Any]:
    data = {"now": state.task["now"], "leads": [state.task["lead"]]}
    return offline_rules.judge_leads(data).verdicts[0].model_dump()


def _wish(state: _State) -> str:
    if state.last is not None:
        return str(state.last.data["slot"] or "")
    return str(((state.verdict or {}).get("times") or [""])[0])


def _pick(state: _State, tool: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": _id(state), "slot": tool["slot"], "clash": tool["clash"]}


def _ruling(state: _State) -> dict[str, Any]:
    assert state.last is not None
    match = _TAKEN.search(state.last.data["clash"])
    assert match is not None
    conflict = {
        "id": _id(state),
        "score": 0.5,
        "wanted": [match[1]],
        "why": "",
        "free": match[2].split(", "),
    }
    return offline_rules.decide_conflicts({"conflicts": [conflict]}).rulings[0].model_dump()


def _id(state: _State) -> int:
    for data in (state.verdict, state.last.data if state.last else None, state.task.get("lead")):
        if data and "id" in data:
            return int(data["id"])
    return 0


def _events(text: str) -> Iterator[_Event]:
    spans = []
    for match in _OBJECT.finditer(text):
        try:
            data = json.loads(match[0])
        except ValueError:
            continue
        category = next((category for key, category in _CATEGORIES.items() if key in data), None)
        if category:
            spans.append(match.span())
            yield _Event(match.start(), category, data)
    for pattern in (_BOOKED, _TAKEN):
        for match in pattern.finditer(text):
            if not any(begin <= match.start() < end for begin, end in spans):
                taken = pattern is _TAKEN
                data = {"slot": None if taken else match[1], "clash": match[0] if taken else ""}
                yield _Event(match.start(), "tool", data)


_CATEGORIES = {"score": "verdict", "clash": "pick", "note": "ruling"}
