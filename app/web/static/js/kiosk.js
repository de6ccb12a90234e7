// A kiosk's page that nobody touches returns to the start; a minute before, it asks whether somebody is there (WCAG
// 2.2.1). Without scripts it does so by its age alone.

const idleMs = Number(document.documentElement.dataset.idleSeconds) * 1000;
const START = "/kiosk";
const ASKED_MS = Math.min(60_000, idleMs / 2);
const asking = document.querySelector("[data-idle]");
let waiting;

function wait() {
  // Whoever is asked answers: what lies beneath is not pressed with it.
  if (asking?.open) return;
  clearTimeout(waiting);
  waiting = setTimeout(ask, idleMs - ASKED_MS);
}

function ask() {
  asking?.showModal();
  waiting = setTimeout(() => location.replace(START), ASKED_MS);
}

asking?.addEventListener("close", wait);
// Also whoever listens is there.
for (const kind of ["input", "keydown", "pointerdown", "scroll", "timeupdate"]) {
  addEventListener(kind, wait, { passive: true, capture: true });
}
wait();

// The step back does not lead from the start to whoever was here before.
for (const link of document.querySelectorAll(".cr-finished")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    location.replace(START);
  });
}
