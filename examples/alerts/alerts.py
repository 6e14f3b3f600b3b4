"""An on-call correlator: thousands of alerts a day become one page for each incident of a service."""

from blackboard import (
    Context,
    Exponential,
    Mark,
    Step,
    Withdraw,
    agent,
    count,
    daily_at,
    of_subject,
    strongest_of,
    total,
    watch,
)

FADING = Exponential("2m")


# Monitors report these. Each alert adds to what is left of the earlier ones of its service.
class Error(Mark, kind="error", decay=FADING, on_repeat="add"):
    detail: str = ""


class Latency(Mark, kind="latency", decay=FADING, on_repeat="add"):
    detail: str = ""


class Probe(Mark, kind="probe", decay=FADING, on_repeat="add"):
    detail: str = ""


# A deploy is announced when it starts. A person deposits an Ack.
class Deploy(Mark, kind="deploy", decay=Step("10m"), on_repeat="replace"):
    detail: str = ""


class Ack(Mark, kind="ack", on_repeat="replace"):
    detail: str = ""


# A Page lives as long as its incident. The other three are kept for the digest.
class Page(Mark, kind="page", on_repeat="replace"):
    why: str


class Escalation(Mark, kind="escalation", decay=Step("24h"), on_repeat="separate"):
    why: str


class Recovery(Mark, kind="recovery", decay=Step("24h"), on_repeat="separate"):
    why: str


class Digest(Mark, kind="digest", decay=Step("24h")):
    text: str


trouble = total(Error, Latency, Probe)
is_open = count(Page) >= 1


@agent(
    watches={"weight": watch(trouble >= 8, clear_below=1), "errors": count(Error, within="10m") >= 5},
    unless=is_open | (count(Deploy) >= 1),
    on_guard="drop",
    reads=[of_subject(Page), of_subject(Ack)],
    writes=[Page],
    withdraws=[Ack],
)
def pager(alerts: list[Mark], context: Context) -> list[Page | Withdraw]:
    if context.read(Page):  # one alert made both watches cross
        return []
    return [Page(subject=context.subject, why=context.watch), *map(Withdraw, context.read(Ack))]


@agent(
    watches=watch(is_open, held_for="15m", rewake_every="30m"),
    unless=count(Ack) >= 1,
    on_guard="drop",
    writes=[Escalation],
)
def escalator(pages: list[Page], context: Context) -> Escalation:
    return Escalation(subject=context.subject, why=pages[0].why)


@agent(
    watches=watch(trouble < 1, held_for="5m"),
    only_if=is_open,
    on_guard="drop",
    reads=[of_subject(Page)],
    writes=[Recovery],
    withdraws=[Page],
)
def closer(alerts: list[Mark], context: Context) -> list[Recovery | Withdraw]:
    [page] = context.read(Page)
    return [Recovery(subject=context.subject, why=page.why), Withdraw(page)]


@agent(
    watches=daily_at("09:00", zone="Europe/Berlin"),
    reads=[strongest_of(kind, 1000) for kind in (Recovery, Page, Escalation)],
    writes=[Digest],
)
def digest(marks: list[Mark], context: Context) -> Digest:
    over, still, escalated = (len(context.read(kind)) for kind in (Recovery, Page, Escalation))
    return Digest(subject="all", text=f"{over} over, {still} open, {escalated} escalated")
