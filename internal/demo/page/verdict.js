// The live verdict: asks /authenticate again and again, and shows what it says and why.

import { put, words } from "./format.js";

const every = 3000; // milliseconds
const patience = 10000;

// Why a session is no user's, for people.
const why = {
  no_cookie: "The request has no session cookie.",
  bad_session_key: "What the cookie holds cannot be a session key.",
  not_found: "There is no such session. A logout deletes it.",
  expired: "The session is past its time.",
  bad_signature: "The stored session was changed, or was signed with another SECRET_KEY.",
  unreadable: "The stored session cannot be read.",
  anonymous: "The session has no user: its visitor never logged in.",
  unknown_backend: "The login's backend is not in AUTHENTICATION_BACKENDS.",
  bad_user_id: "The user's id in the session cannot be a primary key.",
  user_not_found: "The session's user no longer exists.",
  user_inactive: "The user was deactivated after the login.",
  auth_hash_mismatch: "The user's password was changed after the login.",
};

// authenticate asks for a verdict: {status, text, body}, with status 0 and no body where nobody answers.
export async function authenticate() {
  try {
    const answer = await fetch("/authenticate", { cache: "no-store", signal: AbortSignal.timeout(patience) });
    const text = await answer.text();
    return { status: answer.status, text, body: JSON.parse(text) };
  } catch {
    return { status: 0, text: "", body: null };
  }
}

// describe turns an answer into what is shown.
function describe({ status, body }) {
  if (!body) return { state: "away", headline: words.unreachable, why: "The page keeps asking." };
  if (body.result) {
    const user = body.user;
    const is = [`user ${user.id}`, user.is_staff && "staff", user.is_superuser && "superuser"].filter(Boolean).join(", ");
    const until = body.expires && new Date(body.expires).toLocaleDateString(document.documentElement.lang, { dateStyle: "long" });
    return { state: "alive", headline: `${user.username ?? "A user"} is logged in`, why: until ? `${is}; the session lasts until ${until}` : is };
  }
  if (status >= 500) return { state: "away", headline: "Nobody knows", why: `${body.message} That logs nobody out.` };
  return { state: "ended", headline: "Nobody is logged in", why: why[body.reason] ?? body.message, reason: body.reason };
}

// putJSON shows a text that may be broken after its commas.
function putJSON(element, text) {
  if (element.textContent === text) return;
  element.replaceChildren(...text.split(/(?<=,)/).flatMap((part) => [part, document.createElement("wbr")]));
}

// startVerdict keeps the section up to date.
export function startVerdict(section) {
  const at = (name) => section.querySelector(`#verdict-${name}`);
  let latest = 0;
  let timer = 0;

  async function ask() {
    clearTimeout(timer);
    const turn = ++latest;
    const answer = await authenticate();
    if (turn !== latest) return; // what was asked later counts
    const shown = describe(answer);
    section.dataset.state = shown.state;
    put(at("status"), answer.status ? String(answer.status) : "no answer");
    put(at("headline"), shown.headline);
    put(at("why"), shown.why);
    at("reason").hidden = !shown.reason;
    put(at("reason"), shown.reason ?? "");
    putJSON(at("answer"), answer.text || "None came.");
    if (!document.hidden) timer = setTimeout(ask, every);
  }

  at("details").open = matchMedia("(min-width: 46rem)").matches; // where there is room beside the verdict
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) ask();
  });
  ask();
  return { ask };
}
