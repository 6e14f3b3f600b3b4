// Paints the lanes: how each mark fades, the thresholds, and what is predicted.

import { share, strength } from "./decay.js";
import { drawing } from "./live.js";
import { AXIS, shown, timeOf, view, xOf, yOf } from "./lane_view.js";
import { now, relative } from "./times.js";

const STEPS = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000].map(
  (seconds) => seconds * 1000,
);
const FONT = "system-ui, sans-serif";
const APART = 5; // how near two marks are that are shown as one dot with their number, in pixels

/** Return the colors of the style sheet. */
export function colors() {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(name).trim();
  return {
    text: color("--text"),
    faint: color("--faint"),
    line: color("--line"),
    card: color("--card"),
    lane: color("--lane"),
    ahead: color("--ahead"),
    accent: color("--accent"),
    hues: [1, 2, 3, 4, 5, 6, 7, 8].map((number) => color(`--hue-${number}`)),
  };
}

function context(canvas) {
  const pen = canvas.getContext("2d");
  pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  pen.clearRect(0, 0, view.width, view.height);
  pen.font = `12px ${FONT}`;
  return pen;
}

/** Paint what only scrolls: curves, thresholds, predicted events and the axis. Return where the events are. */
export function paintBack(canvas, ink) {
  const pen = context(canvas);
  const nowX = Math.max(view.left, Math.min(view.width, xOf(now())));
  for (const lane of view.lanes) {
    pen.fillStyle = ink.lane;
    pen.fillRect(view.left, lane.y, nowX - view.left, lane.bottom - lane.y);
    pen.fillStyle = ink.ahead;
    pen.fillRect(nowX, lane.y, view.width - nowX, lane.bottom - lane.y);
  }
  paintAxis(pen, ink);
  const events = [];
  for (const lane of view.lanes) {
    pen.save();
    pen.beginPath();
    pen.rect(view.left, lane.y, view.width - view.left, lane.bottom - lane.y);
    pen.clip();
    paintCurves(pen, lane, ink.hues[lane.hue], nowX);
    paintThresholds(pen, lane, ink);
    paintEvents(pen, lane, ink, events);
    pen.restore();
    paintName(pen, lane, ink);
  }
  return events;
}

function paintName(pen, lane, ink) {
  const count = `${lane.count.toLocaleString()} ${lane.count === 1 ? "mark" : "marks"}`;
  pen.textAlign = "left";
  pen.fillStyle = ink.hues[lane.hue];
  pen.font = `600 13px ${FONT}`;
  if (view.left) {
    pen.fillRect(0, lane.y, 3, lane.bottom - lane.y);
    pen.fillStyle = ink.text;
    pen.fillText(lane.kind, 12, lane.y + 16, view.left - 20);
    pen.font = `12px ${FONT}`;
    pen.fillStyle = ink.faint;
    pen.fillText(lane.isFlat ? `${count}, ${lane.words}` : count, 12, lane.y + 32, view.left - 20);
    if (!lane.isFlat) pen.fillText(lane.words, 12, lane.y + 48, view.left - 20);
  } else {
    pen.fillRect(0, lane.head + 3, 3, 11);
    pen.fillStyle = ink.text;
    pen.fillText(lane.kind, 9, lane.head + 13);
    const width = pen.measureText(lane.kind).width;
    pen.font = `12px ${FONT}`;
    pen.fillStyle = ink.faint;
    pen.fillText(`${count}, ${lane.words}`, 17 + width, lane.head + 13, view.width - width - 20);
  }
}

