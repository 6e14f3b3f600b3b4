"""The columns of the views that people query: a documented contract. `store/sql/views.sql` defines the views."""

from __future__ import annotations

VIEWS: dict[str, tuple[str, ...]] = {
    "live_marks": (
        "id", "kind", "subject", "payload", "author", "weight", "intensity", "strength", "law", "order_key",
        "deposited_at", "reinforced_at", "fades_from", "evaporates_at", "as_of", "age_seconds", "reinforcements",
        "activation_id", "own_law", "occurred_at", "recorded_at", "event_id",
    ),
    "searchable_marks": (
        "id", "kind", "subject", "payload", "author", "strength", "text", "words", "relevance", "score",
    ),
    "mark_tags": ("mark_id", "kind", "name", "value", "type"),
    "mark_history": (
        "id", "recorded_at", "mark_id", "kind", "subject", "event", "intensity", "author", "activation_id", "payload",
        "occurred_at", "traceparent",
    ),
    "needs": (
        "id", "subject", "payload", "author", "activation_id", "asked_at", "assignee", "due_at", "overdue",
        "answerable_by",
    ),
    "agenda": (
        "id", "agent", "watch", "subject", "mark_id", "state", "reason", "value", "threshold", "crossed_at",
        "noticed_at", "ready_at", "held_by", "group_tag", "group_value",
    ),
    "activations": (
        "id", "agent", "watch", "subject", "state", "reason", "crossed_at", "started_at", "finished_at", "attempt",
        "error", "marks_absorbed", "marks_deposited", "retry_at", "interruptions", "chain_length", "worker",
        "mark_ids", "scheduled_for", "group_tag", "group_value",
    ),
    "activity": (
        "id", "recorded_at", "event", "agent", "watch", "subject", "activation_id", "crossing_id", "mark_id",
        "old_state", "state", "author", "token", "version", "group_tag", "group_value",
    ),
    "schedules": (
        "agent", "watch", "schedule", "scheduled_from", "next_at", "waits_since", "last_at", "last_late_seconds",
    ),
    "watch_states": (
        "agent", "watch", "subject", "mark_id", "began_at", "crossed_at", "next_at", "group_tag", "group_value",
    ),
    "activation_marks": (
        "activation_id", "agent", "watch", "state", "role", "mark_id", "kind", "subject", "strength", "event_id",
        "payload",
    ),
    "outbox": (
        "id", "message_id", "sink", "topic", "subject", "agent", "mark_id", "activation_id", "crossing_id", "state",
        "attempts", "created_at", "due_at", "finished_at", "error", "content",
    ),
    "provenance": ("mark_id", "activation_id", "parent_mark_id"),
    "model_calls": (
        "id", "activation_id", "agent", "model", "api", "state", "marks", "input_tokens", "cache_read_tokens",
        "cache_write_tokens", "output_tokens", "cost_usd", "reserved_usd", "planned_at", "sent_at", "answered_at",
        "applied_at", "latency_seconds", "request_id", "batch_id", "error", "would_hold",
    ),
    "costs": (
        "day", "agent", "calls", "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "usd",
        "marks_deposited", "usd_per_mark", "share_from_cache", "usd_direct", "unknown", "usd_reserved",
    ),
}  # fmt: skip
"""The columns of each view, in order."""
