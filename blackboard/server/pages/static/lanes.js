// The lanes of the board: how each mark fades over time, the thresholds, and what lies ahead of now.

import { strength } from "./decay.js";
import { drawing, onDrawing } from "./live.js";
import { colors, paintBack, paintFront } from "./lane_paint.js";
import { AXIS, arrange, place, shown, timeOf, view, xOf, yOf } from "./lane_view.js";
import { showRows, showStrengths } from "./marks_table.js";
import { now, relative } from "./times.js";

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

const painted = { at: 0, colors: null, events: [] };
let isStale = true;

function takeDrawing() {
  arrange();
  resize();
  showRows(shown());
  showStrengths(shown());
}

function resize() {
  const width = Math.max(240, box.clientWidth);
  const height = place(width);
  if (back.width !== Math.round(width * devicePixelRatio) || back.height !== Math.round(height * devicePixelRatio)) {
    box.style.setProperty("height", `${height}px`);
    for (const canvas of [back, front]) {
      canvas.width = Math.round(width * devicePixelRatio);
      canvas.height = Math.round(height * devicePixelRatio);
      canvas.style.setProperty("width", `${width}px`);
      canvas.style.setProperty("height", `${height}px`);
    }
  }
  isStale = true;
}

function showInstant() {
  const at = shown();
  const isNow = view.at === null && view.shift === 0;
  const text = isNow ? new Date(at).toLocaleTimeString([], { hourCycle: "h23" }) : `${new Date(at).toLocaleString()} (${relative(at)})`;
  if (instant.textContent !== text) instant.textContent = text;
  backToNow.hidden = isNow;
}

const isCalm = matchMedia("(prefers-reduced-motion: reduce)");
let drawnAt = 0;
let restUntil = 0;
function frame(time) {
  requestAnimationFrame(frame);
  if (document.hidden || !view.width) return;
  painted.colors ??= colors();
  if (isStale || Math.abs(shown() - painted.at) * ((view.width - view.left) / view.span) >= 1) {
    painted.events = paintBack(back, painted.colors);
    painted.at = shown();
    isStale = false;
    restUntil = 0;
  }
  if (time < restUntil) return;
  const speed = paintFront(front, painted.colors); // pixels a second
  showInstant();
  drawnAt = time;
  // What moves by less than a tenth of a pixel looks as if it stood still.
  restUntil = drawnAt + (isCalm.matches ? 1000 : Math.min(1000, 100 / Math.max(speed, 0.1)));
}

/** Show another instant: a later one immediately, a past one as the board was then. */
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
  showStrengths(shown());
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
    view.shift = drag.shift - (distance / (view.width - view.left)) * view.span;
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

function pointIn(event) {
  const bounds = box.getBoundingClientRect();
  return { x: event.clientX - bounds.left, y: event.clientY - bounds.top };
}

/** Return the mark at a point, with its strength at that time. */
function nearest({ x, y }) {
  const lane = view.lanes.find((item) => y >= item.y && y <= item.bottom);
  if (!lane || x < view.left) return null;
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

/** Return the predicted event at a point. */
function nearestEvent({ x, y }) {
  const onAxis = (drawing.settings.ahead ?? []).map((item) => ({ x: xOf(item.at), y: AXIS - 4, item }));
  return [...painted.events, ...onAxis].find((event) => Math.hypot(event.x - x, event.y - y) < 7)?.item;
}

function linesAt(point) {
  const item = nearestEvent(point);
  if (item) return [`${item.event} ${relative(item.at)}`, `${item.agent}, ${item.watch}`, item.condition, item.subject ?? ""].filter(Boolean);
  const found = nearest(point);
  if (!found) return null;
  const { mark, value, at } = found;
  const end = mark.evaporates_at === null ? "never evaporates" : `evaporates ${relative(mark.evaporates_at)}`;
  return [`${mark.kind} · ${mark.subject}`, `strength ${value.toFixed(3)} ${relative(at)}`, end, `by ${mark.author}`];
}

function showTip(event) {
  const point = pointIn(event);
  const lines = linesAt(point);
  tip.hidden = !lines;
  box.classList.toggle("pointing", Boolean(lines));
  if (!lines) return;
  tip.replaceChildren(
    ...lines.map((text) => {
      const line = document.createElement("div");
      line.textContent = text;
      return line;
    }),
  );
  const x = Math.min(point.x + 14, view.width - tip.offsetWidth - 4);
  tip.style.setProperty("transform", `translate(${Math.max(0, x)}px, ${point.y + 14}px)`);
}

function openNearest(event) {
  const found = nearest(pointIn(event));
  const row = found && document.querySelector(`#mark-${found.mark.id} a[href*="subject="]`);
  if (row) location.assign(row.href);
}

onDrawing(takeDrawing);
new ResizeObserver(resize).observe(box);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  painted.colors = null;
  isStale = true;
});
setInterval(() => showStrengths(shown()), 500);
requestAnimationFrame(frame);
