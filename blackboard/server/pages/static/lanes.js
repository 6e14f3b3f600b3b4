// Draws the lanes of the board: how each mark fades over time, the thresholds, and what lies ahead of now.

import { share, strength } from "./decay.js";
import { drawing, onDrawing } from "./live.js";
import { length, now, relative } from "./times.js";

const LANE = 92; // the height of a lane, in pixels
const GAP = 14;
const AXIS = 26;
const NOW_AT = 0.62; // where the shown instant is, as a part of the width
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080, 20160, 43200].map((minutes) => minutes * 60000);
const SPANS = [5, 10, 20, 40, 60, 120, 240, 480, 1440, 2880, 5760, 10080, 20160, 43200, 86400, 259200].map((minutes) => minutes * 60000);

const box = document.getElementById("lanes");
const instant = document.getElementById("instant");
const backToNow = document.getElementById("now");
const back = document.createElement("canvas");
const front = document.createElement("canvas");
const tip = document.createElement("div");
tip.className = "tip";
tip.hidden = true;
for (const canvas of [back, front]) canvas.setAttribute("aria-hidden", "true");
box.append(back, front, tip);

const view = { width: 0, height: 0, span: 0, shift: 0, at: null };
let lanes = [];
let painted = { at: 0, colors: null };
let isStale = true;
let dots = [];

/** Return the instant that the page shows, in milliseconds since the epoch. */
function shown() {
  return (view.at ?? now()) + view.shift;
}

function xOf(at) {
  return ((at - shown()) / view.span + NOW_AT) * view.width;
}

function timeOf(x) {
  return shown() + (x / view.width - NOW_AT) * view.span;
}

function arrange() {
  const { lanes: names = [], thresholds = [], at, window: span } = drawing.settings;
  view.at = at;
  const marks = [...drawing.items.values()];
  view.span = span ?? fittingSpan(marks);
  lanes = names.map((kind, index) => {
    const own = marks.filter((mark) => mark.kind === kind);
    const lines = thresholds.filter((line) => line.kind === kind);
    const top = Math.max(1e-9, ...own.map((mark) => mark.intensity), ...lines.map((line) => line.value)) * 1.12;
    return { kind, marks: own, lines, top, y: index * (LANE + GAP), hue: index % 8 };
  });
  resize();
}

function fittingSpan(marks) {
  const at = view.at ?? now();
  const ages = marks.map((mark) => at - mark.fades_from).sort((a, b) => a - b);
  const typical = ages.length ? ages[Math.floor(ages.length * 0.8)] * 1.7 : SPANS[1];
  return SPANS.find((span) => span >= typical) ?? SPANS.at(-1);
}

function resize() {
  const width = Math.max(240, box.clientWidth);
  const height = lanes.length * (LANE + GAP) + AXIS;
  if (width !== view.width || height !== view.height) {
    view.width = width;
    view.height = height;
    box.style.setProperty("height", `${height}px`);
    for (const canvas of [back, front]) {
      canvas.width = width * devicePixelRatio;
      canvas.height = height * devicePixelRatio;
      canvas.style.setProperty("width", `${width}px`);
      canvas.style.setProperty("height", `${height}px`);
    }
  }
  isStale = true;
}

function colors() {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(name).trim();
  return {
    text: color("--text"),
    faint: color("--faint"),
    line: color("--line"),
    lane: color("--lane"),
    accent: color("--accent"),
    hues: [1, 2, 3, 4, 5, 6, 7, 8].map((number) => color(`--hue-${number}`)),
  };
}

function context(canvas) {
  const pen = canvas.getContext("2d");
  pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  pen.clearRect(0, 0, view.width, view.height);
  pen.font = "12px system-ui, sans-serif";
  return pen;
}

function yOf(lane, value) {
  return lane.y + LANE - (Math.min(value, lane.top) / lane.top) * (LANE - 18);
}

/** Draw what only scrolls: curves, thresholds and the axis. */
function paintBack() {
  painted.colors ??= colors();
  const ink = painted.colors;
  const pen = context(back);
  const nowX = xOf(now());
  for (const lane of lanes) {
    pen.fillStyle = ink.lane;
    pen.fillRect(0, lane.y, view.width, LANE);
    paintCurves(pen, lane, ink.hues[lane.hue], nowX);
    paintThresholds(pen, lane, ink);
    pen.fillStyle = ink.text;
    pen.textAlign = "left";
    pen.font = "600 12px system-ui, sans-serif";
    pen.fillText(lane.kind, 8, lane.y + 15);
    pen.font = "12px system-ui, sans-serif";
  }
  paintAxis(pen, ink);
  painted.at = shown();
  isStale = false;
}

