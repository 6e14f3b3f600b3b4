"""The type of each statement. `make statements` writes this file from the SQL."""

from blackboard.clock import Instant
from blackboard.store.row_types.activation_row_types import (
    ActivationBehind,
    ActivationRow,
    AgentLoad,
    AgentStateRow,
    DeferredWork,
    EndedActivation,
    InputEvent,
    MarkBehind,
    RunToEnd,
    StateCount,
)
from blackboard.store.row_types.board_row_types import (
    AccessTokenRow,
    ActivityEntry,
    BoardRow,
    DueInstants,
    LastIds,
    MessageRow,
    NamedCount,
    NewestWork,
    SinkMessages,
    TransactionStart,
    WorkerRow,
)
from blackboard.store.row_types.column_types import Id, Money
from blackboard.store.row_types.deployment_row_types import BackfillRow, DeploymentRow, KindRow, LawChangeRow
from blackboard.store.row_types.mark_row_types import (
    DepositKeyRow,
    ErasedEvent,
    EventCount,
    EventRow,
    LiveCount,
    LiveMark,
    MarkKey,
    MarkRow,
    MarkTagRow,
    MarkWithEvent,
    NeedCount,
    OpenNeedRow,
    ReadPositionRow,
    WaitingNeedRow,
    WindowEventRow,
    WindowPayload,
    WindowTagRow,
)
from blackboard.store.row_types.model_call_row_types import (
    CallRow,
    CallUsage,
    DailyCost,
    ModelCost,
    ModelPauseRow,
    Spent,
    SpentByActivation,
    UsageByActivation,
)
from blackboard.store.row_types.search_row_types import DocText, FoundDoc, MarkStrength, SearchDocRow, SearchKindRow
from blackboard.store.row_types.watch_row_types import (
    AbsorbedByWatch,
    AbsorbedRow,
    BatchWindow,
    CrossingRow,
    DeferralCount,
    DeferredCrossing,
    GoneCrossing,
    PredictedCrossingRow,
    StimulusSums,
    WaitingWatch,
    WatchCount,
    WatchRow,
    WatchStateRow,
    WatchTotalRow,
)
from blackboard.store.statement_file import Statement, StatementFile

class _Marks(StatementFile):
    transaction_start: Statement[TransactionStart]
    record_time: Statement[object]
    confirm_time: Statement[object]
    insert_event: Statement[object]
    insert_mark: Statement[object]
    update_mark: Statement[object]
    rebase_mark: Statement[object]
    delete_mark: Statement[object]
    get_mark: Statement[MarkRow]
    mark_with_event: Statement[MarkWithEvent]
    marks_with_events: Statement[MarkWithEvent]
    marks_of_subject: Statement[MarkRow]
    marks_of_subjects: Statement[MarkRow]
    marks_of_group: Statement[MarkRow]
    marks_of_kind: Statement[MarkRow]
    marks_changed_between: Statement[MarkRow]
    marks_changed_since: Statement[MarkRow]
    evaporated_marks: Statement[MarkRow]
    next_evaporation: Statement[Instant | None]
    count_live_marks: Statement[NamedCount]
    count_events_after: Statement[EventCount]
    count_faded_unseen: Statement[int]
    delete_absorbed_of_mark: Statement[object]
    find_key: Statement[DepositKeyRow]
    keys_of_deposits: Statement[DepositKeyRow]
    insert_key: Statement[object]
    get_read_position: Statement[ReadPositionRow]
    set_read_position: Statement[object]
    marks_of_source: Statement[Id]
    keys_of_source: Statement[DepositKeyRow]
    delete_key: Statement[object]
    deposits_of_mark: Statement[EventRow]
    activations_behind: Statement[ActivationBehind]
    agents_given_mark: Statement[str]
    holders_of_unique_value: Statement[Id]
    insert_unique_value: Statement[object]
    delete_unique_values: Statement[object]
    delete_unique_value: Statement[object]
    insert_tag: Statement[object]
    tags_of_mark: Statement[MarkTagRow]
    delete_tags_of_mark: Statement[object]
    delete_tag: Statement[object]
    next_tag_value: Statement[str | None]
    count_tagged: Statement[int]
    find_law: Statement[str]
    get_law_spec: Statement[str]
    insert_law: Statement[object]
    insert_law_segment: Statement[object]
    insert_kind: Statement[object]
    update_kind: Statement[object]
    get_event: Statement[EventRow]
    last_event_of_mark: Statement[EventRow]
    decisions_after_need: Statement[EventRow]
    events_of_activation: Statement[EventRow]
    events_of_subject: Statement[EventRow]
    newest_of_subject: Statement[EventRow]
    next_subject: Statement[str | None]
    last_events_up_to: Statement[EventRow]
    newest_events: Statement[EventRow]
    evaporations_since: Statement[EventRow]
    evaporations_of_subject: Statement[EventRow]
    events_after: Statement[EventRow]
    last_deposit_of_mark: Statement[EventRow]
    next_event: Statement[EventRow]
    state_of_mark_at: Statement[EventRow]
    last_deposit_of_subject: Statement[EventRow]
    count_skew: Statement[object]
    last_deposit: Statement[EventRow]
    last_deposit_of_others: Statement[Id | None]
    count_reinforcements: Statement[int]
    live_marks: Statement[LiveMark]
    live_marks_in_order: Statement[LiveMark]
    oldest_of_equal_marks: Statement[LiveMark]
    next_law_in_use: Statement[str]
    next_followed_law: Statement[str]
    marks_with_own_law: Statement[MarkRow]
    count_live: Statement[LiveCount]
    count_own_laws: Statement[NamedCount]
    stimuli_of_subject: Statement[MarkRow]
    stimuli_of_group: Statement[MarkRow]
    stimuli_of_board: Statement[MarkRow]
    tagged_stimuli_of_board: Statement[MarkRow]
    sum_stimuli: Statement[StimulusSums]
    sum_expired_stimuli: Statement[StimulusSums]
    expired_stimuli: Statement[MarkRow]
    put_open_need: Statement[object]
    get_open_need: Statement[OpenNeedRow]
    all_open_needs: Statement[OpenNeedRow]
    answerable_needs: Statement[OpenNeedRow]
    due_needs: Statement[OpenNeedRow]
    open_needs: Statement[WaitingNeedRow]
    count_open_needs: Statement[NeedCount]
    next_due_need: Statement[Instant | None]
    end_reminder: Statement[object]
    delete_open_need: Statement[object]

