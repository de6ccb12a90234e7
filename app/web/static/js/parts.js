// Forms that change a part of the page: sent without leaving it, so that playing goes on and nothing typed is lost.
// What is refused or not answered stays in its field, and the page says beside it what to do.

import { says } from "./page.js";

export const GONE = [404, 410];
const shown = new Map();
const busy = new WeakSet();
// What was sent changes the page: what was asked for before or meanwhile is out of date.
let sendings = 0;

const askForPage = () => fetch(location.pathname + location.search, { headers: { Accept: "text/html" } });

export async function refresh(isWanted = () => true) {
  const before = sendings;
  const answer = await askForPage();
  const text = answer.ok ? await answer.text() : null;
  if (text && sendings === before) swap(text, isWanted);
}

/** Who has the story in hand by now, after a refusal; the rest stays as whoever was refused sees it. */
export async function refreshHand() {
  await refresh((part) => part.id === "part-hand").catch(() => {});
}

export async function send(form, button) {
  const fields = new FormData(form, button);
  let answer, text;
  sendings += 1;
  try {
    answer = await fetch(form.action, {
      method: "POST",
      headers: { Accept: "text/html" },
      body: new URLSearchParams(fields),
    });
    text = await answer.text();
  } catch {
    // Also where the line breaks within the answer.
    answer = null;
  }
  sendings += 1;
  form.querySelector("[data-not-sent]")?.remove();
  // Led elsewhere, as to a second factor that is asked for, it did nothing either.
  const isHere = answer && new URL(answer.url).pathname === location.pathname;
  if (answer?.ok && isHere) {
    swap(text);
    return true;
  }
  if (await isTheEnd(answer, form)) sendPlainly(form, button);
  else await refuse(form, button, answer, text);
  return false;
}

// The story is gone, or the answer is a page to go on with, which has what was typed (a transcript, beside theirs).
async function isTheEnd(answer, form) {
  if (!answer || answer.status === 401 || answer.status === 429 || answer.status >= 500) return false;
  if (GONE.includes(answer.status)) return !isTyped() && (await isStoryGone());
  return !form.matches("[data-swap]");
}

// What is gone may be a comment or a theme, and the story be there.
async function isStoryGone() {
  const page = await askForPage().catch(() => null);
  return GONE.includes(page?.status);
}

// Whether something stands in the page that was typed; where it is saved already, staying costs nothing.
function isTyped() {
  return [...document.querySelectorAll("textarea")].some((each) => each.value !== each.defaultValue);
}

async function refuse(form, button, answer, text) {
  const part = form.closest("[data-part]");
  const line = sayWhy(form, button, whyNot(answer, text));
  if (answer?.status !== 409) return;
  await refreshHand();
  // The form was in what has just been replaced.
  if (!line.isConnected) part?.append(line);
}

function whyNot(answer, text) {
  if (!answer || answer.status >= 500) return [says("not-sent")];
  if (answer.status === 401) {
    const link = Object.assign(document.createElement("a"), { className: "govuk-link", href: "/sign-in", target: "_blank", textContent: says("sign-in") });
    return [`${says("not-sent-signed-out")} `, link];
  }
  const page = new DOMParser().parseFromString(text, "text/html");
  const reason = page.querySelector(".govuk-error-summary__body, [data-why]")?.textContent.trim() ?? "";
  return [`${says("not-sent-refused")} ${reason}`];
}

function sayWhy(form, button, words) {
  const line = Object.assign(document.createElement("p"), { className: "govuk-error-message" });
  line.dataset.notSent = "";
  line.setAttribute("role", "alert");
  line.append(...words);
  // Where one looks: a transcript is long.
  (button?.closest(".govuk-button-group") ?? button ?? form.firstChild).before(line);
  return line;
}

export function sendPlainly(form, button) {
  if (button?.name) {
    const said = Object.assign(document.createElement("input"), { type: "hidden", name: button.name, value: button.value });
    form.append(said);
  }
  form.submit();
}

function swap(text, isWanted = () => true) {
  const page = new DOMParser().parseFromString(text, "text/html");
  for (const part of document.querySelectorAll("[data-part]")) {
    const fresh = page.getElementById(part.id);
    if (!fresh || !isWanted(part) || fresh.innerHTML === shown.get(part.id)) continue;
    const stays = part.contains(document.activeElement) ? placeOfFocus(part) : null;
    shown.set(part.id, fresh.innerHTML);
    part.replaceChildren(...document.adoptNode(fresh).childNodes);
    stays?.();
  }
  document.dispatchEvent(new Event("parts-swapped"));
}

const said = (form) => new URLSearchParams(new FormData(form)).toString();

// Whoever pressed a button goes on where they were: on the next theme, on the same thing, or beside it. Never on
// another button, which a second press of Enter would set off.
function placeOfFocus(part) {
  const at = document.activeElement;
  const card = at.closest("[data-theme]");
  const cards = [...part.querySelectorAll("[data-theme]")];
  const id = at.id || card?.id;
  const next = card && cards.slice(cards.indexOf(card) + 1).find((each) => each.dataset.theme === "suggested")?.id;
  return () => {
    const found = document.getElementById(next || id) || part;
    if (found === part) part.tabIndex = -1;
    found.focus();
  };
}

document.addEventListener("submit", async (event) => {
  if (!event.target.matches("form[data-swap]")) return;
  event.preventDefault();
  const form = event.target;
  // Pressed twice, it is sent once.
  if (busy.has(form)) return;
  busy.add(form);
  const before = said(form);
  const isSent = await send(form, event.submitter).finally(() => busy.delete(form));
  // What was written meanwhile was not sent.
  if (isSent && said(form) === before) form.reset();
});
