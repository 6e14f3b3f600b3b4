// Keeps an open page up to date: the server sends the parts that changed, at most four times a second.

import { morph } from "./morph.js";
import { showTimes } from "./times.js";
import "./actions.js";

const root = document.body.dataset.root;
const version = new URL(import.meta.url).pathname.split("/").at(-2);
const dot = document.getElementById("connection");

const first = document.getElementById("drawing");
/** What the scripts of a page draw: settings, and items by id. */
export const drawing = { settings: {}, items: new Map() };
const listeners = [];
if (first) setDrawing(JSON.parse(first.textContent), true);

/** Call a function now and whenever what is drawn has changed. */
export function onDrawing(callback) {
  listeners.push(callback);
  callback();
}

function setDrawing({ items = [], gone = [], drawn, ...settings }, isAll) {
  drawing.settings = isAll ? (drawn ?? settings) : { ...drawing.settings, ...drawn };
  if (isAll) drawing.items.clear();
  for (const id of gone) drawing.items.delete(id);
  for (const item of items) drawing.items.set(item.id, item);
}

function take(event, isAll) {
  const message = JSON.parse(event.data);
  if (isAll && message.version !== version) {
    location.reload(); // the server has been updated
    return;
  }
  for (const [name, html] of Object.entries(message.parts)) {
    const part = document.querySelector(`[data-live="${CSS.escape(name)}"]`);
    if (part) morph(part, html);
  }
  if (message.drawn) {
    setDrawing(message, isAll);
    for (const callback of listeners) callback();
  }
  showTimes();
}

function connect() {
  const page = document.body.dataset.page + location.search;
  const stream = new EventSource(`${root}/live?page=${encodeURIComponent(page)}`);
  stream.addEventListener("all", (event) => {
    take(event, true);
    showConnection("live");
  });
  stream.addEventListener("changes", (event) => take(event, false));
  stream.addEventListener("error", () => {
    showConnection("not connected");
    if (stream.readyState === EventSource.CLOSED) setTimeout(connect, 3000);
  });
}

function showConnection(state) {
  dot.title = state;
  dot.dataset.state = state;
  if (dot.firstElementChild.textContent !== state) dot.firstElementChild.textContent = state;
}

// On a narrow screen, the menu is a row that is wider than the screen.
document.querySelector("header [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
connect();
showTimes();
setInterval(showTimes, 1000);
