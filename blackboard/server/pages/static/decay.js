// Decay laws: the share of a mark that remains after an age, as blackboard/core/marks/decay.py computes it.

const SHARES = {
  exponential: (law, age) => 2 ** (-age / law.length),
  linear: (law, age) => Math.max(0, 1 - age / law.length),
  power: (law, age) => (1 + age / law.length) ** -law.shape,
  step: (law, age) => (age < law.length ? 1 : 0),
  never: () => 1,
  curve: (law, age) => onLine(law.points, age),
};

/** Return the share of a law after an age in milliseconds. It is 1 before the age of 0. */
export function share(law, age) {
  return age > 0 ? SHARES[law.law](law, age) : 1;
}

/** Return the strength of a mark at an instant in milliseconds since the epoch; 0 once it has evaporated. */
export function strength(mark, laws, at) {
  if (mark.evaporates_at !== null && at >= mark.evaporates_at) return 0;
  return mark.intensity * share(laws[mark.law], at - mark.fades_from);
}

function onLine(points, age) {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle][0] <= age) low = middle + 1;
    else high = middle;
  }
  if (low === points.length) return points[low - 1][1];
  const [start, first] = points[low - 1];
  const [end, last] = points[low];
  return first + ((last - first) * (age - start)) / (end - start);
}
