"""Pheromones on the board, which clients emit, sniff and evaporate."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import TypeAdapter

from blackboard import Blackboard, Decay, MarkRecord
from blackboard.server.sbp.decay_models import DecayModel
from blackboard.server.sbp.sbp_marks import (
    Pheromone,
    fields_of,
    identity_of,
    intensity_of,
    live_records,
    milliseconds_of,
    reading_time_ms,
    retry_conflicts,
    trails_of,
    withdraw_unchanged,
)
from blackboard.server.sbp.sbp_parameters import Emission, EvaporationFilter, PheromoneFilter

ACTIONS = {"reinforce": "reinforced", "replace": "replaced", "max": "merged", "add": "merged"}

_MODELS: TypeAdapter[DecayModel] = TypeAdapter(DecayModel)


def emit(board: Blackboard, emission: Emission) -> dict[str, Any]:
    """Emit a pheromone, alone or merged with the oldest one of the same trail, type and payload.

    Raises:
        Conflict: Other programs changed the pheromone during each attempt.
        InvalidMark: The pheromone cannot be stored.
    """
    identity = identity_of_emission(emission)
    return retry_conflicts(lambda: _emit(board, emission, identity))


def _emit(board: Blackboard, emission: Emission, identity: str) -> dict[str, Any]:
    """Emit a pheromone, once.

    Raises:
        Conflict: Another program has changed the pheromone that it joins.
    """
    trust = board.deployment.trust.get(board.author, 1.0)
    is_merged = emission.merge_strategy != "new"
    found = live_records(board, Pheromone, {"identity": identity}) if is_merged else []
    if not found:
        return _create(board, emission, identity, trust)
    old = min(found, key=lambda record: record.id)
    before = after = intensity_of(old)
    if trust > 0:
        merged = _merged_intensity(emission.merge_strategy, before, emission.intensity * trust)
        after = _change(board, emission, old, merged, trust)
    return {
        "pheromone_id": str(old.id),
        "action": ACTIONS[emission.merge_strategy],
        "previous_intensity": before,
        "new_intensity": after,
    }


def _create(board: Blackboard, emission: Emission, identity: str, trust: float) -> dict[str, Any]:
    """Deposit the mark of a new pheromone.

    Raises:
        Conflict: Another program has just emitted the same pheromone.
    """
    subject = subject_of(emission)
    if emission.merge_strategy == "new":
        subject = f"{subject}.{uuid.uuid4().hex[:16]}"
    mark = Pheromone(
        subject=subject,
        trail=emission.trail,
        type=emission.type,
        content=emission.payload,
        tags=emission.tags,
        decay=emission.model.model_dump(),
        source_agent=emission.source_agent,
        identity=identity,
    )
    law, intensity = emission.model.law(emission.intensity * trust)
    receipt = board.deposit(mark, intensity=intensity / trust if trust else 0.0, decay=law, if_event=0)
    return {"pheromone_id": str(receipt.mark_id), "action": "created", "new_intensity": intensity}


def identity_of_emission(emission: Emission) -> str:
    """Return the identity of the pheromones that an emission may join."""
    return identity_of(emission.trail, emission.type, emission.payload)


def subject_of(emission: Emission) -> str:
    """Return the subject of the pheromone of an emission. Emissions that may join each other have the same subject."""
    return f"{emission.trail}/{emission.type}#{identity_of_emission(emission)[:16]}"


def _merged_intensity(strategy: str, before: float, emitted: float) -> float:
    """Return the intensity after an emission. A reinforcement never lowers it."""
    if strategy == "replace":
        return emitted
    return min(1.0, before + emitted) if strategy == "add" else max(before, emitted)


def _change(board: Blackboard, emission: Emission, old: MarkRecord, merged: float, trust: float) -> float:
    """Deposit a pheromone as it is after an emission, and return its intensity.

    The deposit occurs at the instant at which the old intensity was read, so that nothing fades in between.

    Raises:
        Conflict: The pheromone has changed since it was read.
    """
    fields = {**fields_of(old)}
    if emission.merge_strategy == "replace":
        fields["tags"] = emission.tags
        fields["source_agent"] = emission.source_agent or fields["source_agent"]
    law, intensity = _MODELS.validate_python(fields["decay"]).law(merged)
    mark = Pheromone(subject=old.subject, **fields)
    board.deposit(mark, intensity=intensity / trust, decay=law, if_event=old.event_id, occurred_at=old.as_of)
    return intensity


def sniff(board: Blackboard, parameters: PheromoneFilter) -> dict[str, Any]:
    """Return the pheromones that pass the filter, the strongest first, and the sums of each trail and type."""
    records = list(_passing_pheromones(board, parameters))
    groups: dict[str, list[float]] = {}
    for record in records:
        fields = fields_of(record)
        groups.setdefault(f"{fields['trail']}/{fields['type']}", []).append(intensity_of(record))
    return {
        "timestamp": reading_time_ms(board, records),
        "pheromones": [pheromone_snapshot(record) for record in records[: parameters.limit]],
        "aggregates": {name: _sums(intensities) for name, intensities in groups.items()},
    }


def _passing_pheromones(board: Blackboard, parameters: PheromoneFilter) -> Iterator[MarkRecord]:
    for record in live_records(board, Pheromone, where_of(parameters.trails, parameters.types)):
        is_young = parameters.max_age_ms is None or age_of(record) <= parameters.max_age_ms
        is_strong = intensity_of(record) >= parameters.min_intensity
        if is_young and is_strong and parameters.tags.passes(fields_of(record)["tags"]):
            yield record


def where_of(trails: Sequence[str], types: Sequence[str]) -> dict[str, list[str]] | None:
    """Return the filter for pheromones of some trails and types; an empty list means all."""
    found = {"trail": list(trails), "type": list(types)}
    return {name: values for name, values in found.items() if values} or None


def _sums(intensities: Sequence[float]) -> dict[str, Any]:
    total = sum(intensities)
    return {
        "count": len(intensities),
        "sum_intensity": total,
        "max_intensity": max(intensities),
        "avg_intensity": total / len(intensities),
    }


def law_of(record: MarkRecord) -> Decay:
    """Return the law that a pheromone fades by. It follows from the decay model and the intensity."""
    law, _ = _MODELS.validate_python(fields_of(record)["decay"]).law(record.intensity)
    return law


def age_of(record: MarkRecord) -> int:
    """Return the milliseconds since the first emission of a pheromone."""
    return milliseconds_of(record.as_of) - milliseconds_of(record.deposited_at)


def pheromone_snapshot(record: MarkRecord) -> dict[str, Any]:
    """Return a pheromone as it is shown."""
    fields = fields_of(record)
    shown = {
        "id": str(record.id),
        "trail": fields["trail"],
        "type": fields["type"],
        "current_intensity": intensity_of(record),
        "payload": fields["content"],
        "age_ms": age_of(record),
        "tags": fields["tags"],
    }
    return shown if fields["source_agent"] is None else shown | {"source_agent": fields["source_agent"]}


def find_unwanted(board: Blackboard, parameters: EvaporationFilter) -> list[MarkRecord]:
    """Return the pheromones to evaporate."""
    where = where_of([] if parameters.trail is None else [parameters.trail], parameters.types)
    return [record for record in live_records(board, Pheromone, where) if _is_unwanted(record, parameters)]


def _is_unwanted(record: MarkRecord, parameters: EvaporationFilter) -> bool:
    if parameters.older_than_ms is not None and age_of(record) < parameters.older_than_ms:
        return False
    if parameters.below_intensity is not None and intensity_of(record) >= parameters.below_intensity:
        return False
    return parameters.tags.passes(fields_of(record)["tags"])


def evaporate(board: Blackboard, records: Sequence[MarkRecord]) -> dict[str, Any]:
    """Withdraw pheromones that nobody has changed or removed since they were read."""
    gone = withdraw_unchanged(board, records)
    return {"evaporated_count": len(gone), "trails_affected": trails_of(gone)}
