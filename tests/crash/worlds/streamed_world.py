"""The pure world, whose daemon also serves, and a client that writes down what it hears from the event stream."""

from __future__ import annotations

import random
import threading
from contextlib import suppress
from pathlib import Path

from tests.crash.children import Say
from tests.crash.invariants import Broken, rows
from tests.crash.worlds.pure_world import Pure
from tests.support.bounds import BOUND_SECONDS
from tests.support.threads import join_all


class Streamed(Pure):
    """Each life of the daemon has a server and a client. The client resumes after the last event that it wrote down.

    A kill ends all three. At the end, the client must have heard every event and all activity, once and in order.
    """

    name = "streamed"
    per_depositor = 100
    daemons = (1,)
    hears = True

    def __init__(self, folder: Path, rng: random.Random) -> None:
        super().__init__(folder, rng)
        self.heard = folder / "heard"
        self.more, self.ends = threading.Event(), threading.Event()

    @classmethod
    def failpoints(cls) -> tuple[str, ...]:
        """Those around a commit; the pure world reaches the others."""
        return ("transaction.begun", "commit.before", "commit.after", "notify.before")

    @classmethod
    def warm_up(cls, folder: Path) -> None:
        """Run the world once without a server, whose threads would outlive it, and load the modules of the server."""
        from blackboard.server import http_app  # noqa: F401
        from blackboard.server.open_requests import open_event_streams  # noqa: F401
        from blackboard.server.transport import http_server  # noqa: F401

        super().warm_up(folder)

    def run_through(self) -> None:
        self.create()
        for number in range(self.depositors):
            self.deposit(number, 0, lambda line: None)
        super().serve(lambda line: None, to_the_end=True)

    def create(self) -> None:
        super().create()
        with self.open("founder") as board:
            self.token = board.create_token("client", may=["read"])
            start = board.stream_position()
        self.start = (start.event_id, start.activity_id)

    def position(self) -> str:
        """Return the position of the last event that the client wrote down."""
        lines = self.heard.read_text().splitlines() if self.heard.exists() else []
        return lines[-1].split()[0] if lines else "{}-{}".format(*self.start)

    def serve(self, say: Say, *, to_the_end: bool) -> None:
        thread = threading.Thread(target=self._serve_and_hear, args=(say,), daemon=True)
        thread.start()
        super().serve(say, to_the_end=to_the_end)
        with self.open("client") as board:
            last = board.stream_position()
        while self.position() != f"{last.event_id}-{last.activity_id}":
            self.more.wait()
            self.more.clear()
        self.ends.set()  # in order, so that it leaves no lock behind
        join_all(thread)

    def _serve_and_hear(self, say: Say) -> None:
        from blackboard.server.http_app import build_app
        from blackboard.server.open_requests import open_event_streams
        from blackboard.server.transport.addresses import Address
        from blackboard.server.transport.http_server import HttpServer
        from blackboard.settings.sections import ServerSection

        open_event_streams.MAX_STREAM_READ_SECONDS = 0.005  # a life is short
        section = ServerSection(listen="127.0.0.1:0")
        address = Address.parse(section.listen)
        with (
            self.open("server") as board,
            HttpServer(build_app(board, section, "offline rules", address), section, address) as server,
        ):
            threading.Thread(target=self._hear, args=(server.url, say), daemon=True).start()
            self.ends.wait()

    def _hear(self, url: str, say: Say) -> None:
        import httpx2

        from tests.support.event_client import Listening

        headers = {"Authorization": f"Bearer {self.token}"}
        with (
            suppress(httpx2.HTTPError, StopIteration),
            httpx2.Client(
                base_url=url, headers=headers, timeout=BOUND_SECONDS, verify=False, trust_env=False
            ) as client,
            self.heard.open("ab", buffering=0) as file,
            Listening(client, last_id=self.position()) as stream,
        ):
            is_hearing = False
            while True:
                [event] = stream.take(1)
                file.write(f"{event.id} {event.event} {event.data.get('id')}\n".encode())
                self.more.set()
                if not is_hearing:
                    say("hearing")
                    is_hearing = True

    def check_end(self) -> None:
        lines = [line.split() for line in self.heard.read_text().splitlines()]
        with rows(self.path) as query:
            shown = query("SELECT id FROM event WHERE event IN ('deposited', 'reinforced', 'evaporated', 'withdrawn')")
            done = query("SELECT id FROM activity_event")
        for name, ids, start in (("marks", shown, self.start[0]), ("activity", done, self.start[1])):
            expected = sorted(one for (one,) in ids if one > start)
            found = [int(line[2]) for line in lines if line[1] == name]
            if found != expected:
                missing, extra = sorted({*expected} - {*found})[:5], len(found) - len({*found})
                raise Broken(f"the client missed {missing} of {name}, and heard {extra} twice")
        if others := [line for line in lines if line[1] not in ("marks", "activity")]:
            raise Broken(f"the client heard {others[0]}")
