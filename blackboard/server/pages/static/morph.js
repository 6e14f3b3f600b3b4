// Turns what a page shows into new HTML, and keeps what the reader has there: the focus, open parts and typed text.

/** Make the children of an element those of some HTML. */
export function morph(element, html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const focused = document.activeElement;
  morphChildren(element, template.content);
  // A browser takes the focus from an element that is moved.
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
}

function morphChildren(old, fresh) {
  const keyed = new Map();
  for (const child of old.children) if (child.id) keyed.set(child.id, child);
  let place = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    let match = wanted.id ? keyed.get(wanted.id) : null;
    if (!match && place && isAlike(place, wanted) && !(place.id && place.id !== wanted.id)) match = place;
    if (match) {
      if (match !== place) old.insertBefore(match, place);
      else place = place.nextSibling;
      morphNode(match, wanted);
    } else {
      old.insertBefore(wanted, place);
    }
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function isAlike(node, wanted) {
  return node.nodeType === wanted.nodeType && node.nodeName === wanted.nodeName;
}

function morphNode(node, wanted) {
  if (node.nodeType !== Node.ELEMENT_NODE) {
    if (node.nodeValue !== wanted.nodeValue) node.nodeValue = wanted.nodeValue;
    return;
  }
  for (const { name } of [...node.attributes]) {
    // Whether a part is open is the reader's choice, and so is what has been typed.
    if (!wanted.hasAttribute(name) && name !== "open") node.removeAttribute(name);
  }
  let isOther = false;
  for (const { name, value } of wanted.attributes) {
    if (node.getAttribute(name) !== value) {
      if (name !== "open") node.setAttribute(name, value);
      isOther = true;
    }
  }
  // Scripts write the texts of times and strengths.
  if (!isOther && (node.nodeName === "TIME" || node.dataset.strength)) return;
  if (node.nodeName === "TEXTAREA") return;
  morphChildren(node, wanted);
}
