"""The activation of a deployment: it becomes the active deployment in one transaction; a backfill changes the marks."""

from __future__ import annotations

from collections.abc import Iterator

from blackboard.board import activity_log
from blackboard.board.deployment_effects import agent_changes, backfill, kind_changes
from blackboard.board.mark_tables import window_deposits
from blackboard.board.result_types.administration_results import DeployResult
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.crossing_detection import predicted_crossings
from blackboard.board.work_tables.activation_rows import make_ready
from blackboard.core.agent_declaration_mistakes import mistakes_in_filters, mistakes_in_groups
from blackboard.core.authors import BOARD, agent_name_problem
from blackboard.core.conditions.number_formats import exact_digits
from blackboard.core.marks.canonical_json_schema import canonical_form
from blackboard.core.marks.tags import Tags, TagSchema
from blackboard.core.records.event_kinds import ActivityEvent
from blackboard.core.records.states import MessageState
from blackboard.core.specs.agent_spec import Budget, DepositLimits
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.durations import format_duration
from blackboard.errors import ConfigurationError, Mistake
from blackboard.store.statements import ACTIVATIONS, DEPLOYMENTS, MARKS, MODEL_CALLS, OUTBOX, WINDOWS


def activate(txn: BoardTransaction, new_deployment: Deployment, author: str = BOARD) -> DeployResult:
    """Make a deployment active, in the name of an author. Equal content changes nothing.

    Kinds that the board knows and the new deployment does not name are kept, because the board may hold marks of them.

    Raises:
        ConfigurationError: The name of a new agent is not an identifier, or is reserved. Settings of a new or changed
            agent cannot work together. Or an agent uses a tag that a kind does not have, or searches a kind that is not
            searched.
    """
    old_deployment = txn.deployment
    _check_names(old_deployment, new_deployment)
    new_deployment = with_known_kinds(txn, new_deployment)
    _check_filters(new_deployment)
    if not is_change(txn, new_deployment):
        return DeployResult(old_deployment.version, ())
    apply_due_changes(txn)
    version = old_deployment.version + 1
    txn.sql.run(DEPLOYMENTS.insert_deployment, version=version, deployed_at=txn.now, content=new_deployment.content())
    txn.sql.run(DEPLOYMENTS.set_version, version=version, at=txn.now)
    activity_log.record(txn, ActivityEvent.DEPLOYMENT, version=version, author=author)
    kinds = kind_changes.register_kinds(txn, old_deployment, new_deployment)
    changed = [*kinds.texts, *agent_changes.register_agents(txn, old_deployment, new_deployment, kinds)]
    _fill_windows(txn, old_deployment, new_deployment)
    _tag_deposits(txn, old_deployment, new_deployment, kinds.retagged)
    changed += _trust_changes(old_deployment, new_deployment)
    changed += _board_changes(old_deployment, new_deployment)
    changed += _sink_changes(old_deployment, new_deployment)
    _give_up_messages(txn, old_deployment, new_deployment)
    if _budgets(old_deployment) != _budgets(new_deployment):
        # Whether there is room now is decided when a call is about to be sent, as always.
        make_ready(txn, txn.sql.all(ACTIVATIONS.held_for_a_while))
        txn.sql.run(MODEL_CALLS.clear_all_errors)
    return DeployResult(version, tuple(changed))


def _fill_windows(txn: BoardTransaction, old_deployment: Deployment, new_deployment: Deployment) -> None:
    """Record the deposits that new or longer windows count, as far as the history reaches."""
    before = old_deployment.longest_windows()
    for kind, length in new_deployment.longest_windows().items():
        if length > before.get(kind, 0):
            after = txn.now - length
            txn.sql.run(WINDOWS.fill_window, kind=kind, after=after, since=txn.last_event_before(after))


def _tag_deposits(
    txn: BoardTransaction, old_deployment: Deployment, new_deployment: Deployment, retagged: set[tuple[str, str]]
) -> None:
    """Store the tags by which windows of the new deployment find deposits, and delete tags that no window needs."""
    before, after, longest = (
        old_deployment.tags_in_windows(),
        new_deployment.tags_in_windows(),
        old_deployment.longest_windows(),
    )
    for kind, tags in before.items():
        for tag in tags:
            if tag not in after.get(kind, ()) or (kind, tag) in retagged:
                txn.sql.run(WINDOWS.delete_window_tags, kind=kind, tag=tag)
    for kind, tags in after.items():
        is_longer = new_deployment.longest_windows()[kind] > longest.get(kind, 0)
        for tag in sorted(tags):
            if is_longer or tag not in before.get(kind, ()) or (kind, tag) in retagged:
                _add_tag(txn, new_deployment.kind(kind).tag_schema, tag)


def _add_tag(txn: BoardTransaction, schema: TagSchema, tag: str) -> None:
    """Add a tag to the deposits of a kind in windows that do not have it yet."""
    after = 0
    while rows := txn.sql.all(
        WINDOWS.deposits_in_window, kind=schema.kind, tag=tag, after=after, limit=backfill.MARKS_PER_STEP
    ):
        for deposit, payload in rows:
            if payload is not None:
                window_deposits.add_tag(txn.sql, deposit, tag, Tags(schema, payload).keys.get(tag, ()))
        after = rows[-1].deposit.event_id


