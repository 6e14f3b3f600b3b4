"""Diagnosis of a board: everything that can be wrong with it, each with a remedy. Read-only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from blackboard.board.activations.call_handling import model_pauses
from blackboard.board.activations.quiescence import waiting_work
from blackboard.board.activations.run_ends.activation_recovery import is_remote
from blackboard.board.blackboard import Blackboard
from blackboard.board.deployments import unreadable_marks
from blackboard.board.housekeeping import file_compaction
from blackboard.board.messages import outbox_messages
from blackboard.board.needs import need_agents, needs_overview
from blackboard.board.reading.explanation_lines import need_parts
from blackboard.board.reading.work_queries import schedules
from blackboard.board.result_types import NO_REASON
from blackboard.board.rollout import redeployment
from blackboard.board.transactions import agent_state
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.measurements import need_access
from blackboard.board.watches.waiting_crossings.scheduled_crossings import LATEST_START
from blackboard.board.worker_registry import gone_agents, served_agents
from blackboard.clock import from_datetime, iso
from blackboard.core.built_in_marks import BUILT_IN_KINDS
from blackboard.core.deployment import Deployment
from blackboard.core.finding import Finding
from blackboard.core.states import ActivationState
from blackboard.durations import SECOND, format_duration
from blackboard.errors import BlackboardError, nearest
from blackboard.plurals import counted
from blackboard.store.board_upkeep import FileHealth, Health, ServerHealth
from blackboard.store.database_server import event_partitions
from blackboard.store.schema import HEAD, revision_of
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, MARKS

MEGABYTE = 1024 * 1024
MIN_FREE_BYTES = 256 * MEGABYTE
"""Free bytes on the disk below which the finding is wrong."""
MAX_LOG_BYTES = 64 * MEGABYTE
"""Bytes of the write-ahead log above which its checkpoints are assumed to be prevented."""
MAX_IDLE_SHARE = 0.5
"""The unused share of the file above which the finding is a note."""
MAX_LAG_MICROSECONDS = SECOND
"""Microseconds that the machine's clock may be behind the board's time without a note."""

LATEST_DELIVERY = 60 * SECOND
"""Microseconds that a message may wait for its first attempt without a finding."""

PAGES = "pages"
"""The name of the finding about damage in the pages of the file."""
MODEL = "answers"
"""The name of the finding that says which provider and model answer."""


def examine_board(
    board: Blackboard, deployment: Deployment | None = None, *, is_thorough: bool = True
) -> list[Finding]:
    """Examine a board that can be opened, and compare it with the deployment of the file, if there is one.

    Args:
        board: The board.
        deployment: The deployment of the file.
        is_thorough: Whether to read every page of the file in search of damage, which takes a while.

    Returns:
        The findings. Without `is_thorough`, there is none about the pages.

    Raises:
        StoreError: The board cannot be read.
    """
    board.session.classes.load(board.deployment.kinds)
    dead = board.session.dead_workers()
    health = board.database.upkeep.measure(thorough=is_thorough)
    findings = [finding for finding in _examine_store(health, board) if is_thorough or finding.name != PAGES]

    def examine_rows(txn: BoardTransaction) -> list[Finding]:
        return [
            *_examine_clock(txn, board),
            *_examine_skew(txn),
            *_examine_pauses(txn),
            *_examine_cooldowns(txn),
            *_examine_schedules(txn),
            *_examine_workers(txn, dead),
            *_examine_models(txn, dead),
            *_examine_gone(txn),
            *_examine_leases(txn),
            *_examine_stuck(txn),
            *_examine_inbox(txn),
            *_examine_outbox(txn),
            *_examine_answering_agents(txn, dead),
            *_examine_unreadable(txn, board),
            *_examine_backfills(txn),
            *_examine_erasures(txn),
            *_examine_drift(txn, deployment),
            *_examine_partitions(txn),
        ]

    return findings + board.session.read(examine_rows)


def _examine_store(health: Health, board: Blackboard) -> Iterator[Finding]:
    race = (
        "its checkpoints block all writers, and damage the file if another program writes at the same time; use"
        " SQLite 3.51.3 or later, which the package pysqlite3 brings"
    )
    yield _finding("engine", health.is_safe, health.engine, "" if health.is_safe else race)
    version = revision_of(board.database)
    yield _finding("schema", version == HEAD, f"{version}", f"'blackboard init' upgrades it to {HEAD}")
    if health.file is not None:
        yield from _examine_file(health.file)
        yield from _examine_space(health.file)
    if health.server is not None:
        yield from _examine_server(health.server)


def _examine_server(health: ServerHealth) -> Iterator[Finding]:
    """Yield findings about a server: its version and role, its durability, its clock and a pooler before it."""
    role = "a standby, which can only be read" if health.is_standby else "the primary server"
    yield Finding("server", "note" if health.is_standby else "ok", f"{health.version}, {role}")
    if health.unsafe_settings:
        yield Finding(
            "durability",
            "note",
            f"{' and '.join(health.unsafe_settings)} is off, so a crash of the server may lose answered commits",
            "switch it on in the configuration of the server",
        )
    ahead = "ahead of" if health.skew > 0 else "behind"
    yield _finding(
        "server clock",
        abs(health.skew) <= MAX_LAG_MICROSECONDS,
        f"this machine is {format_duration(abs(health.skew))} {ahead} the server",
        "synchronize the clocks of the machines",
    )
    if health.is_pooled:
        yield _finding(
            "pooler",
            not health.keeps_statements,
            "a pooler is between this machine and the server",
            "set `prepare = false` in [database], unless the pooler keeps a connection for each session",
        )
    if not health.is_heard:
        yield Finding(
            "notifications",
            "note",
            "commits of other processes are noticed only at each [daemon] tick,"
            " and the death of a worker only when its lease ends",
            "name the server itself as `direct_url` in [database]",
        )


def _examine_partitions(txn: BoardTransaction) -> Iterator[Finding]:
    """Yield findings about the partitions of the history, if a board on a server has them."""
    if not txn.sql.dialect.can_partition or not event_partitions.has_partitions(txn.sql):
        return
    partitions, partitioning = event_partitions.partitions_of(txn.sql), event_partitions.read_partitioning(txn.sql)
    detail = f"{counted(len(partitions), 'partition')} of the history, new ones for {partitioning.events:,} events"
    if not event_partitions.may_change(txn.sql):
        problem = "this user does not own the table event, so it neither creates nor removes partitions"
        yield Finding("partitions", "note", f"{detail}; {problem}", "run a daemon as the owner of the tables")
    elif partitions[-1].end <= txn.last_event + 1:
        problem = "the next one is missing, so the process that needs it creates it"
        yield Finding("partitions", "note", f"{detail}; {problem}", "run a daemon, which creates it ahead of need")
    else:
        yield Finding("partitions", "ok", detail)


def _examine_file(health: FileHealth) -> Iterator[Finding]:
    """Yield findings about the file itself: its journal, its pages, its mount and who can read it."""
    yield _finding(
        "journal mode",
        health.journal_mode == "wal",
        health.journal_mode,
        "'blackboard init' sets it; until then readers and writers wait for each other",
    )
    damage = "; ".join(health.damage) or "every page is intact"
    yield _finding(PAGES, not health.damage, damage, "'blackboard restore FILE' replaces the board with a backup")
    if health.is_mounted_alone:
        yield Finding(
            "mount",
            "wrong",
            "the file is mounted without its folder, so its write-ahead log is not on the mount",
            "mount the folder of the board, never the file",
        )
    others = health.open_to_others
    names = ", ".join(map(str, others))
    yield _finding("permissions", not others, names or "only this user has access", "run chmod go= on each of them")


def _examine_space(health: FileHealth) -> Iterator[Finding]:
    """Yield findings about the room on the disk, in the write-ahead log and in the file."""
    size, free, log = health.bytes, health.free_bytes, health.log_bytes
    enough = free >= max(MIN_FREE_BYTES, size // 10)
    yield _finding("disk", enough, f"{_size(free)} free, the board takes {_size(size)}", "free some space on this disk")
    yield _finding(
        "write-ahead log",
        log <= MAX_LOG_BYTES,
        _size(log),
        "a long reading transaction prevents its checkpoint: end the reader, then start the daemon",
    )
    idle = health.idle_bytes
    if size > 16 * MEGABYTE and idle > MAX_IDLE_SHARE * size:
        yield Finding(
            "file",
            "note",
            f"{_size(idle)} of {_size(size)} are unused",
            "new marks will use them; 'blackboard compact' gives them back",
        )


def _examine_skew(txn: BoardTransaction) -> Iterator[Finding]:
    """Report deposits whose depositors' clocks were ahead of the board's."""
    skew = txn.sql.existing(ACTIVATIONS.board)
    if skew.skewed_deposits:
        yield Finding(
            "skew",
            "note",
            f"{counted(skew.skewed_deposits, 'deposit')} occurred up to {format_duration(skew.largest_skew)} ahead of"
            f" the board's time, and counted as now; the last one at {iso(skew.skewed_at)}",
            "set the clocks of the machines that send `occurred_at`",
        )


def _examine_clock(txn: BoardTransaction, board: Blackboard) -> Iterator[Finding]:
    """Yield the finding about the clock of this machine, compared with the board's time."""
    clock = board.clock.now()
    if txn.doubted is not None:
        yield Finding(
            "clock",
            "wrong",
            f"it says {iso(clock)}; the board's last record is from {iso(txn.now)}",
            "if the clock is right, run 'blackboard resume'; otherwise set the machine's clock",
        )
    elif txn.now - clock > MAX_LAG_MICROSECONDS:
        yield Finding(
            "clock",
            "note",
            f"it is {format_duration(txn.now - clock)} behind the board's time",
            "strengths do not fade until it has caught up",
        )
    else:
        yield Finding("clock", "ok", f"{iso(clock)}")