class _Crossings(StatementFile):
    all_watches: Statement[WatchRow]
    insert_watch: Statement[object]
    find_watch: Statement[int]
    set_watch_active: Statement[object]
    set_watch_condition: Statement[object]
    rename_agent_of_watches: Statement[object]
    set_scheduled_from: Statement[object]
    forget_schedule: Statement[object]
    get_watermark: Statement[Id]
    set_watermark: Statement[object]
    get_watch: Statement[WatchRow]
    get_absorbed: Statement[AbsorbedRow]
    absorbed_of_marks: Statement[AbsorbedRow]
    absorbed_by_watches: Statement[AbsorbedByWatch]
    set_absorbed: Statement[object]
    delete_absorbed: Statement[object]
    dropped_marks: Statement[MarkRow]
    delete_absorbed_of_inputs: Statement[object]
    absorb_marks_of_author: Statement[object]
    absorb_up_to: Statement[object]
    absorb_inputs: Statement[object]
    insert_crossing: Statement[object]
    renew_crossing: Statement[object]
    renew_scheduled: Statement[object]
    last_scheduled: Statement[CrossingRow]
    crossed_since: Statement[Id]
    waiting_crossing: Statement[CrossingRow]
    last_crossing_id: Statement[Id]
    get_crossing: Statement[CrossingRow]
    crossings_since: Statement[CrossingRow]
    waiting_of_watch: Statement[CrossingRow]
    waiting_of_scope: Statement[CrossingRow]
    strongest_of_law: Statement[CrossingRow]
    first_ready: Statement[Instant | None]
    ending_deferrals: Statement[CrossingRow]
    first_window: Statement[BatchWindow]
    waiting_watches: Statement[WaitingWatch]
    count_waiting_marks: Statement[int]
    full_scope: Statement[str]
    claimable_of_law: Statement[CrossingRow]
    first_claimable: Statement[CrossingRow]
    next_law_waiting: Statement[str | None]
    defer_crossing: Statement[object]
    wake_crossing: Statement[object]
    defer_for_retest: Statement[object]
    deferred_for_retest: Statement[CrossingRow]
    restate_crossing: Statement[object]
    antedate_crossing: Statement[object]
    set_order: Statement[object]
    set_order_of_waiting: Statement[object]
    close_crossing: Statement[object]
    release_watch: Statement[object]
    release_scope: Statement[object]
    close_watch: Statement[object]
    close_gone_of_mark: Statement[object]
    waiting_for_gone: Statement[GoneCrossing]
    first_waiting: Statement[Instant | None]
    count_waiting_for_gone: Statement[NamedCount]
    give_crossing: Statement[object]
    finish_crossings: Statement[object]
    move_crossing: Statement[object]
    move_crossings_without_marks: Statement[object]
    count_waiting: Statement[WatchCount]
    waiting_by_deferral: Statement[DeferralCount]
    count_crossings_after: Statement[WatchCount]
    crossings_of_activation: Statement[CrossingRow]
    get_predicted_crossing: Statement[PredictedCrossingRow]
    set_predicted_crossing: Statement[object]
    delete_predicted_crossing: Statement[object]
    delete_predicted_of_watch: Statement[object]
    due_predicted: Statement[PredictedCrossingRow]
    predictions_after: Statement[PredictedCrossingRow]
    due_predicted_of_scope: Statement[PredictedCrossingRow]
    due_predicted_of_watch: Statement[PredictedCrossingRow]
    get_watch_state: Statement[WatchStateRow]
    set_watch_state: Statement[object]
    delete_watch_state: Statement[object]
    delete_states_of_watch: Statement[object]
    recheck_states: Statement[object]
    states_of_scope: Statement[WatchStateRow]
    insert_followed: Statement[object]
    delete_followed: Statement[object]
    predicted_of_scope: Statement[PredictedCrossingRow]
    due_instants: Statement[DueInstants]
    next_predicted: Statement[Instant | None]
    next_predictions: Statement[PredictedCrossingRow]
    next_predicted_fall: Statement[Instant]
    watch_totals: Statement[WatchTotalRow]
    set_watch_total: Statement[object]
    delete_watch_totals: Statement[object]
    delete_totals_of_scope: Statement[object]
    delete_totals_of_law: Statement[object]
    backfills: Statement[BackfillRow]
    insert_backfill: Statement[object]
    move_backfill: Statement[object]
    delete_backfill: Statement[object]

