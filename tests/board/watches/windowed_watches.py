"""Steps of tests about watches over a window of time."""

from __future__ import annotations

from blackboard.core.marks.decay import Exponential, Step
from tests.support.world import kind

BEAT = {"beat": kind("beat", Step("1m"), on_repeat="separate")}
LASTING = {"alarm": kind("alarm", Exponential("10h"), on_repeat="add")}
