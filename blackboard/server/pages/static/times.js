// The clock of the server, and times in words.

const body = document.body;
const offset = Number(body.dataset.now) - Date.now();
const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

/** Return the time of the board, in milliseconds since the epoch. */
export function now() {
  return Date.now() + offset;
}

/** Return a length of time in its two largest units, such as `2 h 5 min`. */
export function length(milliseconds) {
  let seconds = Math.round(Math.abs(milliseconds) / 1000);
  const words = [];
  for (const [unit, size] of UNITS) {
    const number = Math.floor(seconds / size);
    if (number || (unit === "s" && !words.length)) words.push(`${number} ${unit}`);
    seconds -= number * size;
    if (words.length === 2) break;
  }
  return words.join(" ");
}

/** Return how long ago an instant was, or how long it is ahead. */
export function relative(at) {
  const distance = at - now();
  if (Math.abs(distance) < 500) return "now";
  return distance > 0 ? `in ${length(distance)}` : `${length(distance)} ago`;
}

/** Write each time on the page as how long ago it was. */
export function showTimes(root = document) {
  for (const element of root.querySelectorAll("time")) {
    const at = Date.parse(element.dateTime);
    if (Number.isNaN(at)) continue;
    const text = relative(at);
    if (element.textContent !== text) element.textContent = text;
  }
}