class _Activations(StatementFile):
    insert_activation: Statement[object]
    insert_running_activation: Statement[object]
    last_activation_id: Statement[Id]
    get_activation: Statement[ActivationRow]
    run_to_end: Statement[RunToEnd]
    split_from: Statement[ActivationRow]
    set_state: Statement[object]
    start_activation: Statement[object]
    finish_activation: Statement[object]
    set_lease: Statement[object]
    set_result_digest: Statement[object]
    set_traceparent: Statement[object]
    waking_traceparents: Statement[str]
    running_of_agent: Statement[ActivationRow]
    extend_leases: Statement[object]
    next_due: Statement[ActivationRow]
    next_suspect: Statement[ActivationRow]
    agents_with_suspects: Statement[str]
    clear_deaths: Statement[object]
    deferred_crossings: Statement[DeferredCrossing]
    deferred_work: Statement[DeferredWork]
    agent_load: Statement[AgentLoad]
    running: Statement[ActivationRow]
    unfinished_in_state: Statement[ActivationRow]
    in_state: Statement[ActivationRow]
    newest: Statement[ActivationRow]
    count_by_state: Statement[StateCount]
    count_unfinished: Statement[StateCount]
    ended_since: Statement[EndedActivation]
    count_since: Statement[int]
    nth_newest: Statement[Instant]
    held_of_watch: Statement[ActivationRow]
    defer_until: Statement[object]
    held_for_a_while: Statement[ActivationRow]
    held_by_budget: Statement[ActivationRow]
    submit_again: Statement[object]
    explain_held: Statement[object]
    insert_input: Statement[object]
    inputs: Statement[InputEvent]
    marks_behind: Statement[MarkBehind]
    subjects_of_inputs: Statement[str]
    unfinished_of_subject: Statement[ActivationRow]
    last_absorbed_event: Statement[Id | None]
    agents_at_work: Statement[str]
    delete_input: Statement[object]
    renew_input: Statement[object]
    delete_reads: Statement[object]
    move_input: Statement[object]
    copy_reads: Statement[object]
    absorbed_marks: Statement[Id]
    set_marks: Statement[object]
    give_back_attempts: Statement[object]
    agent_states: Statement[AgentStateRow]
    get_agent_state: Statement[AgentStateRow]
    set_cooldown: Statement[object]
    set_pause: Statement[object]
    set_served_at: Statement[object]
    rename_agent_state: Statement[object]
    rename_unfinished: Statement[object]
    rename_subject_cooldowns: Statement[object]
    delete_subject_cooldowns: Statement[object]
    end_subject_cooldown: Statement[object]
    get_subject_cooldown: Statement[Instant]
    set_subject_cooldown: Statement[object]
    board: Statement[BoardRow]
    board_uid: Statement[str]
    pause_board: Statement[object]
    workers: Statement[WorkerRow]
    insert_worker: Statement[object]
    set_agents_of_worker: Statement[object]
    see_worker: Statement[object]
    delete_worker: Statement[object]