def _trust_changes(old_deployment: Deployment, new_deployment: Deployment) -> list[str]:
    factors = {
        name: (old_deployment.trust.get(name, 1.0), new_deployment.trust.get(name, 1.0))
        for name in sorted({*old_deployment.trust, *new_deployment.trust})
    }
    return [
        f"trust in {name}: {exact_digits(after)} instead of {exact_digits(before)}"
        for name, (before, after) in factors.items()
        if before != after
    ]


def _board_changes(old_deployment: Deployment, new_deployment: Deployment) -> Iterator[str]:
    """Yield how the limits and settings of the whole board change."""
    for author in sorted({*old_deployment.limits, *new_deployment.limits}):
        if differences := new_deployment.limits.get(author, DepositLimits()).changes_from(
            old_deployment.limits.get(author, DepositLimits())
        ):
            yield f"limits of {author}: {differences}"
    if old_deployment.budget != new_deployment.budget:
        yield f"budget: {new_deployment.budget.changes_from(old_deployment.budget)}"
    if old_deployment.max_skew != new_deployment.max_skew:
        before, after = format_duration(old_deployment.max_skew), format_duration(new_deployment.max_skew)
        yield f"max_skew: {after} instead of {before}"
    if old_deployment.activity != new_deployment.activity:
        yield f"activity: {'recorded' if new_deployment.activity else 'not recorded'}"


def _sink_changes(old_deployment: Deployment, new_deployment: Deployment) -> Iterator[str]:
    """Yield how the sinks change."""
    for name in sorted({*old_deployment.sinks, *new_deployment.sinks}):
        before, after = old_deployment.sinks.get(name), new_deployment.sinks.get(name)
        if before != after:
            word = "new" if before is None else "removed" if after is None else "changed"
            yield f"sink {name}: {word}"


def _give_up_messages(txn: BoardTransaction, old_deployment: Deployment, new_deployment: Deployment) -> None:
    """Record as failed the messages that wait for a removed sink."""
    for name in sorted(old_deployment.sinks.keys() - new_deployment.sinks.keys()):
        txn.sql.run(
            OUTBOX.end_messages,
            sink=name,
            state=MessageState.FAILED,
            now=txn.now,
            error="the deployment no longer has this sink",
        )


def _check_names(old_deployment: Deployment, new_deployment: Deployment) -> None:
    problems = {name: agent_name_problem(name) for name in new_deployment.agents.keys() - old_deployment.agents.keys()}
    if mistakes := [Mistake(f"agent {name!r}", text) for name, text in sorted(problems.items()) if text]:
        raise ConfigurationError(mistakes)


def _check_filters(new_deployment: Deployment) -> None:
    """Check that the kinds have the tags that agents filter and group their marks by.

    Raises:
        ConfigurationError: A kind has no such tag, or the tag cannot have this value, or has lists of values.
    """
    kinds = {name: new_deployment.kind(name) for name in new_deployment.kinds}
    mistakes = [
        mistake for agent_spec in new_deployment.agents.values() for mistake in mistakes_in_filters(agent_spec, kinds)
    ]
    mistakes += [
        mistake for agent_spec in new_deployment.agents.values() for mistake in mistakes_in_groups(agent_spec, kinds)
    ]
    if mistakes:
        raise ConfigurationError(mistakes)


def with_known_kinds(txn: BoardTransaction, new_deployment: Deployment) -> Deployment:
    """Return the deployment that becomes active.

    Kinds that the new deployment does not name stay. A schema keeps its text if the new text means the same: it differs
    only in words, or another version of pydantic wrote it.
    """
    old_deployment = txn.deployment
    kinds = {
        **old_deployment.kinds,
        **{
            name: _with_known_schema(spec, old_deployment.kinds.get(name))
            for name, spec in new_deployment.kinds.items()
        },
    }
    return new_deployment.model_copy(update={"version": old_deployment.version, "kinds": kinds})


def _with_known_schema(spec: KindSpec, known: KindSpec | None) -> KindSpec:
    """Return a kind with the schema of the board, if the kind has none, or if the schemas differ only in their text."""
    if known is not None and spec.payload_schema is None and not spec.class_path:
        return spec.model_copy(update={"payload_schema": known.payload_schema, "class_path": known.class_path})
    if known is None or canonical_form(spec.payload_schema) != canonical_form(known.payload_schema):
        return spec
    return spec.model_copy(update={"payload_schema": known.payload_schema})


def is_change(txn: BoardTransaction, new_deployment: Deployment) -> bool:
    """Return whether a deployment with the known kinds changes anything."""
    return not txn.deployment.version or new_deployment.content() != txn.deployment.content()


def apply_due_changes(txn: BoardTransaction) -> None:
    """Finish the backfills of earlier changes and fire predicted crossings that are due.

    The board's time moves past the last event. So no event has the instant of the next change, and that instant alone
    decides which marks have to follow it.
    """
    if (last := txn.sql.one(MARKS.get_event, id=txn.last_event_id)) is not None:
        txn.advance_to(last.recorded_at + 1)
    while backfill.run_batch(txn) or predicted_crossings.fire_due(txn):
        pass


def _budgets(deployment: Deployment) -> tuple[Budget, dict[str, Budget]]:
    return deployment.budget, {name: agent.settings.budget for name, agent in deployment.agents.items()}
