"""Families of metrics: numbers under a name, with labels, as monitors read them."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

METRIC_PREFIX = "blackboard_"

Labels = tuple[str, ...]
"""The values of the labels that one number has."""


class MetricCounter:
    """A counter with labels: its numbers only grow.

    Args:
        name: The name, without the prefix of all names.
        help_text: What is counted.
        labels: The names of the labels.
    """

    def __init__(self, name: str, help_text: str, labels: Sequence[str]) -> None:
        self._name, self._help, self._labels = METRIC_PREFIX + name, help_text, labels
        self._numbers: defaultdict[Labels, float] = defaultdict(float)

    def add(self, labels: Labels, number: float = 1) -> None:
        """Add to a number. Adding 0 makes it, so that its first change can be seen."""
        self._numbers[labels] += number

    def family(self) -> CounterMetricFamily:
        """Return the numbers."""
        family = CounterMetricFamily(self._name, self._help, labels=self._labels)
        for labels, number in list(self._numbers.items()):
            family.add_metric(labels, number)
        return family


class MetricHistogram:
    """A histogram of lengths of time, which has a label.

    Args:
        name: The name, without the prefix of all names.
        help_text: What is measured.
        label: The name of the label.
        bounds: The upper bounds of its buckets in seconds, in rising order, without infinity.
    """

    def __init__(self, name: str, help_text: str, label: str, bounds: Sequence[float]) -> None:
        self._name, self._help, self._label, self._bounds = METRIC_PREFIX + name, help_text, label, bounds
        self._buckets: dict[str, list[int]] = {}
        self._sums: defaultdict[str, float] = defaultdict(float)

    def observe(self, label: str, seconds: float) -> None:
        """Count a length of time in its bucket."""
        buckets = self._buckets.get(label)
        if buckets is None:
            buckets = self._buckets[label] = [0] * (len(self._bounds) + 1)
        buckets[bisect_left(self._bounds, seconds)] += 1
        self._sums[label] += seconds

    def family(self) -> HistogramMetricFamily:
        """Return the lengths of time."""
        family = HistogramMetricFamily(self._name, self._help, labels=(self._label,))
        bounds = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        for label, numbers in list(self._buckets.items()):
            buckets = [(bound, float(number)) for bound, number in zip(bounds, accumulate(numbers), strict=True)]
            family.add_metric((label,), buckets, self._sums[label])
        return family


def gauge(
    name: str, help_text: str, labels: Sequence[str], values: Iterable[tuple[Labels, float]]
) -> GaugeMetricFamily:
    """Return numbers that rise and fall."""
    family = GaugeMetricFamily(METRIC_PREFIX + name, help_text, labels=labels)
    for label_values, value in values:
        family.add_metric(label_values, float(value))
    return family
