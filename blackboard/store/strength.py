"""Strength as an SQL query over the mark table: the same number as Python's, at whatever instant is asked for.

Everybody who reads live marks, the views included, reads them through `live_marks`, so there is one definition.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, case, cast, func, or_, select
from sqlalchemy import Float as FloatType

from blackboard.decay import LAWS, Curve
from blackboard.store.phrases import number, word
from blackboard.store.tables import kind, law, law_change, law_segment, mark

__all__ = ["live_marks", "share_of"]


def share_of(
    law_key: ColumnElement[str],
    name: ColumnElement[str],
    a: ColumnElement[float],
    b: ColumnElement[float],
    age: ColumnElement[Any],
) -> ColumnElement[float]:
    """The share that a law leaves after `age` microseconds."""
    segment = law_segment.alias()
    on_curve = (
        select(Curve.share_sql(age - segment.c.age, segment.c.share, segment.c.slope))
        .where(segment.c.law == law_key, segment.c.age <= age)
        .order_by(segment.c.age.desc())
        .limit(number(1))
        .scalar_subquery()
    )
    return case(
        *(
            (name == word(known), on_curve if known == Curve.name else form.share_sql(age, a, b))
            for known, form in LAWS.items()
        )
    )


def live_marks(clock: FromClause) -> Select[Any]:
    """The live marks with their strength, at the instant `clock.c.as_of`: a one-row table, or a bound parameter.

    A mark whose kind has changed its law, and which has not followed yet, fades by the old law to the instant of the
    change and by the new one from there; under a new floor it ends elsewhere. For all others the stored instant of
    evaporation decides, and it does for those that had evaporated before the change.
    """
    follower = law.alias("follower")
    as_of = clock.c.as_of
    changes = and_(mark.c.anchored_at < law_change.c.changed_at, law_change.c.changed_at <= as_of)
    fades_anew = and_(changes, law_change.c.new_law != mark.c.law)
    until = case((fades_anew, law_change.c.changed_at), else_=as_of)
    dated = (
        select(
            *mark.c,
            kind.c.weight,
            kind.c.floor,
            as_of.label("as_of"),
            law.c.name.label("law_name"),
            law.c.a,
            law.c.b,
            _age(mark.c.anchored_at, until).label("age"),
            follower.c.law.label("next_law"),
            follower.c.name.label("next_name"),
            follower.c.a.label("next_a"),
            follower.c.b.label("next_b"),
            case((fades_anew, _age(law_change.c.changed_at, as_of))).label("next_age"),
            case((changes, law_change.c.changed_at)).label("changed_at"),
        )
        .select_from(
            mark.join(kind, kind.c.name == mark.c.kind)
            .join(law, law.c.law == mark.c.law)
            .outerjoin(law_change, and_(law_change.c.kind == mark.c.kind, law_change.c.law == mark.c.law))
            .outerjoin(follower, follower.c.law == law_change.c.new_law)
        )
        .join(clock, number(1) == number(1))
    ).subquery("dated")
    old = share_of(dated.c.law, dated.c.law_name, dated.c.a, dated.c.b, dated.c.age)
    new = share_of(dated.c.next_law, dated.c.next_name, dated.c.next_a, dated.c.next_b, dated.c.next_age)
    faded = select(
        dated,
        case((dated.c.next_age.is_(None), old), else_=old * new).label("share"),
    ).subquery("faded")
    left = faded.c.intensity * faded.c.share
    decided = func.coalesce(faded.c.changed_at, faded.c.as_of)
    lasting = or_(faded.c.evaporates_at.is_(None), faded.c.evaporates_at > decided)
    following = or_(faded.c.changed_at.is_(None), and_(left >= faded.c.floor, left > number(0.0)))
    return select(faded, (faded.c.weight * left).label("strength")).where(lasting, following)


def _age(since: ColumnElement[Any], until: ColumnElement[Any]) -> ColumnElement[float]:
    return case((until > since, cast(until - since, FloatType)), else_=number(0.0))


def seconds(since: ColumnElement[Any], until: ColumnElement[Any]) -> ColumnElement[float]:
    """Seconds between two instants, never below zero."""
    return case((until > since, (until - since) * number(1e-6)), else_=number(0.0))