def _examine_pauses(txn: BoardTransaction) -> Iterator[Finding]:
    """Yield findings about what is paused: the board, models and agents."""
    row = txn.sql.existing(ACTIVATIONS.board)
    if row.paused:
        problem = f"the board is paused: {row.paused_because or NO_REASON}"
        yield Finding("pause", "wrong", problem, "'blackboard resume' ends the pause")
    for pause in model_pauses.all_pauses(txn):
        if pause.agent and pause.suspect:  # the failed activation itself is shown
            continue
        again = f"it is tried again at {iso(pause.probe_at)}" if pause.probe_at > txn.now else "the next call tries it"
        problem = f"{model_pauses.problem(pause)} since {iso(pause.since)}; {again}: {pause.reason}"
        yield Finding(
            "model",
            "note" if pause.suspect else "wrong",
            problem,
            "fix the cause; 'blackboard resume' tries the model at once",
        )
    for agent, reason in agent_state.paused_agents(txn).items():
        yield Finding(
            "pause", "note", f"{agent} is paused: {reason or NO_REASON}", f"'blackboard resume {agent}' ends the pause"
        )


def _examine_cooldowns(txn: BoardTransaction) -> Iterator[Finding]:
    """Find the agents that wait because they failed, except those that are paused."""
    paused = agent_state.paused_agents(txn)
    states = txn.sql.all(ACTIVATIONS.agent_states)
    for state in states:
        if (agent := state.agent) in paused or agent not in txn.deployment.agents:
            continue
        if state.failures and state.cooldown_until is not None and state.cooldown_until > txn.now:
            until = iso(state.cooldown_until)
            yield Finding(
                "failures",
                "wrong",
                f"{agent} failed {state.failures} times in a row; its cooldown ends at {until}",
                f"'blackboard activations --agent {agent}' shows the errors, and 'blackboard resume {agent}' ends the"
                " cooldown",
            )


