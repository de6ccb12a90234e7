// A kiosk's page that nobody touches returns to the start. Without scripts it does so by its age alone.

const idleMs = Number(document.documentElement.dataset.idleSeconds) * 1000;
const START = "/kiosk";
let waiting;

function wait() {
  clearTimeout(waiting);
  waiting = setTimeout(() => location.replace(START), idleMs);
}

for (const kind of ["input", "keydown", "pointerdown", "scroll"]) addEventListener(kind, wait, { passive: true });
wait();

// The step back does not lead from the start to whoever was here before.
for (const link of document.querySelectorAll(".cr-finished")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    location.replace(START);
  });
}