function paintCurves(pen, lane, color, nowX) {
  const { laws } = drawing.settings;
  pen.strokeStyle = color;
  pen.fillStyle = color;
  const step = lane.marks.length > 50 ? 12 : 4; // pixels between two points of a curve
  const thinness = Math.max(0.16, 0.75 - lane.marks.length / 400);
  for (const mark of lane.marks) {
    const law = laws[mark.law];
    const start = Math.max(0, xOf(mark.fades_from));
    const end = Math.min(view.width, mark.evaporates_at === null ? view.width : xOf(mark.evaporates_at));
    if (end <= 0 || start >= view.width) continue;
    const points = [];
    for (let x = start; x < end; x += step) points.push([x, mark.intensity * share(law, timeOf(x) - mark.fades_from)]);
    points.push([end, mark.intensity * share(law, timeOf(end) - mark.fades_from)]);
    paintLine(pen, lane, points.filter(([x]) => x <= nowX + step), thinness, []);
    paintLine(pen, lane, points.filter(([x]) => x >= nowX), thinness * 0.7, [2, 4]);
    if (xOf(mark.fades_from) >= 0) {
      pen.globalAlpha = thinness;
      pen.beginPath();
      pen.arc(xOf(mark.fades_from), yOf(lane, mark.intensity), 2, 0, 7);
      pen.fill();
    }
  }
  pen.globalAlpha = 1;
  pen.setLineDash([]);
}

function paintLine(pen, lane, points, alpha, dashes) {
  if (points.length < 2) return;
  pen.globalAlpha = alpha;
  pen.lineWidth = 1.5;
  pen.setLineDash(dashes);
  pen.beginPath();
  for (const [x, value] of points) pen.lineTo(x, yOf(lane, value));
  pen.stroke();
}

function paintThresholds(pen, lane, ink) {
  const used = [];
  for (const line of lane.lines) {
    const y = yOf(lane, line.value);
    pen.strokeStyle = ink.accent;
    pen.lineWidth = 1;
    pen.setLineDash([6, 4]);
    pen.beginPath();
    pen.moveTo(0, y);
    pen.lineTo(view.width, y);
    pen.stroke();
    pen.setLineDash([]);
    if (used.some((other) => Math.abs(other - y) < 13)) continue;
    used.push(y);
    pen.fillStyle = ink.faint;
    pen.textAlign = "right";
    pen.fillText(line.text, view.width - 8, y - 4, view.width * 0.55);
  }
}

function paintAxis(pen, ink) {
  const y = view.height - AXIS;
  const step = STEPS.find((size) => (size / view.span) * view.width >= 90) ?? STEPS.at(-1);
  pen.textAlign = "center";
  pen.strokeStyle = ink.line;
  pen.fillStyle = ink.faint;
  pen.lineWidth = 1;
  for (let at = Math.ceil(timeOf(0) / step) * step; at < timeOf(view.width); at += step) {
    const x = Math.round(xOf(at)) + 0.5;
    pen.beginPath();
    pen.moveTo(x, 0);
    pen.lineTo(x, y + 4);
    pen.stroke();
    pen.fillText(tick(at, step), x, y + 18);
  }
  pen.fillStyle = ink.accent;
  for (const { at } of drawing.settings.ahead ?? []) {
    const x = xOf(at);
    if (x < 0 || x > view.width) continue;
    pen.beginPath();
    pen.moveTo(x, y - 1);
    pen.lineTo(x - 5, y + 7);
    pen.lineTo(x + 5, y + 7);
    pen.fill();
  }
}