def _examine_schedules(txn: BoardTransaction) -> Iterator[Finding]:
    """Find the schedules whose instant has passed, though nothing defers them."""
    for schedule in schedules(txn, 0):
        since = schedule.next_at or (None if schedule.held_by else schedule.waits_since)
        late = 0 if since is None else txn.now - from_datetime(since)
        if since is not None and late > LATEST_START:
            yield Finding(
                "schedule",
                "wrong",
                f"{schedule.agent}.{schedule.watch}, {schedule.schedule}, has been due since"
                f" {iso(from_datetime(since))}",
                f"let a daemon serve it: 'blackboard run --agents {schedule.agent}';"
                f" 'blackboard explain {schedule.agent}' says what it waits for",
            )


def _examine_workers(txn: BoardTransaction, dead: Collection[str]) -> Iterator[Finding]:
    """Yield findings about workers that run other code than the active one, and about those that died."""
    rows = txn.sql.all(ACTIVATIONS.workers)
    living = [row for row in rows if row.id not in dead]
    for row in living:
        if (problem := served_agents.problem(txn, row)) is not None:
            others = [other for other in living if served_agents.problem(txn, other) is None]
            served = {agent for other in others for agent in served_agents.code_of(other)}
            waits = served_agents.code_of(row).keys() & txn.deployment.agents.keys() - served
            yield Finding(
                "code",
                "wrong" if waits else "note",
                f"worker {row.id}: {problem}",
                "restart it with the active code, or stop it; or deploy its code",
            )
    if died := [f"{row.id}, last seen at {iso(row.seen_at)}" for row in rows if row.id in dead]:
        yield Finding("workers", "wrong", f"died: {'; '.join(died)}", "start a daemon: it recovers their activations")
    elif living:
        yield Finding("workers", "ok", f"{len(living)} running")
    yield from _examine_service(txn, dead, len(living))


