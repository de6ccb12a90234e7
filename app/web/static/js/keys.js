// Keys at the desk and in the queue, each of which answers those that it has acts for. Those with modifiers and the function keys work while one types; single letters only elsewhere
// (WCAG 2.1.4), and all of them can be switched off.

const SWITCH = "desk-keys-off";

const ANYWHERE = {
  Escape: "toggle", "Ctrl+k": "toggle",
  F1: "back", "Ctrl+j": "back",
  F2: "forward", "Ctrl+l": "forward",
  F3: "slower", F4: "faster",
  "Ctrl+Enter": "playHere",
  "Alt+ArrowDown": "nextSegment", "Alt+ArrowUp": "segmentBefore",
  F8: "uncertain", F9: "nextHit",
  "Ctrl+s": "save",
};
const BESIDE_THE_TEXT = { t: "suggestedTheme", a: "accept", r: "reject", p: "playMoment", "+": "addTheme", n: "nextStory" };

export function listen(acts) {
  const help = document.getElementById("keys");
  const opener = document.querySelector("[data-help]");
  const isOn = help.querySelector("#keys-on");
  isOn.checked = localStorage.getItem(SWITCH) === null;
  isOn.addEventListener("change", () => {
    if (isOn.checked) localStorage.removeItem(SWITCH);
    else localStorage.setItem(SWITCH, "yes");
  });
  opener.hidden = false;
  opener.addEventListener("click", () => help.showModal());

  document.addEventListener("keydown", (event) => {
    if (!isOn.checked || help.open || document.fullscreenElement || event.isComposing) return;
    const act = actOf(event);
    if (act !== "help" && !acts[act]) return;
    if (act === "help") help.showModal();
    else if (acts[act]() === false) return;
    event.preventDefault();
  });
}

// Where the letters are Greek, a key is known by its place.
const GREEK = /\p{Script=Greek}/u;

function keyOf({ key, code }) {
  if (GREEK.test(key) && code.startsWith("Key")) return code.slice(3).toLowerCase();
  return key.length === 1 ? key.toLowerCase() : key;
}

function actOf(event) {
  const key = keyOf(event);
  const held = `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}`;
  const isTyping = event.target.matches("textarea, select, input:not([type=checkbox])");
  if (key === "Escape" && event.target.matches("select")) return null;
  if (ANYWHERE[held + key] && !event.shiftKey) return ANYWHERE[held + key];
  if (held || isTyping) return null;
  return key === "?" ? "help" : BESIDE_THE_TEXT[key];
}
