// Leaving at once: what is shown goes before the server answers, and no step back leads to it.
// Without scripts the form does the same by itself, and only the step back stays: there nobody is signed in any more.

const form = document.querySelector(".cr-exit");
const ELSEWHERE = "/leave";
const PRESSES = 3;
const WITHIN_MS = 3000;
let pressed = [];

function leave(event) {
  event?.preventDefault();
  document.body.hidden = true;
  // What runs on the page stops, and asks nothing.
  document.dispatchEvent(new Event("leaving"));
  document.title = "";
  fetch(form.action, { method: "POST", keepalive: true, redirect: "manual" }).finally(() =>
    location.replace(ELSEWHERE),
  );
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
