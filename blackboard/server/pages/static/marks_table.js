// The table of the marks that the lanes draw: the same items, in the order of the lanes, strongest first.

import { strength } from "./decay.js";
import { drawing } from "./live.js";
import { relative } from "./times.js";

const body = document.getElementById("mark-rows");
const pattern = document.getElementById("mark-row").content.querySelector("tr");
const root = document.body.dataset.root;
const rows = new Map(); // the row and the item of each mark by its id
for (const row of body.rows) rows.set(Number(row.id.slice("mark-".length)), { row, item: null });

/** Show the marks that are drawn now. */
export function showRows(at) {
  const { laws, lanes } = drawing.settings;
  const places = new Map(lanes.map((lane, index) => [lane.kind, index]));
  const order = [...drawing.items.values()].map((item) => ({ item, place: places.get(item.kind), value: strength(item, laws, at) }));
  order.sort((a, b) => a.place - b.place || b.value - a.value || a.item.id - b.item.id);
  for (const [id, { row }] of rows) {
    if (drawing.items.has(id)) continue;
    row.remove();
    rows.delete(id);
  }
  let next = body.firstElementChild;
  for (const { item } of order) {
    let entry = rows.get(item.id);
    if (!entry) rows.set(item.id, (entry = { row: pattern.cloneNode(true), item: null }));
    if (entry.item !== item) fill(entry, item);
    if (entry.row === next) next = next.nextElementSibling;
    else body.insertBefore(entry.row, next);
  }
}

/** Write the strengths at an instant. */
export function showStrengths(at) {
  const { laws } = drawing.settings;
  for (const { row, item } of rows.values()) {
    if (!item) continue;
    const value = at < item.fades_from ? 0 : strength(item, laws, at);
    const text = value.toFixed(3);
    const cell = row.cells[3];
    if (cell.textContent === text) continue;
    cell.textContent = text;
    cell.style.setProperty("--share", `${Math.round((100 * value) / Math.max(item.intensity, 1))}%`);
  }
}

function fill(entry, item) {
  const { row } = entry;
  const [id, kind, subject, value, since, end, author, law] = row.cells;
  row.id = `mark-${item.id}`;
  id.textContent = item.id;
  kind.textContent = item.kind;
  const link = subject.querySelector("a");
  if (link) link.href = `${root}/subject?subject=${encodeURIComponent(item.subject)}`;
  (link ?? subject).textContent = item.subject;
  value.dataset.strength = item.id;
  since.replaceChildren(timeOf(item.fades_from));
  end.replaceChildren(item.evaporates_at === null ? "never" : timeOf(item.evaporates_at));
  author.textContent = item.author;
  law.firstElementChild.textContent = item.law;
  entry.item = item;
}

function timeOf(at) {
  const element = document.createElement("time");
  element.dateTime = element.title = new Date(at).toISOString();
  element.textContent = relative(at);
  return element;
}