function paintCurves(pen, lane, color, nowX) {
  const { laws } = drawing.settings;
  pen.strokeStyle = color;
  pen.fillStyle = color;
  const step = lane.marks.length > 50 ? 12 : 4; // pixels between two points of a curve
  const thinness = Math.max(0.16, 0.8 - lane.marks.length / 400);
  for (const mark of lane.marks) {
    const law = laws[mark.law];
    const start = Math.max(view.left, xOf(mark.fades_from));
    const end = Math.min(view.width, mark.evaporates_at === null ? view.width : xOf(mark.evaporates_at));
    if (end <= view.left || start >= view.width) continue;
    const valueAt = (x) => mark.intensity * share(law, timeOf(x) - mark.fades_from);
    paintLine(pen, lane, valueAt, start, Math.min(end, nowX), step, thinness, []);
    paintLine(pen, lane, valueAt, Math.max(start, nowX), end, step, thinness, [2, 4]);
    pen.globalAlpha = thinness;
    if (xOf(mark.fades_from) >= view.left) {
      pen.beginPath();
      pen.arc(xOf(mark.fades_from), yOf(lane, mark.intensity), 2, 0, 7);
      pen.fill();
    }
    if (end < view.width) paintEnd(pen, end, yOf(lane, valueAt(end - 1)));
  }
  pen.globalAlpha = 1;
  pen.setLineDash([]);
}

function paintLine(pen, lane, valueAt, start, end, step, alpha, dashes) {
  if (end <= start) return;
  pen.globalAlpha = alpha;
  pen.lineWidth = 1.5;
  pen.setLineDash(dashes);
  pen.beginPath();
  for (let x = start; x < end; x += step) pen.lineTo(x, yOf(lane, valueAt(x)));
  pen.lineTo(end, yOf(lane, valueAt(end - 0.01)));
  pen.stroke();
}

/** Mark where a mark evaporates. */
function paintEnd(pen, x, y) {
  pen.setLineDash([]);
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.moveTo(x - 3, y - 3);
  pen.lineTo(x + 3, y + 3);
  pen.moveTo(x + 3, y - 3);
  pen.lineTo(x - 3, y + 3);
  pen.stroke();
}

function paintThresholds(pen, lane, ink) {
  const used = [];
  pen.textAlign = "right";
  for (const line of lane.lines) {
    const y = Math.round(yOf(lane, line.value)) + 0.5;
    pen.strokeStyle = ink.accent;
    pen.lineWidth = 1;
    pen.setLineDash([6, 4]);
    pen.beginPath();
    pen.moveTo(view.left, y);
    pen.lineTo(view.width, y);
    pen.stroke();
    pen.setLineDash([]);
    const textY = y - 4 < lane.y + 10 ? y + 12 : y - 4;
    if (used.some((other) => Math.abs(other - textY) < 13)) continue;
    used.push(textY);
    paintText(pen, line.text, textY, ink);
  }
  if (lane.isFlat && !view.left) return; // there is no room for them
  for (const line of lane.others) {
    let textY = lane.y + 13;
    while (used.some((other) => Math.abs(other - textY) < 13)) textY += 13;
    if (textY > lane.bottom) return;
    used.push(textY);
    paintText(pen, line.text, textY, ink);
  }
}

/** Write what a threshold does, legible above curves. */
function paintText(pen, text, y, ink) {
  const room = view.left ? view.width - xOf(shown()) - 48 : view.width * 0.62;
  const width = Math.min(room, pen.measureText(text).width);
  pen.globalAlpha = 0.8;
  pen.fillStyle = ink.ahead;
  pen.fillRect(view.width - 10 - width, y - 11, width + 4, 14);
  pen.globalAlpha = 1;
  pen.fillStyle = ink.accent;
  pen.fillText(text, view.width - 8, y, room);
}

/** Paint the predicted events of the marks of a lane, each where the mark will then be. */
function paintEvents(pen, lane, ink, events) {
  const { laws, ahead } = drawing.settings;
  const own = new Map(lane.marks.map((mark) => [mark.id, mark]));
  for (const item of ahead) {
    const mark = own.get(item.mark_id);
    if (!mark) continue;
    const x = xOf(item.at);
    if (x < view.left || x > view.width) continue;
    const y = yOf(lane, mark.intensity * share(laws[mark.law], item.at - mark.fades_from));
    events.push({ x, y, item });
    paintDiamond(pen, x, y, ink);
  }
}

