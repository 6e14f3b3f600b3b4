"""The kinds and agents of a board that is moved to PostgreSQL: together they use every part of a board."""

from __future__ import annotations

from collections.abc import Sequence

from blackboard import Curve, Exponential, Linear, Mark, Need, agent, count, daily_at, strength, total, watch

__all__ = ["Alert", "Beat", "Note", "Seat", "answerer", "asker", "breaker", "calm", "keeper", "morning", "reader"]


class Alert(Mark, kind="alert", decay=Exponential("9h"), on_repeat="add", tags=["service", "severity"]):
    service: str
    severity: str


class Note(Mark, kind="note", decay=Linear("40d"), on_repeat="separate", search=["title", "text"]):
    title: str
    text: str


class Beat(Mark, kind="beat", decay=Curve([("1h", 0.5), ("9h", 0.1)]), on_repeat="separate", tags=["host"]):
    host: str


class Seat(Mark, kind="seat", unique="number"):
    number: int


@agent(watches={"loud": total(Alert, by="service") >= 1.5}, writes=[Need], kinds=[Seat, Beat, Note])
def asker(alerts: Sequence[Alert], context: object) -> list[Mark]:
    return [Need(subject=alerts[0].subject, question="Stop it?", options=["yes", "no"], due="2h", assignee="ada")]


@agent(watches=strength("decision") >= 0.1)
def answerer(decisions: Sequence[Mark], context: object) -> None:
    return None


@agent(watches=strength(Note) >= 0.9, max_attempts=1, batch=1)
def breaker(notes: Sequence[Note], context: object) -> None:
    raise ValueError(f"cannot read {notes[0].title}")


BEATS = {"many": count(Beat, within="30m") >= 3, "host": count(Beat, by="host", within="30m") >= 9}


@agent(watches=BEATS, cooldown="1h", cooldown_per="subject")
def keeper(beats: Sequence[Beat], context: object) -> None:
    return None


@agent(watches=watch(total(Alert) >= 0.5, held_for="2h"))
def calm(alerts: Sequence[Alert], context: object) -> None:
    return None


@agent(watches=count(Note, Alert, over="board") >= 40)
def reader(marks: Sequence[Mark], context: object) -> None:
    return None


@agent(watches=daily_at("09:00", zone="UTC"))
def morning(marks: Sequence[Mark], context: object) -> None:
    return None