class _ModelCalls(StatementFile):
    insert_call: Statement[object]
    last_call_id: Statement[Id]
    get_call: Statement[CallRow]
    calls_of_activation: Statement[CallRow]
    update_call: Statement[object]
    record_error: Statement[object]
    apply_call: Statement[object]
    end_answers_as_unusable: Statement[object]
    reopen_calls: Statement[object]
    clear_errors: Statement[object]
    clear_all_errors: Statement[object]
    spent: Statement[Spent]
    spent_by_activation: Statement[SpentByActivation]
    calls_to_submit: Statement[CallRow]
    call_to_try: Statement[CallRow]
    plan_again: Statement[object]
    submitted_calls: Statement[CallRow]
    count_in_batch_api: Statement[NamedCount]
    name_batch: Statement[object]
    answered_in_batch_api: Statement[Id]
    get_model_pause: Statement[ModelPauseRow]
    model_pauses: Statement[ModelPauseRow]
    pauses_of_agent: Statement[ModelPauseRow]
    set_model_pause: Statement[object]
    probe_models: Statement[object]
    delete_model_pause: Statement[object]
    count_open_calls: Statement[NamedCount]
    unanswered_call_ids: Statement[Id]
    usage_after: Statement[CallUsage]
    usage_of: Statement[CallUsage]
    count_sent: Statement[int]
    reserved_money: Statement[Money]
    costs: Statement[DailyCost]
    usage_by_activation: Statement[UsageByActivation]
    costs_by_model: Statement[ModelCost]

class _Deployments(StatementFile):
    active_deployment: Statement[DeploymentRow]
    deployment_at: Statement[DeploymentRow]
    deployments: Statement[DeploymentRow]
    newest_deployments: Statement[DeploymentRow]
    insert_deployment: Statement[object]
    set_version: Statement[object]
    get_kind: Statement[KindRow]
    law_changes: Statement[LawChangeRow]
    insert_law_change: Statement[object]
    delete_law_changes: Statement[object]
    law_names: Statement[str]
    get_views_hash: Statement[str | None]
    set_views_hash: Statement[object]

class _Erasure(StatementFile):
    marks_to_erase: Statement[MarkRow]
    owe_compaction: Statement[object]
    owed_compaction: Statement[Instant | None]
    end_compaction: Statement[object]
    count_events: Statement[int]
    erased_events: Statement[ErasedEvent]
    activations_of_subject: Statement[ActivationRow]
    calls_naming: Statement[Id]
    call_ids_of_activation: Statement[Id]
    marks_naming: Statement[Id]
    close_crossings: Statement[object]
    rename_crossings: Statement[object]
    rename_activity: Statement[object]
    rename_activations: Statement[object]
    erase_error: Statement[object]
    erase_error_copies: Statement[object]
    erase_pause: Statement[object]
    erase_events: Statement[object]
    erase_call: Statement[object]
    delete_keys: Statement[object]
    delete_cooldowns: Statement[object]
    delete_predicted: Statement[object]
    delete_watch_states: Statement[object]
    delete_totals: Statement[object]
    delete_followed_watches: Statement[object]

class _Retention(StatementFile):
    oldest_event: Statement[Instant]
    old_events_of_kinds: Statement[EventRow]
    delete_old_events: Statement[object]
    old_events_of_kinds_below: Statement[EventRow]
    delete_old_events_below: Statement[object]
    count_between: Statement[int]
    count_old_between: Statement[int]
    old_events_of_kinds_between: Statement[EventRow]
    staying_events: Statement[EventRow]
    staying_events_of_subjects: Statement[EventRow]
    crossing_waits_for_board: Statement[int]
    newest_work: Statement[NewestWork]
    noticed_at: Statement[Instant]
    subjects_since: Statement[str]
    event_behind: Statement[Id]
    newest_below: Statement[Instant]
    old_activations: Statement[Id]
    delete_activations: Statement[object]
    delete_inputs: Statement[object]
    delete_crossings: Statement[object]
    delete_calls: Statement[object]
    delete_old_crossings: Statement[object]
    delete_old_keys: Statement[object]
    delete_old_calls: Statement[object]
    delete_old_cooldowns: Statement[object]
    delete_absorbed_of_gone: Statement[object]
    count_laws: Statement[int]
    delete_old_activity: Statement[object]
    unused_laws: Statement[str]
    delete_law_segments: Statement[object]
    delete_law: Statement[object]

