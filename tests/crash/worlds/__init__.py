"""The worlds of the crash tests, each with kinds, agents, deposits, and the expected end.

pure         agents that handle one mark at a time, while the clock stands still: after any crash, the end is the same
interrupted  the same, with depositors whose deposits are interrupted by a signal's handler
followed     the same, with depositors that follow files, whose writers rename and truncate them
versions     the agents of pure in two versions of their code, whose workers take over from each other
actions      agents that withdraw, reinforce, decide, and compare and set: each is applied once, or not at all
fading       a clock that continues over restarts: predicted crossings, windows, groups, evaporation, needs that come
             due, and changes of the deployment
streamed     the agents of pure with a server, and a client that resumes the event stream
paid         an agent that calls a model which answers immediately and counts
claimed      shells that claim the work of a remote agent by the command line, and die before they finish it
desk         the lead desk with its offline rules, the machine's clock, and the sample leads
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from tests.crash.worlds.actions_world import Actions
from tests.crash.worlds.claimed_world import Claimed
from tests.crash.worlds.crash_world import CrashWorld
from tests.crash.worlds.desk_world import Desk
from tests.crash.worlds.fading_world import Fading
from tests.crash.worlds.followed_world import Followed
from tests.crash.worlds.interrupted_world import Interrupted
from tests.crash.worlds.paid_world import Paid
from tests.crash.worlds.pure_world import Pure
from tests.crash.worlds.streamed_world import Streamed
from tests.crash.worlds.versions_world import Versions

__all__ = ["WORLDS", "CrashWorld"]

SERVES = find_spec("uvicorn") is not None and find_spec("starlette") is not None
"""Whether the extra `server` is installed."""

WORLDS: Mapping[str, type[CrashWorld]] = {
    world.name: world
    for world in (
        Pure,
        Interrupted,
        Followed,
        Actions,
        Versions,
        Paid,
        Fading,
        Claimed,
        Desk,
        *((Streamed,) if SERVES else ()),
    )
}