function paintDiamond(pen, x, y, ink) {
  pen.beginPath();
  pen.moveTo(x, y - 5);
  pen.lineTo(x + 5, y);
  pen.lineTo(x, y + 5);
  pen.lineTo(x - 5, y);
  pen.closePath();
  pen.fillStyle = ink.card;
  pen.fill();
  pen.strokeStyle = ink.accent;
  pen.lineWidth = 1.5;
  pen.stroke();
}

function paintAxis(pen, ink) {
  const step = STEPS.find((size) => (size / view.span) * (view.width - view.left) >= 84) ?? STEPS.at(-1);
  const middle = xOf(shown());
  pen.textAlign = "center";
  pen.strokeStyle = ink.line;
  pen.lineWidth = 1;
  for (let at = Math.ceil(timeOf(view.left) / step) * step; at < timeOf(view.width); at += step) {
    const x = Math.round(xOf(at)) + 0.5;
    pen.beginPath();
    pen.moveTo(x, AXIS - 5);
    pen.lineTo(x, view.height);
    pen.stroke();
    pen.fillStyle = ink.faint;
    if (Math.abs(x - middle) > 56 && x > view.left + 24 && x < view.width - 24) pen.fillText(tick(at, step), x, 15);
  }
  for (const { at } of drawing.settings.ahead ?? []) {
    const x = xOf(at);
    if (x >= view.left && x <= view.width) paintDiamond(pen, x, AXIS - 4, ink);
  }
}

function tick(at, step) {
  const date = new Date(at);
  if (step >= 86400000) return date.toLocaleDateString([], { month: "short", day: "numeric" });
  const seconds = step < 60000 ? { second: "2-digit" } : {};
  return date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...seconds });
}

/** Paint what moves: the shown instant, and the strength of each mark there. Return how fast the fastest moves. */
export function paintFront(canvas, ink) {
  const pen = context(canvas);
  const { laws } = drawing.settings;
  const at = shown();
  const x = Math.round(xOf(at)) + 0.5;
  const isNow = view.at === null && view.shift === 0;
  paintInstant(pen, x, isNow ? "now" : relative(at), ink);
  let speed = 0;
  for (const lane of view.lanes) {
    const dots = [];
    for (const mark of lane.marks) {
      const value = at < mark.fades_from ? 0 : strength(mark, laws, at);
      if (value <= 0) continue;
      const y = yOf(lane, value);
      speed = Math.max(speed, yOf(lane, strength(mark, laws, at + 1000)) - y);
      dots.push(y);
    }
    paintDots(pen, lane, dots.sort((a, b) => a - b), x, ink);
  }
  return speed;
}

/** Paint the marks of a lane, those that are close together as one dot with their number. */
function paintDots(pen, lane, heights, x, ink) {
  pen.textAlign = "left";
  pen.font = `600 11px ${FONT}`;
  let textY = -Infinity;
  for (let index = 0; index < heights.length; ) {
    let end = index + 1;
    while (end < heights.length && heights[end] - heights[index] < APART) end += 1;
    const number = end - index;
    const y = (heights[index] + heights[end - 1]) / 2;
    pen.fillStyle = ink.hues[lane.hue];
    pen.beginPath();
    pen.arc(x, y, Math.min(7, 3.5 + Math.log2(number) / 2), 0, 7);
    pen.fill();
    if (number > 1 && y - textY >= 11) {
      textY = y;
      pen.strokeStyle = ink.ahead;
      pen.lineWidth = 4;
      pen.strokeText(`×${number}`, x + 10, y + 4);
      pen.fillText(`×${number}`, x + 10, y + 4);
    }
    index = end;
  }
}

function paintInstant(pen, x, text, ink) {
  pen.strokeStyle = ink.text;
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.moveTo(x, 20);
  pen.lineTo(x, view.height);
  pen.stroke();
  pen.font = `600 12px ${FONT}`;
  pen.textAlign = "center";
  const width = pen.measureText(text).width + 14;
  pen.fillStyle = ink.text;
  pen.beginPath();
  pen.roundRect(x - width / 2, 2, width, 19, 9);
  pen.fill();
  pen.fillStyle = ink.card;
  pen.fillText(text, x, 16);
}
