// Buttons and forms that act on the board, by the same operations that programs use.

const root = document.body.dataset.root;

/** Show what happened, to readers of the screen and to screen readers. */
export function say(text, isWrong = false) {
  const place = document.getElementById("said");
  const line = document.createElement("p");
  line.textContent = text;
  line.className = isWrong ? "wrong" : "";
  place.replaceChildren(line);
  clearTimeout(say.timer);
  say.timer = setTimeout(() => line.remove(), isWrong ? 20000 : 6000);
}

/** Ask before something that cannot be undone. */
function ask(text) {
  const dialog = document.getElementById("question");
  document.getElementById("question-text").textContent = text;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

/** Send a request to an operation, and return its answer. Throws an Error with the problem in words. */
export async function send(path, fields, method = "POST") {
  const response = await fetch(root + path, {
    method,
    headers: { "Content-Type": "application/json" },
    body: method === "DELETE" ? undefined : JSON.stringify(fields ?? {}),
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new Error([answer.detail ?? answer.title ?? `status ${response.status}`, answer.remedy].filter(Boolean).join(". "));
  }
  return answer;
}

function fieldsOf(form, submitter) {
  const fields = {};
  for (const [name, value] of new FormData(form, submitter)) if (value !== "") fields[name] = value;
  return fields;
}

async function act(element, fields) {
  const { post: path, method, ask: question, said } = element.dataset;
  if (question && !(await ask(question))) return;
  const buttons = element.matches("form") ? element.querySelectorAll("button") : [element];
  for (const button of buttons) button.disabled = true;
  try {
    const answer = await send(path, fields, method);
    say((said || "Done.").replace(/\{(\w+)\}/g, (_, name) => (Array.isArray(answer[name]) ? answer[name].length : answer[name]) ?? ""));
    if (element.matches("form")) element.reset();
  } catch (error) {
    say(error.message, true);
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-post]");
  if (button) act(button, button.dataset.fields ? JSON.parse(button.dataset.fields) : {});
});
document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-post]");
  if (!form) return;
  event.preventDefault();
  act(form, fieldsOf(form, event.submitter));
});