def _examine_service(txn: BoardTransaction, dead: Collection[str], living: int) -> Iterator[Finding]:
    """Report that no worker serves the board or some of its agents, and since when.

    It is wrong if work waits for them.
    """
    unserved = {
        agent: problem
        for agent in sorted(txn.deployment.agents)
        if (problem := served_agents.unserved(txn, agent, dead)) is not None
    }
    waiting = Counter(waiting_work(txn, unserved.keys()))
    remote = {agent.name for agent in txn.deployment.agents.values() if agent.remote}
    for agent in unserved if living else unserved.keys() & remote:
        advice = "start a daemon that runs it; 'blackboard run --agents' runs only the agents that it names"
        if agent in remote:
            advice = f"start its worker; 'blackboard claim {agent}' claims for it, too"
        yield _unserved_finding("agent", f"{agent}: {unserved[agent].reason}", waiting.pop(agent, 0), advice)
    if living or (remote and remote == txn.deployment.agents.keys()):
        return
    since = served_agents.board_served_at(txn, dead)
    never = "no daemon serves the board, and no earlier daemon is known"
    unserved_since = never if since is None else f"no daemon has served the board since {iso(since)}"
    yield _unserved_finding(
        "workers",
        f"{unserved_since}; so no agent wakes{', except the agents of remote workers' if remote else ''}",
        waiting.total(),
        "'blackboard run' starts a daemon",
    )


def _unserved_finding(name: str, detail: str, waiting: int, advice: str) -> Finding:
    if not waiting:
        return Finding(name, "note", detail, advice)
    return Finding(name, "wrong", f"{detail}; waiting crossings and activations: {waiting}", advice)


def _examine_gone(txn: BoardTransaction) -> Iterator[Finding]:
    for agent, work in gone_agents.work_left(txn).items():
        held = f"{counted(work.activations, 'activation')} and {counted(work.crossings, 'crossing')}"
        yield Finding(
            "agent",
            "wrong" if work.activations else "note",  # only the marks of activations are absorbed
            f"{agent} is not in the active deployment; {held} are held",
            "put it back into the deployment file, or name it in `renamed_from` of its successor; or give activations"
            " up: 'blackboard activations --state held' shows them, 'blackboard discard ID' gives one up",
        )


