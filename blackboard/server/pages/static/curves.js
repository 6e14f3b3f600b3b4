// Draws how the marks of a subject faded, from each of their events to the next, and how they will fade.

import { share } from "./decay.js";
import { drawing, onDrawing } from "./live.js";
import { short, svg, ticks } from "./plot.js";
import { now, relative } from "./times.js";

const HEIGHT = 240;
const LEFT = 46;
const BOTTOM = 24;
const POINTS = 80;
const AHEAD = 0.35; // the part of the picture that lies ahead of now

const place = document.getElementById("curves");

function draw() {
  const width = Math.max(280, place.clientWidth);
  const curves = [...drawing.items.values()];
  if (!curves.length) {
    place.textContent = "The history has no events of this subject.";
    return;
  }
  const at = now();
  const first = Math.min(...curves.map((curve) => curve.start));
  const past = Math.max(60000, at - first);
  const last = at + (past / (1 - AHEAD)) * AHEAD;
  const thresholds = drawing.settings.thresholds.filter((line) => line.is_line);
  const top = Math.max(...curves.map((curve) => curve.intensity), ...thresholds.map((line) => line.value)) * 1.1 || 1;
  const xOf = (time) => LEFT + ((time - first) / (last - first)) * (width - LEFT);
  const yOf = (value) => 8 + (HEIGHT - BOTTOM - 8) * (1 - value / top);
  const picture = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, "aria-hidden": "true" });
  for (const value of ticks(0, top, 4)) {
    picture.append(svg("line", { class: "grid", x1: LEFT, x2: width, y1: yOf(value), y2: yOf(value) }));
    picture.append(svg("text", { x: LEFT - 6, y: yOf(value) + 4, "text-anchor": "end" }, short(value)));
  }
  for (const part of width < 600 ? [0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1]) {
    const time = first + part * (last - first);
    const anchor = part === 1 ? "end" : part === 0 ? "start" : "middle";
    picture.append(svg("text", { x: xOf(time), y: HEIGHT - 6, "text-anchor": anchor }, relative(time)));
  }
  const labels = [];
  for (const line of thresholds) {
    picture.append(svg("line", { class: "threshold", x1: LEFT, x2: width, y1: yOf(line.value), y2: yOf(line.value) }));
    if (labels.some((y) => Math.abs(y - yOf(line.value)) < 14)) continue;
    labels.push(yOf(line.value));
    picture.append(svg("text", { x: width - 4, y: yOf(line.value) - 4, "text-anchor": "end" }, line.text));
  }
  const kinds = [...new Set(curves.map((curve) => curve.kind))].sort();
  for (const curve of curves) {
    const end = Math.min(curve.end ?? last, last);
    const hue = (kinds.indexOf(curve.kind) % 8) + 1;
    for (const [from, to, style] of [[curve.start, Math.min(end, at), ""], [Math.max(curve.start, at), end, " ahead"]]) {
      if (to <= from) continue;
      const line = svg("path", { class: `curve hue-${hue}${style}`, d: pathOf(curve, from, to, xOf, yOf) });
      line.append(svg("title", {}, `${curve.kind} ${curve.mark_id}`));
      picture.append(line);
    }
    picture.append(svg("circle", { class: `dot-${hue}`, cx: xOf(curve.start), cy: yOf(curve.intensity), r: 3 }));
  }
  picture.append(svg("line", { class: "now", x1: xOf(at), x2: xOf(at), y1: 0, y2: HEIGHT - BOTTOM }));
  const legend = document.createElement("p");
  legend.className = "hint";
  for (const [index, kind] of kinds.entries()) {
    const chip = document.createElement("span");
    chip.className = `chip hue-${(index % 8) + 1}`;
    chip.textContent = kind;
    legend.append(chip);
  }
  place.replaceChildren(picture, legend);
}

/** Return the path of a curve between two instants. */
function pathOf(curve, from, to, xOf, yOf) {
  const law = drawing.settings.laws[curve.law];
  const points = [];
  for (let index = 0; index <= POINTS; index++) {
    const time = from + ((to - from) * index) / POINTS;
    points.push(`${xOf(time).toFixed(1)} ${yOf(curve.intensity * share(law, time - curve.start)).toFixed(1)}`);
  }
  return `M${points.join("L")}`;
}

function showStrengths() {
  const newest = new Map();
  for (const curve of drawing.items.values()) {
    if ((newest.get(curve.mark_id)?.id ?? 0) < curve.id) newest.set(curve.mark_id, curve);
  }
  const at = now();
  for (const cell of document.querySelectorAll("[data-strength]")) {
    const curve = newest.get(Number(cell.dataset.strength));
    if (!curve) continue;
    const isOver = curve.end !== null && at >= curve.end;
    const value = isOver ? 0 : curve.intensity * share(drawing.settings.laws[curve.law], at - curve.start);
    const text = value.toFixed(3);
    if (cell.textContent !== text) cell.textContent = text;
  }
}

onDrawing(draw);
addEventListener("resize", draw);
setInterval(draw, 5000);
setInterval(showStrengths, 500);