function tick(at, step) {
  const date = new Date(at);
  const day = date.toLocaleDateString([], { month: "short", day: "numeric" });
  return step >= 86400000 ? day : date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

/** Draw what moves: the shown instant, and the strength of each mark there. Return how fast the fastest moves. */
function paintFront() {
  const ink = painted.colors;
  const pen = context(front);
  const { laws } = drawing.settings;
  const at = shown();
  const x = xOf(at);
  dots = [];
  pen.strokeStyle = ink.text;
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.moveTo(x, 0);
  pen.lineTo(x, view.height - AXIS + 4);
  pen.stroke();
  let speed = 0;
  for (const lane of lanes) {
    pen.fillStyle = ink.hues[lane.hue];
    for (const mark of lane.marks) {
      const value = at < mark.fades_from ? 0 : strength(mark, laws, at);
      if (value <= 0) continue;
      const y = yOf(lane, value);
      speed = Math.max(speed, yOf(lane, strength(mark, laws, at + 1000)) - y);
      pen.beginPath();
      pen.arc(x, y, 4, 0, 7);
      pen.fill();
      dots.push({ x, y, mark, value });
    }
  }
  const text = view.at === null && view.shift === 0 ? "now" : `${new Date(at).toLocaleString()} (${relative(at)})`;
  if (instant.textContent !== text) instant.textContent = text;
  backToNow.hidden = view.at === null && view.shift === 0;
  return speed;
}

const isCalm = matchMedia("(prefers-reduced-motion: reduce)");
let drawnAt = 0;
let restUntil = 0;
function frame(time) {
  requestAnimationFrame(frame);
  if (document.hidden || !view.width) return;
  if (isStale || Math.abs(shown() - painted.at) * (view.width / view.span) >= 1) {
    paintBack();
    restUntil = 0;
  }
  if (time < restUntil) return;
  const speed = paintFront(); // pixels a second
  drawnAt = time;
  // What moves by less than a tenth of a pixel looks as if it stood still.
  restUntil = drawnAt + (isCalm.matches ? 1000 : Math.min(1000, 100 / Math.max(speed, 0.1)));
}

function showStrengths() {
  const { laws } = drawing.settings;
  for (const cell of document.querySelectorAll("[data-strength]")) {
    const mark = drawing.items.get(Number(cell.dataset.strength));
    if (!mark) continue;
    const text = strength(mark, laws, shown()).toFixed(3);
    if (cell.textContent !== text) cell.textContent = text;
  }
}

/** Show another instant: one ahead at once, one in the past as the board was then. */
function settle() {
  const at = shown();
  const url = new URL(location.href);
  if (view.at === null && view.shift === 0) url.searchParams.delete("at");
  else url.searchParams.set("at", new Date(at).toISOString());
  if (at < now() - 1000 || view.at !== null) location.assign(url);
  else history.replaceState(null, "", url);
}

function move(milliseconds) {
  view.shift += milliseconds;
  isStale = true;
  showStrengths();
}

let drag = null;
let settling = 0;
function settleSoon() {
  clearTimeout(settling);
  settling = setTimeout(settle, 700);
}
box.addEventListener("pointerdown", (event) => {
  drag = { x: event.clientX, shift: view.shift, moved: false };
  box.setPointerCapture(event.pointerId);
});
box.addEventListener("pointermove", (event) => {
  if (!drag) {
    showTip(event);
    return;
  }
  const distance = event.clientX - drag.x;
  if (Math.abs(distance) > 4) drag.moved = true;
  if (drag.moved) {
    view.shift = drag.shift - (distance / view.width) * view.span;
    isStale = true;
  }
});
box.addEventListener("pointerup", (event) => {
  const wasMoved = drag?.moved;
  drag = null;
  if (wasMoved) settle();
  else openNearest(event);
});
box.addEventListener("pointerleave", () => {
  tip.hidden = true;
});
box.addEventListener("keydown", (event) => {
  const steps = { ArrowLeft: -0.05, ArrowRight: 0.05, PageUp: -0.5, PageDown: 0.5 };
  if (event.key === "Home") backToNow.click();
  else if (event.key in steps) move(steps[event.key] * view.span);
  else return;
  event.preventDefault();
  settleSoon();
});
document.getElementById("earlier").addEventListener("click", () => {
  move(-0.25 * view.span);
  settleSoon();
});
document.getElementById("later").addEventListener("click", () => {
  move(0.25 * view.span);
  settleSoon();
});
backToNow.addEventListener("click", () => {
  const url = new URL(location.href);
  url.searchParams.delete("at");
  location.assign(url);
});

function nearest(event) {
  const bounds = box.getBoundingClientRect();
  const x = event.clientX - bounds.left;
  const y = event.clientY - bounds.top;
  const lane = lanes.find((item) => y >= item.y && y <= item.y + LANE);
  if (!lane) return null;
  const at = timeOf(x);
  let best = null;
  for (const mark of lane.marks) {
    if (at < mark.fades_from) continue;
    const value = strength(mark, drawing.settings.laws, at);
    const distance = Math.abs(yOf(lane, value) - y);
    if (value > 0 && distance < (best?.distance ?? 12)) best = { mark, value, distance, at };
  }
  return best;
}

function showTip(event) {
  const found = nearest(event);
  tip.hidden = !found;
  box.classList.toggle("pointing", Boolean(found));
  if (!found) return;
  const { mark, value, at } = found;
  const end = mark.evaporates_at === null ? "never evaporates" : `evaporates ${relative(mark.evaporates_at)}`;
  const lines = [`${mark.kind} · ${mark.subject}`, `strength ${value.toFixed(3)} ${relative(at)}`, end, `by ${mark.author}`];
  tip.replaceChildren(
    ...lines.map((text) => {
      const line = document.createElement("div");
      line.textContent = text;
      return line;
    }),
  );
  const bounds = box.getBoundingClientRect();
  const x = Math.min(event.clientX - bounds.left + 14, view.width - tip.offsetWidth - 4);
  tip.style.setProperty("transform", `translate(${Math.max(0, x)}px, ${event.clientY - bounds.top + 14}px)`);
}

function openNearest(event) {
  const found = nearest(event);
  const row = found && document.querySelector(`#mark-${found.mark.id} a[href*="subject="]`);
  if (row) location.assign(row.href);
}

onDrawing(arrange);
new ResizeObserver(resize).observe(box);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  painted.colors = null;
  isStale = true;
});
setInterval(showStrengths, 500);
requestAnimationFrame(frame);