def _examine_models(txn: BoardTransaction, dead: Collection[str]) -> Iterator[Finding]:
    """Report the provider and model that answer, as the workers have registered them."""
    workers: dict[str, list[str]] = {}
    for row in txn.sql.all(ACTIVATIONS.workers):
        if row.model is not None and row.id not in dead:
            workers.setdefault(row.model, []).append(row.id)
    for model, ids in sorted(workers.items()):
        yield Finding(MODEL, "note", f"{model} (worker {', '.join(ids)})")


def _examine_leases(txn: BoardTransaction) -> Iterator[Finding]:
    rows = txn.sql.all(ACTIVATIONS.running)
    expired = [row for row in rows if row.lease_until is not None and row.lease_until <= txn.now]
    ids = ", ".join(str(row.id) for row in expired[:10])
    detail = f"expired for activation {ids}" if expired else f"{len(rows)} running"
    advice = "start a daemon: it recovers them"
    if all(map(is_remote, expired)):
        advice = "a server or a daemon recovers them, and so does the next claim of a worker"
    yield _finding("leases", not expired, detail, advice)


def _examine_stuck(txn: BoardTransaction) -> Iterator[Finding]:
    for state in (ActivationState.DEAD, ActivationState.QUARANTINED, ActivationState.HELD):
        if count := len(txn.sql.all(ACTIVATIONS.in_state, state=state)):
            advice = (
                f"'blackboard activations --state {state}' shows them; 'blackboard retry ID' or 'blackboard discard ID'"
                " ends one"
            )
            yield Finding(
                f"{state} activations",
                "note" if state == ActivationState.HELD else "wrong",
                f"{count} {state}",
                advice,
            )
        elif state == ActivationState.DEAD:
            yield Finding("dead activations", "ok", "none")


def _examine_outbox(txn: BoardTransaction) -> Iterator[Finding]:
    """Find the sinks whose messages do not arrive."""
    sinks = outbox_messages.overview(txn)
    for sink in sinks:
        if sink.given_up:
            yield Finding(
                "outbox",
                "wrong",
                f"{counted(sink.given_up, 'message')} to {sink.sink} were given up: {sink.error}",
                f"fix the cause; 'blackboard outbox list --sink {sink.sink}' shows them, 'blackboard outbox retry ID'"
                " sends one again, and 'blackboard outbox discard ID' gives one up",
            )
        elif sink.retried:
            yield Finding(
                "outbox",
                "wrong",
                f"{counted(sink.waiting, 'message')} could not be delivered to {sink.sink} so far: {sink.error}",
                f"fix its receiver or settings; 'blackboard outbox list --sink {sink.sink}' shows the next attempt",
            )
        elif sink.waiting_since is not None and txn.now - from_datetime(sink.waiting_since) > LATEST_DELIVERY:
            yield Finding(
                "outbox",
                "wrong",
                f"no process delivers to {sink.sink}; the oldest of {counted(sink.waiting, 'message')} has waited since"
                f" {iso(from_datetime(sink.waiting_since))}",
                "start 'blackboard run' or 'blackboard serve' with the file that has this sink",
            )
    if txn.deployment.sinks and not any(sink.given_up or sink.retried for sink in sinks):
        waiting = sum(sink.waiting for sink in sinks)
        yield Finding("outbox", "ok", f"{counted(waiting, 'message')} waiting")


def _examine_unreadable(txn: BoardTransaction, board: Blackboard) -> Iterator[Finding]:
    try:
        misfits_by_kind = unreadable_marks.find(txn, txn.deployment, board.session.classes)
    except BlackboardError as error:
        yield Finding(
            "marks", "note", f"not compared with their classes: {error}", "'blackboard check' names every mistake"
        )
        return
    for kind, misfits in misfits_by_kind.items():
        advice = "fix the class so that it reads them, and run 'blackboard init'; or withdraw the marks"
        yield Finding("marks", "wrong", f"the class of {kind} cannot read {misfits}", advice)
    if not misfits_by_kind:
        yield Finding("marks", "ok", "all live marks fit their classes")


