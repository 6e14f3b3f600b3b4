// Asks the server what its deployment file would change now.

import { morph } from "./morph.js";
import { say } from "./actions.js";

const button = document.getElementById("check");
const place = document.getElementById("checked");

button?.addEventListener("click", async () => {
  button.disabled = true;
  place.textContent = "Checking the file against the board…";
  try {
    const response = await fetch(`${document.body.dataset.root}/deployment/check`, { method: "POST" });
    if (!response.ok) {
      const problem = await response.json().catch(() => ({}));
      throw new Error(problem.detail ?? problem.title ?? `status ${response.status}`);
    }
    morph(place, await response.text());
  } catch (error) {
    place.textContent = "";
    say(error.message, true);
  } finally {
    button.disabled = false;
  }
});
