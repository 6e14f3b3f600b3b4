"""A model of the board in plain Python: a dictionary of marks, the absorbed events, and the expected crossings."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from blackboard.core.marks.decay import Decay
from blackboard.core.marks.kinds import Kind
from blackboard.durations import MINUTE

COLD = 0.3
EACH = 0.5
SUM = 1.2
BOARD = 3
DIGEST_INTERVAL = 40 * MINUTE
"""The interval of the schedule."""
LASTING = 0.5
CLEAR = 0.3
HELD = 10 * MINUTE
REWAKE = 15 * MINUTE
"""The times of the watch over time: how long it must hold, and after which time it wakes again."""
HUSH = 0.6
"""The threshold of the watch whose guard drops: a live fire closes it."""
FLOOD = 1.5
WINDOW = 30 * MINUTE
"""The length of the window."""


TAGGED = 0.8
TAGGED_CLEAR = 0.4
"""The threshold of the watch over the smokes of the board with a tag, and the value below which it must have been."""


@dataclass
class ModelMark:
    """A mark of the model."""

    id: int
    kind: str
    subject: str
    author: str
    event: int
    intensity: float
    at: int
    law: Decay
    ends: int | None
    own_law: bool = False
    payload: int = 0
    stored: float = 0.0
    """The intensity at the last deposit; `intensity` follows a change of law."""
    other: int = 0
    """The last event of another author than `author`; 0 if there is none."""
    warm: bool = False
    """Whether the strength has been above the falling threshold since the last crossing."""

    def live(self, now: int) -> bool:
        return self.ends is None or now < self.ends

    def counted(self, watch: str) -> int:
        """Return the last event that counts for an agent: its own deposits do not."""
        return self.other if self.author == watch else self.event

    def remaining(self, now: int) -> float:
        return self.intensity * self.law.share(max(0, now - self.at))


@dataclass
class ModelEpisode:
    """What the watch over time knows of a subject."""

    began_at: int | None = None
    crossed_at: int | None = None


@dataclass
class ModelNeed:
    """A need as it is known from outside."""

    id: int
    subject: str
    due: int | None
    assignee: str
    said: bool = False
    """Whether the board has said that it is overdue."""


@dataclass
class Model:
    """The expected board. Watches are named by their agents: each, sum, board, cold, long, flood, hush, tagged,
    and digest, which has a schedule.

    Flood counts the deposits of fire in a window.
    """

    kinds: dict[str, Kind]
    anchor: int
    """The first deployment of the schedule."""
    marks: dict[int, ModelMark] = field(default_factory=dict)
    absorbed: dict[tuple[str, int], int] = field(default_factory=dict)
    given: dict[tuple[str, int], tuple[int, float]] = field(default_factory=dict)
    """The payload and the stored intensity of the state in which an agent was last given a mark."""
    waiting: dict[str, dict[tuple[str, int], int]] = field(
        default_factory=lambda: {
            name: {} for name in ("each", "sum", "board", "cold", "long", "digest", "flood", "hush", "tagged")
        }
    )
    """The keys of waiting crossings, each with the instant of its record."""
    dropped: dict[int, tuple[int, float]] = field(default_factory=dict)
    """The payload and the stored intensity of each mark on which the guard of hush dropped what crossed."""
    episodes: dict[str, ModelEpisode] = field(default_factory=dict)
    """The episodes of the watch over time, by subject."""
    seen: int = 0
    """The instant up to which they are known."""
    deposits: list[tuple[ModelMark, int]] = field(default_factory=list)
    """Each deposit of fire by others than flood, with its instant."""
    flooded: set[str] = field(default_factory=set)
    """The subjects for which the condition of flood holds."""
    floods: dict[str, float] = field(default_factory=dict)
    """The value of each waiting crossing of flood."""
    tagged_crossed: bool = False
    """Whether the watch over the smokes with a tag has crossed and its value not been below `TAGGED_CLEAR` since."""
    tagged_behind: set[int] = field(default_factory=set)
    """The marks that have counted for it since its waiting crossing."""
    past_instants: int = 0
    """The number of instants of the schedule up to the one of the last digest."""
    count: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("recorded", "skipped", "withdrawn", "faded", "claimed"), 0)
    )

    def strength(self, mark: ModelMark, now: int) -> float:
        return self.kinds[mark.kind].weight * mark.remaining(now)

    def live(self, now: int, kind: str | None = None, subject: str | None = None) -> list[ModelMark]:
        return [
            mark
            for mark in self.marks.values()
            if mark.live(now) and kind in (None, mark.kind) and subject in (None, mark.subject)
        ]

    def stimuli(self, watch: str, now: int, subject: str | None = None) -> list[ModelMark]:
        kinds = ("smoke", "fire") if watch == "sum" else ("fire",)
        return [
            mark
            for mark in self.live(now, None, subject)
            if mark.kind in kinds and self.absorbed.get((watch, mark.id), 0) < mark.counted(watch)
        ]

    def cross(self, watch: str, key: tuple[str, int], now: int) -> None:
        if key not in self.waiting[watch]:
            self.waiting[watch][key] = now
            self.count["recorded"] += 1

    # -- events

    def fire_predicted(self, now: int) -> None:
        """Record the crossings by time up to now, each at its own instant."""
        self.update_episodes(now)
        self.tagged_crossed = self.tagged_crossed and self.tagged_value(now) >= TAGGED_CLEAR
        if self.anchor + (self.past_instants + 1) * DIGEST_INTERVAL <= now:
            self.cross("digest", ("", 0), now)
        self.flooded = {subject for subject in self.flooded if self.flood(subject, now) >= FLOOD}
        for mark in self.marks.values():
            if not mark.warm:
                continue
            full = self.kinds[mark.kind].weight * mark.intensity
            age = mark.law.age_below(COLD / full)
            dues = [due for due in (mark.ends, None if age is None else mark.at + age) if due is not None]
            if dues and min(dues) <= now:
                self.fire_falling(mark, min(dues), now)

    def lasting(self, subject: str, now: int) -> list[ModelMark]:
        """Return the marks that count for the watch over time, which ignores only what its agent deposited alone."""
        return [mark for mark in self.live(now, "fire", subject) if mark.counted("long")]

    def lasting_value(self, subject: str, now: int) -> float:
        return math.fsum(self.strength(mark, now) for mark in self.lasting(subject, now))

    def tagged(self, now: int) -> list[ModelMark]:
        """Return the smokes with the tag that others than the agent of their watch have deposited or changed."""
        return [mark for mark in self.live(now, "smoke") if mark.payload and mark.counted("tagged")]

    def tagged_value(self, now: int) -> float:
        return math.fsum(self.strength(mark, now) for mark in self.tagged(now))

    def test_tagged(self, now: int) -> None:
        value = self.tagged_value(now)
        if value < TAGGED_CLEAR:
            self.tagged_crossed = False
        if value >= TAGGED and not self.tagged_crossed:
            self.tagged_crossed = True
            if not self.waiting["tagged"]:
                self.tagged_behind.clear()
            self.cross("tagged", ("", 0), now)
        self.tagged_behind |= {mark.id for mark in self.tagged(now)}

    def withdraw_tagged(self, mark: ModelMark, now: int, *, counted: bool) -> None:
        """Withdraw a crossing that depends on a withdrawn smoke."""
        self.tagged_behind.discard(mark.id)
        then = self.waiting["tagged"].get(("", 0))
        if then is not None:
            holds = self.tagged_value(then) >= TAGGED if counted else bool(self.tagged(now) or self.tagged_behind)
            if not holds:
                self.close("tagged", ("", 0))
                self.tagged_crossed = False
        self.test_tagged(now)

    def update_episodes(self, now: int) -> None:
        """Apply what time alone changed since the last instant: values only fell, so it is found by bisection."""
        since, self.seen = self.seen, now
        for subject, episode in self.episodes.items():
            ends = self.first_below(subject, LASTING, since, now)
            self.cross_episode(subject, episode, now if ends is None else ends - 1, now)
            if ends is not None:
                episode.began_at = None
            if self.lasting_value(subject, now) < CLEAR:
                episode.crossed_at = None

    def first_below(self, subject: str, threshold: float, low: int, high: int) -> int | None:
        if self.lasting_value(subject, high) >= threshold:
            return None
        if self.lasting_value(subject, low) < threshold:
            return low
        while high - low > 1:
            middle = (low + high) // 2
            is_below = self.lasting_value(subject, middle) < threshold
            low, high = (low, middle) if is_below else (middle, high)
        return high

    def cross_episode(self, subject: str, episode: ModelEpisode, last: int, now: int) -> None:
        """Cross at each instant up to `last` at which the watch is due."""
        while episode.began_at is not None:
            due = episode.began_at + HELD
            if episode.crossed_at is not None:
                due = max(due, episode.crossed_at + REWAKE)
            if due > last:
                break
            episode.crossed_at = due
            self.cross("long", (subject, 0), now)

    def change_episode(self, subject: str, at: int) -> None:
        """Follow a change of marks in the episode of their subject."""
        episode = self.episodes.setdefault(subject, ModelEpisode())
        value = self.lasting_value(subject, at)
        if value < LASTING:
            episode.began_at = None
        elif episode.began_at is None:
            episode.began_at = at
        if value < CLEAR:
            episode.crossed_at = None
        self.cross_episode(subject, episode, at, at)

    def fire_falling(self, mark: ModelMark, due: int, now: int) -> None:
        mark.warm = False
        key = (mark.subject, mark.id)
        if not self.live(due, "fire", mark.subject):
            self.cross("cold", key, now)
        else:
            self.skip_fall(mark)

    def test_watches(self, mark: ModelMark, now: int, *, is_deposit: bool = True) -> None:
        """Test every watch after a deposit that created, reinforced or replaced a mark, or after a reinforcement."""
        old = self.marks.get(mark.id)
        held = {watch: self.holds(watch, mark.id, mark.subject, now) for watch in ("each", "sum", "board")}
        was_warm = old is not None and old.warm
        self.marks[mark.id] = mark
        for watch in held:
            if old is not None and mark.author != watch and (watch, mark.id) in self.given:
                payload, stored = self.given[watch, mark.id]
                begins = not held[watch] and self.holds(watch, mark.id, mark.subject, now)
                is_news = mark.payload != payload or mark.stored > stored or begins
                if not is_news and old.counted(watch) <= self.absorbed[watch, mark.id]:
                    self.absorbed[watch, mark.id] = mark.event
        if is_deposit and mark.kind == "fire" and mark.author != "flood":
            self.deposits.append((mark, mark.at))
            self.test_flood(mark.subject, now)
        if mark.live(now):  # a mark below its floor evaporates immediately and crosses no rising watch
            if mark.kind == "fire" and mark.author != "each" and self.is_each(mark, now):
                self.cross("each", (mark.subject, mark.id), now)
            if mark.author != "sum":
                self.test_sum(mark.subject, now)
            if mark.kind == "smoke" and mark.author != "hush":
                self.deposit_for_hush(old, mark, now)
            if mark.kind == "fire" and mark.author != "board":
                self.test_board(now)
        if mark.kind == "fire":
            self.change_episode(mark.subject, now)
        if mark.kind == "smoke":
            self.test_tagged(now)
            mark.warm = mark.live(now) and self.strength(mark, now) >= COLD
            if was_warm and not mark.warm:
                self.fire_falling(mark, now, now)
            elif not was_warm and not mark.warm and mark.at < now and self.was_warm_at_first(mark):
                self.skip_fall(mark)  # it fell before it was recorded

    def deposit_for_hush(self, old: ModelMark | None, mark: ModelMark, now: int) -> None:
        """Test hush after a deposit of others on a smoke, unless it brings no news."""
        key = ("hush", mark.id)
        if old is not None:
            if mark.id in self.dropped and old.counted("hush") and not self.live(now, "fire", mark.subject):
                del self.dropped[mark.id], self.absorbed[key]
            known = self.given.get(key, self.dropped.get(mark.id))
            if known is not None and old.counted("hush") <= self.absorbed.get(key, 0):
                begins = self.strength(old, now) < HUSH <= self.strength(mark, now)
                if mark.payload == known[0] and mark.stored <= known[1] and not begins:
                    self.absorbed[key] = mark.event
                    return
        self.test_hush(mark, now)

    def test_hush(self, mark: ModelMark, at: int) -> None:
        """Let hush cross for a smoke that is strong enough, or drop it while a fire is live."""
        key = (mark.subject, mark.id)
        if self.strength(mark, at) < HUSH or key in self.waiting["hush"]:
            return
        if not self.live(at, "fire", mark.subject):
            self.cross("hush", key, at)
            return
        self.count["recorded"] += 1
        self.count["skipped"] += 1
        self.absorbed["hush", mark.id] = mark.event
        self.dropped[mark.id] = (mark.payload, mark.stored)
        self.given.pop(("hush", mark.id), None)

    def flood(self, subject: str, at: int) -> float:
        """Return the total of the deposits in the window of flood at an instant."""
        weight = self.kinds["fire"].weight
        return math.fsum(weight * mark.stored for mark, _ in self.in_window(subject, at))

    def in_window(self, subject: str, at: int) -> list[tuple[ModelMark, int]]:
        return [(mark, when) for mark, when in self.deposits if mark.subject == subject and when > at - WINDOW]

    def test_flood(self, subject: str, now: int) -> None:
        """Let flood cross if its value has risen to the threshold, and remember whether it holds."""
        value = self.flood(subject, now)
        if value < FLOOD:
            self.flooded.discard(subject)
        elif subject not in self.flooded:
            self.flooded.add(subject)
            if (subject, 0) not in self.waiting["flood"]:
                self.floods[subject] = value
            self.cross("flood", (subject, 0), now)

    def was_warm_at_first(self, mark: ModelMark) -> bool:
        return mark.live(mark.at) and self.kinds[mark.kind].weight * mark.intensity >= COLD

    def skip_fall(self, mark: ModelMark) -> None:
        if (mark.subject, mark.id) not in self.waiting["cold"]:
            self.count["recorded"] += 1
            self.count["skipped"] += 1

    def test_sum(self, subject: str, now: int) -> None:
        if math.fsum(self.strength(mark, now) for mark in self.stimuli("sum", now, subject)) >= SUM:
            self.cross("sum", (subject, 0), now)

    def is_each(self, mark: ModelMark, now: int) -> bool:
        """Return whether a fire makes `each` cross: others have changed it since `each` was given it."""
        return self.absorbed.get(("each", mark.id), 0) < mark.counted("each") and self.strength(mark, now) >= EACH

    def holds(self, watch: str, mark_id: int, subject: str, now: int) -> bool:
        """Return whether the condition of a watch holds over all live marks, absorbed or not."""
        if watch == "sum":
            return math.fsum(self.strength(mark, now) for mark in self.live(now, None, subject)) >= SUM
        fires = self.live(now, "fire")
        if watch == "board":
            return len(fires) >= BOARD
        return any(mark.id == mark_id and self.strength(mark, now) >= EACH for mark in fires)

    def test_board(self, now: int) -> None:
        if len(self.stimuli("board", now)) >= BOARD:
            self.cross("board", ("", 0), now)

    def reinforce(self, mark: ModelMark, event: int, by: float, now: int, author: str = "person:ada") -> None:
        """Let a person or an agent add to the strength of a mark."""
        kind, left = self.kinds[mark.kind], mark.remaining(now)
        intensity = max(left, min(kind.cap or math.inf, left + by / kind.weight))
        life = kind.life(mark.law, intensity)
        ends = None if life is None else now + life
        new = replace(mark, author=author, event=event, intensity=intensity, at=now, ends=ends, stored=intensity)
        other = mark.event if mark.author != author else mark.other
        self.test_watches(replace(new, warm=False, other=other), now, is_deposit=False)

    def withdraw(self, mark: ModelMark, now: int) -> None:
        counted = mark in self.tagged(now)
        del self.marks[mark.id]
        if mark.kind == "smoke":
            self.withdraw_tagged(mark, now, counted=counted)
        self.deposits = [(other, when) for other, when in self.deposits if other.id != mark.id]
        self.test_flood(mark.subject, now)
        then = self.waiting["flood"].get((mark.subject, 0))
        if mark.kind == "fire" and then is not None and self.flood(mark.subject, then) < FLOOD:
            self.close("flood", (mark.subject, 0))
        self.close("each", (mark.subject, mark.id))
        self.close("hush", (mark.subject, mark.id))
        self.close("cold", (mark.subject, mark.id), "skipped")
        if (key := (mark.subject, 0)) in self.waiting["sum"]:
            then = self.waiting["sum"][key]
            if math.fsum(self.strength(item, then) for item in self.stimuli("sum", now, mark.subject)) < SUM:
                self.close("sum", key)
        if mark.kind == "fire":
            if len(self.stimuli("board", now)) < BOARD:
                self.close("board", ("", 0))
            if key in self.waiting["long"]:
                then = self.waiting["long"][key]
                if math.fsum(self.strength(item, then) for item in self.lasting(mark.subject, then)) < LASTING:
                    self.close("long", key)
                    self.episodes[mark.subject].crossed_at = None
            self.change_episode(mark.subject, now)

    def close(self, watch: str, key: tuple[str, int], state: str = "withdrawn") -> None:
        if self.waiting[watch].pop(key, None) is not None:
            self.count[state] += 1

    def change(self, new: Kind, at: int) -> None:
        """Change the weight, floor or law of a kind: the old ones apply up to the instant, the new ones after it."""
        old = self.kinds[new.name]
        self.kinds[new.name] = new
        marks = self.live(at, new.name)
        for mark in marks:
            if not mark.own_law and old.decay != new.decay:
                mark.intensity, mark.at, mark.law = mark.remaining(at), at, new.decay
            life = new.life(mark.law, mark.intensity)
            mark.ends = None if life is None else max(at, mark.at + life)
        for mark in marks:
            if new.name == "fire" and mark.live(at):
                if self.is_each(mark, at):
                    self.cross("each", (mark.subject, mark.id), at)
            elif new.name == "smoke":
                above = self.strength(mark, at) >= COLD and mark.live(at)
                if mark.warm and not above:
                    self.fire_falling(mark, at, at)
                mark.warm = above
                if mark.live(at) and mark.counted("hush") > self.absorbed.get(("hush", mark.id), 0):
                    self.test_hush(mark, at)
            self.test_sum(mark.subject, at)
        if new.name == "smoke":
            self.test_tagged(at)
        if new.name == "fire":
            self.test_board(at)
            for subject in {mark.subject for mark in marks}:
                self.change_episode(subject, at)
            self.seen = max(self.seen, at)
            for subject in {mark.subject for mark, _ in self.deposits}:
                self.test_flood(subject, at)