def _examine_inbox(txn: BoardTransaction) -> Iterator[Finding]:
    open_needs = needs_overview.count(txn, txn.now - LATEST_START)
    if open_needs.number:
        detail = f"open questions: {open_needs.number}"
        yield Finding("inbox", "note", detail, "'blackboard inbox --all' lists them")
    if not open_needs.overdue:
        return
    [oldest] = needs_overview.waiting(txn, limit=1)
    detail = f"{open_needs.overdue} overdue; the oldest is need {oldest.id}, on {oldest.subject!r}{need_parts(oldest)}"
    advice = f"'blackboard answer {oldest.id} ...' answers it; 'blackboard inbox' lists them"
    if open_needs.unnoticed:
        detail += f"; {open_needs.unnoticed} without a mark 'overdue', because no daemon ran"
        advice += "; 'blackboard run' deposits the marks"
    yield Finding("overdue", "wrong", detail, advice)


def _examine_answering_agents(txn: BoardTransaction, dead: Collection[str]) -> Iterator[Finding]:
    """Report open needs that name unknown agents, and open needs that wait for agents without a worker."""
    unknown: dict[str, list[int]] = {}
    unserved: dict[str, list[int]] = {}
    known = {name for agent in txn.deployment.agents.values() for name in agent.names}
    for kept in txn.sql.all(MARKS.answerable_needs):
        row = txn.sql.one(MARKS.get_mark, id=kept.mark_id)
        if row is None or not row.is_live(txn.now):
            continue
        for name in dict.fromkeys(need_access.named_agents(row)):
            if name not in known:
                unknown.setdefault(name, []).append(row.id)
        for name in need_agents.find(txn, row.id, kept.answerable_by).waits_for:
            unserved.setdefault(name, []).append(row.id)
    for name, needs in unknown.items():
        detail = f"{_named(needs)} names {name!r}, and there is no such agent{nearest(name, known)}"
        yield Finding("needs", "note", detail, "'blackboard inbox' shows the needs that no agent is working on")
    for name, needs in unserved.items():
        if (problem := served_agents.unserved(txn, name, dead)) is not None:
            detail = f"{_named(needs)} waits for {name}: {problem.reason}"
            advice = "start a daemon that runs the agent; 'blackboard inbox --all' shows every need"
            yield Finding("needs", "wrong", detail, advice)


def _named(needs: Sequence[int]) -> str:
    """Return some needs by their ids, such as `need 17 and 2 more`."""
    more = f" and {len(needs) - 1} more" if len(needs) > 1 else ""
    return f"need {needs[0]}{more}"


def _examine_backfills(txn: BoardTransaction) -> Iterator[Finding]:
    if count := len(txn.sql.all(CROSSINGS.backfills)):
        detail = f"{count} changes of the deployment are still being applied to the marks"
        yield Finding("backfills", "note", detail, "a daemon, or the next 'blackboard init', continues them")


def _examine_erasures(txn: BoardTransaction) -> Iterator[Finding]:
    if (due_at := file_compaction.due_since(txn)) is not None:
        detail = f"unused parts of the file may still contain words of a subject that was forgotten at {iso(due_at)}"
        yield Finding("erasure", "wrong", detail, "'blackboard compact' finishes it")


def _examine_drift(txn: BoardTransaction, deployment: Deployment | None) -> Iterator[Finding]:
    if deployment is None:
        return
    # The board keeps kinds that its file no longer names, and adds two of its own.
    wanted = redeployment.with_known_kinds(txn, deployment).with_kinds(BUILT_IN_KINDS)
    same = wanted.content() == txn.deployment.content()
    detail = f"version {txn.deployment.version} is active" + ("" if same else "; the deployment file differs from it")
    yield _finding(
        "deployment", same, detail, "'blackboard check --against-board' shows what 'blackboard init' would change"
    )


def _finding(name: str, fine: bool, detail: str, advice: str) -> Finding:
    return Finding(name, "ok", detail) if fine else Finding(name, "wrong", detail, advice)


def _size(count: int) -> str:
    return f"{count / MEGABYTE:.1f} MB"
