// Whoever works at the desk is at its story: while they play, seek or write, the service is told so, once a minute at most.

const EVERY_MS = 60_000;
const WORK = ["timeupdate", "seeking", "input"];

export function stayWhileAtWork(story) {
  let told = -EVERY_MS;
  const tell = () => {
    const isMine = document.querySelector("[data-mine]");
    const now = performance.now();
    if (!isMine || document.visibilityState !== "visible" || now - told < EVERY_MS) return;
    told = now;
    // Unanswered, it is tried again in a minute; the half hour is long enough for that.
    fetch(`/review/${story}/stay`, { method: "POST" }).catch(() => {});
  };
  // What media say does not bubble.
  for (const each of WORK) document.addEventListener(each, tell, { capture: true });
}
