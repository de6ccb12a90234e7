// How far the pipeline has come, as it goes (server-sent events). Said aloud when a step begins, drawn all the time.

import { says } from "./page.js";

export function watch(story, whenReady) {
  const places = new Map([...document.querySelectorAll("[data-progress]")].map((each) => [each.dataset.progress, each]));
  if (!places.size) return;
  const steps = new Map();
  const source = new EventSource(`/review/${story}/progress`);
  source.addEventListener("recordings", (event) => {
    for (const { id, progress } of JSON.parse(event.data)) {
      const place = places.get(id);
      if (!place || !progress) continue;
      const bar = place.querySelector("progress");
      if (bar) bar.value = progress.percent;
      if (steps.get(id) === progress.step) continue;
      steps.set(id, progress.step);
      const line = place.querySelector("[role=status]");
      if (line) line.textContent = says(progress.step ? `being-prepared-${progress.step}` : "being-prepared");
    }
  });
  source.addEventListener("rest", () => {
    source.close();
    whenReady();
  });
}
