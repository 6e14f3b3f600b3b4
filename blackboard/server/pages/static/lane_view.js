// Where things are in the picture of the lanes: times from left to right, strengths from bottom to top of each lane.

import { drawing } from "./live.js";
import { now } from "./times.js";

export const AXIS = 28; // the height of the time axis above the lanes, in pixels
const GAP = 6;
const TALL = 84; // the height of a lane whose marks fade or have thresholds
const FLAT = 40;
const GUTTER = 150; // the width of the names beside the lanes
const HEAD = 18; // the height of the names above the lanes, where there is no room beside them
const NOW_AT = 0.6; // where the shown instant is, as a part of the width
const SPANS = [1, 2, 3, 5, 10, 20, 40, 60, 120, 240, 480, 1440, 2880, 5760, 10080, 20160, 43200, 86400, 259200].map(
  (minutes) => minutes * 60000,
);

export const view = { width: 0, height: 0, left: 0, span: 0, shift: 0, at: null, lanes: [] };

/** Return the instant that the page shows, in milliseconds since the epoch. */
export function shown() {
  return (view.at ?? now()) + view.shift;
}

export function xOf(at) {
  return view.left + ((at - shown()) / view.span + NOW_AT) * (view.width - view.left);
}

export function timeOf(x) {
  return shown() + ((x - view.left) / (view.width - view.left) - NOW_AT) * view.span;
}

export function yOf(lane, value) {
  return lane.bottom - (Math.min(value, lane.top) / lane.top) * (lane.bottom - lane.y - 6);
}

/** Put the marks into their lanes. */
export function arrange() {
  const { lanes = [], laws, words, thresholds, at, window: span } = drawing.settings;
  view.at = at;
  const marks = [...drawing.items.values()];
  view.span = span ?? fittingSpan(marks);
  view.lanes = lanes.map(({ kind, shown: drawn, total }, index) => {
    const own = marks.filter((mark) => mark.kind === kind);
    const all = thresholds.filter((line) => line.kind === kind);
    const lines = all.filter((line) => line.is_line);
    const isFlat = !lines.length && own.every((mark) => ["never", "step"].includes(laws[mark.law].law));
    return {
      kind,
      count: total ?? drawn,
      words: words[kind],
      marks: own,
      lines,
      others: all.filter((line) => !line.is_line),
      top: Math.max(1e-9, ...own.map((mark) => mark.intensity), ...lines.map((line) => line.value)) * 1.08,
      isFlat,
      hue: index % 8,
    };
  });
}

/** Give each lane its place for a width. Return the height of all. */
export function place(width) {
  view.width = width;
  view.left = width >= 640 ? GUTTER : 0;
  let y = AXIS;
  for (const lane of view.lanes) {
    lane.head = y;
    lane.y = y + (view.left ? 0 : HEAD);
    lane.bottom = lane.y + (lane.isFlat ? FLAT : TALL);
    y = lane.bottom + GAP;
  }
  view.height = Math.max(y, AXIS + FLAT);
  return view.height;
}

/** Return a length of time in which most marks have room. */
function fittingSpan(marks) {
  const at = view.at ?? now();
  const ages = marks.map((mark) => at - mark.fades_from).sort((a, b) => a - b);
  const typical = ages.length ? (ages[Math.floor(ages.length * 0.8)] / NOW_AT) * 1.15 : 5 * 60000;
  return SPANS.find((span) => span >= typical) ?? SPANS.at(-1);
}