class _Windows(StatementFile):
    insert_window_event: Statement[object]
    insert_window_tag: Statement[object]
    tags_of_deposit: Statement[WindowTagRow]
    window_of_subject: Statement[WindowEventRow]
    window_of_board: Statement[WindowEventRow]
    window_of_group: Statement[WindowEventRow]
    sum_window: Statement[StimulusSums]
    sum_window_of_subject: Statement[StimulusSums]
    sum_window_of_group: Statement[StimulusSums]
    window_events_of_mark: Statement[WindowEventRow]
    next_subject_in_windows: Statement[str | None]
    next_group_in_windows: Statement[str | None]
    delete_window_tags_of_deposit: Statement[object]
    delete_window_tags: Statement[object]
    delete_window_tags_of_subject: Statement[object]
    delete_window_events_of_mark: Statement[object]
    delete_window_events_of_subject: Statement[object]
    next_kind_in_windows: Statement[str | None]
    has_tags: Statement[str]
    left_deposits: Statement[Id]
    delete_left: Statement[object]
    restart_window_events: Statement[object]
    restart_window_tags: Statement[object]
    rename_agent_in_windows: Statement[object]
    fill_window: Statement[object]
    deposits_in_window: Statement[WindowPayload]

class _Search(StatementFile):
    has_index: Statement[int]
    tune_index: Statement[object]
    create_beside: Statement[object]
    create_index: Statement[object]
    kinds: Statement[SearchKindRow]
    unfinished: Statement[SearchKindRow]
    insert_kind: Statement[object]
    insert_field: Statement[object]
    paths: Statement[str]
    move_kind: Statement[object]
    delete_fields: Statement[object]
    delete_kind: Statement[object]
    owe_purge: Statement[object]
    owed_purge: Statement[Instant | None]
    begin_purge: Statement[object]
    end_purge: Statement[object]
    merge: Statement[object]
    find_doc: Statement[Id]
    insert_doc: Statement[object]
    move_doc: Statement[object]
    delete_doc: Statement[object]
    next_docs: Statement[SearchDocRow]
    next_texts: Statement[DocText]
    count_docs: Statement[int]
    put_text: Statement[object]
    remove_text: Statement[object]
    events_of_kind_between: Statement[EventRow]
    read_raw: Statement[str]
    matches: Statement[FoundDoc]
    most_relevant: Statement[FoundDoc]
    count_matches: Statement[int]
    strengths: Statement[MarkStrength]
    strongest: Statement[MarkKey]

class _Tokens(StatementFile):
    insert_token: Statement[object]
    get_token: Statement[AccessTokenRow]
    unrevoked_token: Statement[AccessTokenRow]
    tokens: Statement[AccessTokenRow]
    revoke_token: Statement[object]
    get_secret: Statement[str]
    insert_secret: Statement[object]

class _Activity(StatementFile):
    insert_activity: Statement[object]
    activity_after: Statement[ActivityEntry]
    last_ids: Statement[LastIds]

class _Outbox(StatementFile):
    put_message: Statement[object]
    message_about: Statement[Id]
    next_message: Statement[MessageRow]
    next_message_due: Statement[Instant | None]
    lease_message: Statement[object]
    settle_message: Statement[object]
    end_messages: Statement[object]
    discard_message: Statement[object]
    retry_message: Statement[object]
    get_message: Statement[MessageRow]
    messages: Statement[MessageRow]
    undelivered_messages: Statement[MessageRow]
    unfinished_messages: Statement[SinkMessages]
    late_crossings: Statement[CrossingRow]
    delete_messages_about: Statement[object]
    delete_messages_of_activation: Statement[object]
    delete_messages_naming: Statement[object]
    delete_old_messages: Statement[object]

MARKS: _Marks
CROSSINGS: _Crossings
ACTIVATIONS: _Activations
MODEL_CALLS: _ModelCalls
DEPLOYMENTS: _Deployments
ERASURE: _Erasure
RETENTION: _Retention
WINDOWS: _Windows
SEARCH: _Search
TOKENS: _Tokens
ACTIVITY: _Activity
OUTBOX: _Outbox
