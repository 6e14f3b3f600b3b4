"""The methods of both clients, a line for each call. `make methods` writes this file from the calls."""

from __future__ import annotations

from blackboard.client.calls import (
    activation_calls,
    agents_and_agenda_calls,
    board_calls,
    claim_calls,
    deposit_calls,
    event_calls,
    mark_calls,
    need_calls,
    outbox_calls,
    read_position_calls,
)
from blackboard.client.method_builders import (
    AsyncCallRunner,
    SyncCallRunner,
    async_event_method,
    async_method,
    sync_event_method,
    sync_method,
)


class ClientMethods(SyncCallRunner):
    """The methods of a client that waits for each response."""

    activations = sync_method(activation_calls.activations)
    activation = sync_method(activation_calls.activation)
    retry = sync_method(activation_calls.retry)
    discard = sync_method(activation_calls.discard)
    retry_many = sync_method(activation_calls.retry_many)
    discard_many = sync_method(activation_calls.discard_many)
    costs = sync_method(activation_calls.costs)
    record_cost = sync_method(activation_calls.record_cost)
    agents = sync_method(agents_and_agenda_calls.agents)
    agenda = sync_method(agents_and_agenda_calls.agenda)
    schedules = sync_method(agents_and_agenda_calls.schedules)
    explain = sync_method(agents_and_agenda_calls.explain)
    pause = sync_method(agents_and_agenda_calls.pause)
    resume = sync_method(agents_and_agenda_calls.resume)
    wake = sync_method(agents_and_agenda_calls.wake)
    activity = sync_method(board_calls.activity)
    status = sync_method(board_calls.status)
    summary = sync_method(board_calls.summary)
    now = sync_method(board_calls.now)
    doctor = sync_method(board_calls.doctor)
    deployments = sync_method(board_calls.deployments)
    query = sync_method(board_calls.query)
    query_table = sync_method(board_calls.query_table)
    forget = sync_method(board_calls.forget)
    claim = sync_method(claim_calls.claim)
    heartbeat = sync_method(claim_calls.heartbeat)
    finish = sync_method(claim_calls.finish)
    fail = sync_method(claim_calls.fail)
    deposit = sync_method(deposit_calls.deposit)
    deposit_many = sync_method(deposit_calls.deposit_many)
    events = sync_event_method(event_calls.events)
    marks = sync_method(mark_calls.marks)
    search = sync_method(mark_calls.search)
    mark = sync_method(mark_calls.mark)
    withdraw = sync_method(mark_calls.withdraw)
    reinforce = sync_method(mark_calls.reinforce)
    history = sync_method(mark_calls.history)
    subjects = sync_method(mark_calls.subjects)
    kinds = sync_method(mark_calls.kinds)
    inbox = sync_method(need_calls.inbox)
    answer = sync_method(need_calls.answer)
    decision = sync_method(need_calls.decision)
    assign = sync_method(need_calls.assign)
    outbox = sync_method(outbox_calls.outbox)
    outbox_message = sync_method(outbox_calls.outbox_message)
    retry_message = sync_method(outbox_calls.retry_message)
    discard_message = sync_method(outbox_calls.discard_message)
    retry_messages = sync_method(outbox_calls.retry_messages)
    discard_messages = sync_method(outbox_calls.discard_messages)
    read_position = sync_method(read_position_calls.read_position)
    set_read_position = sync_method(read_position_calls.set_read_position)


class AsyncClientMethods(AsyncCallRunner):
    """The methods of a client that awaits each response."""

    activations = async_method(activation_calls.activations)
    activation = async_method(activation_calls.activation)
    retry = async_method(activation_calls.retry)
    discard = async_method(activation_calls.discard)
    retry_many = async_method(activation_calls.retry_many)
    discard_many = async_method(activation_calls.discard_many)
    costs = async_method(activation_calls.costs)
    record_cost = async_method(activation_calls.record_cost)
    agents = async_method(agents_and_agenda_calls.agents)
    agenda = async_method(agents_and_agenda_calls.agenda)
    schedules = async_method(agents_and_agenda_calls.schedules)
    explain = async_method(agents_and_agenda_calls.explain)
    pause = async_method(agents_and_agenda_calls.pause)
    resume = async_method(agents_and_agenda_calls.resume)
    wake = async_method(agents_and_agenda_calls.wake)
    activity = async_method(board_calls.activity)
    status = async_method(board_calls.status)
    summary = async_method(board_calls.summary)
    now = async_method(board_calls.now)
    doctor = async_method(board_calls.doctor)
    deployments = async_method(board_calls.deployments)
    query = async_method(board_calls.query)
    query_table = async_method(board_calls.query_table)
    forget = async_method(board_calls.forget)
    claim = async_method(claim_calls.claim)
    heartbeat = async_method(claim_calls.heartbeat)
    finish = async_method(claim_calls.finish)
    fail = async_method(claim_calls.fail)
    deposit = async_method(deposit_calls.deposit)
    deposit_many = async_method(deposit_calls.deposit_many)
    events = async_event_method(event_calls.events)
    marks = async_method(mark_calls.marks)
    search = async_method(mark_calls.search)
    mark = async_method(mark_calls.mark)
    withdraw = async_method(mark_calls.withdraw)
    reinforce = async_method(mark_calls.reinforce)
    history = async_method(mark_calls.history)
    subjects = async_method(mark_calls.subjects)
    kinds = async_method(mark_calls.kinds)
    inbox = async_method(need_calls.inbox)
    answer = async_method(need_calls.answer)
    decision = async_method(need_calls.decision)
    assign = async_method(need_calls.assign)
    outbox = async_method(outbox_calls.outbox)
    outbox_message = async_method(outbox_calls.outbox_message)
    retry_message = async_method(outbox_calls.retry_message)
    discard_message = async_method(outbox_calls.discard_message)
    retry_messages = async_method(outbox_calls.retry_messages)
    discard_messages = async_method(outbox_calls.discard_messages)
    read_position = async_method(read_position_calls.read_position)
    set_read_position = async_method(read_position_calls.set_read_position)
