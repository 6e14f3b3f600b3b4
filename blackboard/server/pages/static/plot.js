// Parts of charts that several pages draw, as SVG.

const NAMESPACE = "http://www.w3.org/2000/svg";

/** Return an SVG element with attributes. */
export function svg(name, attributes = {}, text = "") {
  const element = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text) element.textContent = text;
  return element;
}

/** Return a number with at most three significant digits, or whole from 1000 on. */
export function short(value) {
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString() : String(Number(value.toPrecision(3)));
}

/** Return round values between two numbers, about as many as asked. */
export function ticks(low, high, number) {
  const rough = (high - low || 1) / number;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = size * [1, 2, 5, 10].find((factor) => size * factor >= rough);
  const values = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step / 1e6; value += step) values.push(value);
  return values;
}
