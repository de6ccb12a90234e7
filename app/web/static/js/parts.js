// Forms that change a part of the page: sent without leaving it, so that playing goes on and nothing typed is lost.
// Whatever goes wrong, the form is sent as a browser without scripts would.

const shown = new Map();

export async function refresh() {
  const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
  if (answer.ok) swap(await answer.text());
}

export async function send(form, button) {
  const fields = new FormData(form, button);
  let answer;
  try {
    answer = await fetch(form.action, {
      method: "POST",
      headers: { Accept: "text/html" },
      body: new URLSearchParams(fields),
    });
  } catch {
    answer = null;
  }
  if (!answer || !answer.ok) {
    sendPlainly(form, button);
    return false;
  }
  swap(await answer.text());
  return true;
}

export function sendPlainly(form, button) {
  if (button?.name) {
    const said = Object.assign(document.createElement("input"), { type: "hidden", name: button.name, value: button.value });
    form.append(said);
  }
  form.submit();
}

function swap(text) {
  const page = new DOMParser().parseFromString(text, "text/html");
  for (const part of document.querySelectorAll("[data-part]")) {
    const fresh = page.getElementById(part.id);
    if (!fresh || fresh.innerHTML === shown.get(part.id)) continue;
    const stays = part.contains(document.activeElement) ? placeOfFocus(part) : null;
    shown.set(part.id, fresh.innerHTML);
    part.replaceChildren(...document.adoptNode(fresh).childNodes);
    stays?.();
  }
  document.dispatchEvent(new Event("parts-swapped"));
}

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
  if (await send(form, event.submitter)) form.reset();
});
