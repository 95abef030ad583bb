// The page: who is asking, what the verdict is, and what was sent.

import { words } from "./format.js";
import { startVerdict } from "./verdict.js";
import { startUploads } from "./uploads.js";

const verdict = startVerdict(document.getElementById("verdict"));
const left = startUploads(document.getElementById("uploads"), verdict);

const form = document.getElementById("sessions-form");
const complaint = document.getElementById("sessions-error");
let latest = 0;

// pick sets the cookie of the picked session, and asks at once what that is worth.
async function pick() {
  const turn = ++latest;
  let problem = "";
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (!answer.ok) problem = (await answer.text()).trim();
  } catch {
    problem = words.unreachable;
  }
  if (turn !== latest) return; // another one has been picked meanwhile
  complaint.hidden = problem === "";
  complaint.textContent = problem;
  verdict.ask();
  left.ask();
}

form.addEventListener("change", pick);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  pick();
});
