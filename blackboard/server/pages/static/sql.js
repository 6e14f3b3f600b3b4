// The page of SQL: runs a query, and shows its result as a table, as CSV and as a chart of two columns.

import { send, say } from "./actions.js";
import { short, svg, ticks } from "./plot.js";

const LIMIT = 1000;
const WIDTH = 900;
const HEIGHT = 260;
const LEFT = 60;

const box = document.getElementById("query");
const place = document.getElementById("result");
const csv = document.getElementById("csv");
const chart = document.getElementById("chart");
const across = document.getElementById("across");
const up = document.getElementById("up");
let table = { columns: [], rows: [] };

async function run() {
  const url = new URL(location.href);
  url.searchParams.set("query", box.value);
  history.replaceState(null, "", url);
  place.textContent = "…";
  csv.hidden = true;
  chart.hidden = true;
  try {
    table = await send("/v1/sql", { sql: box.value, table: true, limit: LIMIT });
    show();
  } catch (error) {
    place.textContent = "";
    say(error.message, true);
  }
}

function show() {
  const { columns, rows, has_more: hasMore } = table;
  const count = document.createElement("p");
  count.className = "hint";
  count.textContent = hasMore ? `the first ${rows.length} rows` : rows.length === 1 ? "1 row" : `${rows.length} rows`;
  const wide = document.createElement("div");
  wide.className = "wide";
  wide.tabIndex = 0; // so that the keyboard can scroll it
  wide.setAttribute("role", "group");
  wide.setAttribute("aria-label", "Result");
  const shown = document.createElement("table");
  const head = shown.createTHead().insertRow();
  for (const name of columns) {
    const cell = document.createElement("th");
    cell.textContent = name;
    head.append(cell);
  }
  const body = shown.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const value of row) {
      const cell = line.insertCell();
      cell.textContent = value === null ? "" : String(value);
      if (typeof value === "number") cell.className = "right";
    }
  }
  wide.append(shown);
  place.replaceChildren(count, wide);
  csv.hidden = !rows.length;
  chooseColumns();
}

function chooseColumns() {
  const { columns, rows } = table;
  const numbers = columns.filter((_, index) => rows.some((row) => typeof row[index] === "number"));
  chart.hidden = !rows.length || !numbers.length;
  if (chart.hidden) return;
  const fill = (select, names, chosen) => {
    select.replaceChildren(...names.map((name) => new Option(name, name, false, name === chosen)));
  };
  const last = numbers.at(-1);
  fill(up, numbers, numbers.includes(up.value) ? up.value : last);
  fill(across, columns, columns.includes(across.value) ? across.value : columns.find((name) => name !== last) ?? last);
  plot();
}

function plot() {
  const x = table.columns.indexOf(across.value);
  const y = table.columns.indexOf(up.value);
  const points = table.rows.filter((row) => typeof row[y] === "number" && row[x] !== null);
  const isNumber = points.every((row) => typeof row[x] === "number");
  const high = Math.max(0, ...points.map((row) => row[y]));
  const low = Math.min(0, ...points.map((row) => row[y]));
  const yOf = (value) => 10 + (HEIGHT - 40) * (1 - (value - low) / (high - low || 1));
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: "100%", role: "img", "aria-label": `${up.value} by ${across.value}; the table has the same data` });
  for (const value of ticks(low, high, 5)) {
    picture.append(svg("line", { class: "grid", x1: LEFT, x2: WIDTH, y1: yOf(value), y2: yOf(value) }));
    picture.append(svg("text", { x: LEFT - 8, y: yOf(value) + 4, "text-anchor": "end" }, short(value)));
  }
  if (isNumber) {
    const [first, last] = [Math.min(...points.map((row) => row[x])), Math.max(...points.map((row) => row[x]))];
    const xOf = (value) => LEFT + 8 + (WIDTH - LEFT - 16) * ((value - first) / (last - first || 1));
    for (const row of points) picture.append(svg("circle", { class: "point", cx: xOf(row[x]), cy: yOf(row[y]), r: 3.5 }));
    for (const value of ticks(first, last, 8)) picture.append(svg("text", { x: xOf(value), y: HEIGHT - 8, "text-anchor": "middle" }, short(value)));
  } else {
    const width = (WIDTH - LEFT) / points.length;
    const every = Math.ceil(points.length / 12);
    points.forEach((row, index) => {
      const [top, bottom] = [yOf(Math.max(0, row[y])), yOf(Math.min(0, row[y]))];
      const bar = svg("rect", { class: "bar", x: LEFT + index * width + width * 0.1, y: top, width: width * 0.8, height: Math.max(1, bottom - top) });
      bar.append(svg("title", {}, `${row[x]}: ${row[y]}`));
      picture.append(bar);
      if (index % every === 0) picture.append(svg("text", { x: LEFT + (index + 0.5) * width, y: HEIGHT - 8, "text-anchor": "middle" }, String(row[x]).slice(0, 14)));
    });
  }
  document.getElementById("plot").replaceChildren(picture);
}

function download() {
  const quoted = (value) => {
    const text = value === null ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [table.columns, ...table.rows].map((row) => row.map(quoted).join(","));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${lines.join("\r\n")}\r\n`], { type: "text/csv" }));
  link.download = "query.csv";
  link.click();
  URL.revokeObjectURL(link.href);
}

document.getElementById("query-form").addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
box.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) run();
});
csv.addEventListener("click", download);
for (const select of [across, up]) select.addEventListener("change", plot);
document.addEventListener("click", (event) => {
  const column = event.target.closest("[data-insert]");
  if (!column) return;
  box.setRangeText(column.dataset.insert, box.selectionStart, box.selectionEnd, "end");
  box.focus();
});
if (new URL(location.href).searchParams.has("query")) run();
