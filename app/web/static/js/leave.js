// Leaving at once: what is shown goes before the server answers, and no step back leads to it.
// Without scripts the form does the same by itself, and only the step back stays: there nobody is signed in any more.

const form = document.querySelector(".cr-exit");
const ELSEWHERE = "/leave";
const PRESSES = 3;
const WITHIN_MS = 3000;
// A line that hangs keeps nobody here.
const PATIENCE_MS = 1500;
let pressed = [];

function leave(event) {
  event?.preventDefault();
  document.body.hidden = true;
  // What runs on the page stops, and asks nothing.
  document.dispatchEvent(new Event("leaving"));
  document.title = "";
  const signedOut = fetch(form.action, { method: "POST", keepalive: true, redirect: "manual" }).catch(() => null);
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  // From now on also whoever loads the page again, or steps back to it, finds the other.
  history.replaceState(null, "", ELSEWHERE);
  Promise.race([signedOut, late]).then(() => location.replace(ELSEWHERE));
}

form?.addEventListener("submit", leave);

// As on other public services: the shift key three times, and nothing else between. Capital letters are no such thing.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Shift") pressed = [];
});
document.addEventListener("keyup", (event) => {
  if (!form || event.key !== "Shift") return;
  const now = Date.now();
  pressed = [...pressed.filter((then) => now - then < WITHIN_MS), now];
  if (pressed.length === PRESSES) leave();
});
