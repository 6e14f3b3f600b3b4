"""The methods of both clients, a line for each call. `make methods` writes this file from the calls."""

from __future__ import annotations

from blackboard.client.call_methods import (
    AwaitingCaller,
    WaitingCaller,
    awaits,
    iterates,
    iterates_async,
    waits,
)
from blackboard.client.calls import (
    agenda_calls,
    board_events,
    claim_calls,
    deposit_calls,
    mark_change_calls,
    need_calls,
    outbox_calls,
    query_calls,
    read_position_calls,
    reading_calls,
    status_calls,
)


class ClientMethods(WaitingCaller):
    """The methods of a client that waits for each response."""

    agents = waits(agenda_calls.agents)
    agenda = waits(agenda_calls.agenda)
    schedules = waits(agenda_calls.schedules)
    activations = waits(agenda_calls.activations)
    activation = waits(agenda_calls.activation)
    explain = waits(agenda_calls.explain)
    pause = waits(agenda_calls.pause)
    resume = waits(agenda_calls.resume)
    wake = waits(agenda_calls.wake)
    retry = waits(agenda_calls.retry)
    discard = waits(agenda_calls.discard)
    retry_many = waits(agenda_calls.retry_many)
    discard_many = waits(agenda_calls.discard_many)
    costs = waits(agenda_calls.costs)
    record_cost = waits(agenda_calls.record_cost)
    claim = waits(claim_calls.claim)
    heartbeat = waits(claim_calls.heartbeat)
    finish = waits(claim_calls.finish)
    fail = waits(claim_calls.fail)
    deposit = waits(deposit_calls.deposit)
    deposit_many = waits(deposit_calls.deposit_many)
    withdraw = waits(mark_change_calls.withdraw)
    reinforce = waits(mark_change_calls.reinforce)
    forget = waits(mark_change_calls.forget)
    inbox = waits(need_calls.inbox)
    answer = waits(need_calls.answer)
    decision = waits(need_calls.decision)
    assign = waits(need_calls.assign)
    outbox = waits(outbox_calls.outbox)
    outbox_message = waits(outbox_calls.outbox_message)
    retry_message = waits(outbox_calls.retry_message)
    discard_message = waits(outbox_calls.discard_message)
    retry_messages = waits(outbox_calls.retry_messages)
    discard_messages = waits(outbox_calls.discard_messages)
    query = waits(query_calls.query)
    query_table = waits(query_calls.query_table)
    read_position = waits(read_position_calls.read_position)
    set_read_position = waits(read_position_calls.set_read_position)
    marks = waits(reading_calls.marks)
    search = waits(reading_calls.search)
    mark = waits(reading_calls.mark)
    history = waits(reading_calls.history)
    subjects = waits(reading_calls.subjects)
    kinds = waits(reading_calls.kinds)
    activity = waits(status_calls.activity)
    status = waits(status_calls.status)
    summary = waits(status_calls.summary)
    now = waits(status_calls.now)
    doctor = waits(status_calls.doctor)
    deployments = waits(status_calls.deployments)
    events = iterates(board_events.events)


class AsyncClientMethods(AwaitingCaller):
    """The methods of a client that awaits each response."""

    agents = awaits(agenda_calls.agents)
    agenda = awaits(agenda_calls.agenda)
    schedules = awaits(agenda_calls.schedules)
    activations = awaits(agenda_calls.activations)
    activation = awaits(agenda_calls.activation)
    explain = awaits(agenda_calls.explain)
    pause = awaits(agenda_calls.pause)
    resume = awaits(agenda_calls.resume)
    wake = awaits(agenda_calls.wake)
    retry = awaits(agenda_calls.retry)
    discard = awaits(agenda_calls.discard)
    retry_many = awaits(agenda_calls.retry_many)
    discard_many = awaits(agenda_calls.discard_many)
    costs = awaits(agenda_calls.costs)
    record_cost = awaits(agenda_calls.record_cost)
    claim = awaits(claim_calls.claim)
    heartbeat = awaits(claim_calls.heartbeat)
    finish = awaits(claim_calls.finish)
    fail = awaits(claim_calls.fail)
    deposit = awaits(deposit_calls.deposit)
    deposit_many = awaits(deposit_calls.deposit_many)
    withdraw = awaits(mark_change_calls.withdraw)
    reinforce = awaits(mark_change_calls.reinforce)
    forget = awaits(mark_change_calls.forget)
    inbox = awaits(need_calls.inbox)
    answer = awaits(need_calls.answer)
    decision = awaits(need_calls.decision)
    assign = awaits(need_calls.assign)
    outbox = awaits(outbox_calls.outbox)
    outbox_message = awaits(outbox_calls.outbox_message)
    retry_message = awaits(outbox_calls.retry_message)
    discard_message = awaits(outbox_calls.discard_message)
    retry_messages = awaits(outbox_calls.retry_messages)
    discard_messages = awaits(outbox_calls.discard_messages)
    query = awaits(query_calls.query)
    query_table = awaits(query_calls.query_table)
    read_position = awaits(read_position_calls.read_position)
    set_read_position = awaits(read_position_calls.set_read_position)
    marks = awaits(reading_calls.marks)
    search = awaits(reading_calls.search)
    mark = awaits(reading_calls.mark)
    history = awaits(reading_calls.history)
    subjects = awaits(reading_calls.subjects)
    kinds = awaits(reading_calls.kinds)
    activity = awaits(status_calls.activity)
    status = awaits(status_calls.status)
    summary = awaits(status_calls.summary)
    now = awaits(status_calls.now)
    doctor = awaits(status_calls.doctor)
    deployments = awaits(status_calls.deployments)
    events = iterates_async(board_events.events)
