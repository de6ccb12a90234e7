// The review desk: puts together what plays, what is typed, keys and progress. Without it, the page's forms do all.

import { listen } from "./keys.js";
import { says } from "./page.js";
import "./parts.js";
import { Player, makeTimesButtons } from "./player.js";
import { watch } from "./progress.js";
import { stayWhileAtWork } from "./staying.js";
import { show } from "./waveform.js";
import { Words } from "./words.js";

const desk = document.querySelector("[data-desk]");
const recordings = [...document.querySelectorAll("[data-recording]")].map((section) => ({
  id: section.dataset.recording,
  section,
  player: new Player(section),
  words: section.querySelector("form[data-transcript]") ? new Words(section) : null,
}));

let last = recordings[0];
function here() {
  last = recordings.find((each) => each.section.contains(document.activeElement)) ?? last;
  return last;
}

const segmentHere = () => document.activeElement.closest("[data-segment]");
const themeHere = () => document.activeElement.closest("[data-theme]");

function pressInTheme(selector) {
  const button = themeHere()?.querySelector(selector);
  button?.click();
  return Boolean(button);
}

function goToSegment(step) {
  const { segments } = here()?.player ?? { segments: [] };
  const to = segments[segments.indexOf(segmentHere()) + step];
  to?.querySelector("textarea").focus();
  return Boolean(to);
}

const acts = {
  toggle: () => here()?.player.toggle(),
  back: () => here()?.player.skip(-1),
  forward: () => here()?.player.skip(1),
  slower: () => here()?.player.slower(),
  faster: () => here()?.player.faster(),
  save: () => here()?.words?.save(),
  undo: () => here()?.words?.undo(),
  replace: () => here()?.words?.replaceAll(),
  playHere: () => {
    const segment = segmentHere();
    if (segment) here().player.playFrom(Number(segment.dataset.start));
    return Boolean(segment);
  },
  uncertain: () => {
    const segment = here()?.words?.nextUncertain();
    segment?.place.scrollIntoView({ block: "center" });
  },
  nextHit: () => {
    const segment = here()?.words?.nextHit();
    segment?.place.scrollIntoView({ block: "center" });
  },
  addTheme: () => {
    const choice = document.getElementById("theme");
    choice?.focus();
    return Boolean(choice);
  },
  nextSegment: () => goToSegment(1),
  segmentBefore: () => goToSegment(-1),
  suggestedTheme: () => {
    const theme = document.querySelector('[data-theme="suggested"]') ?? document.querySelector("[data-theme]");
    theme?.focus();
    return Boolean(theme);
  },
  accept: () => pressInTheme('[value="accepted"]'),
  reject: () => pressInTheme('[value="rejected"]'),
  playMoment: () => pressInTheme("[data-seek]"),
  nextStory: () => document.getElementById("next-story").requestSubmit(),
  waveform: async (button) => {
    const canvas = here().section.querySelector("canvas");
    const isShown = !canvas.hidden;
    if (!canvas.dataset.drawn) {
      // Where nothing came, the button stays what it was, to be pressed again.
      if (!(await show(canvas, here().player))) return;
      canvas.dataset.drawn = "yes";
    }
    canvas.hidden = isShown;
    button.textContent = says(isShown ? "show-waveform" : "hide-waveform");
  },
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.act) acts[button.dataset.act](button);
  if (!button?.dataset.seek) return;
  const of = recordings.find((each) => each.id === button.dataset.of) ?? here();
  const until = button.dataset.until ? Number(button.dataset.until) + 0.5 : null;
  of.player.playFrom(Number(button.dataset.seek), until);
});

makeTimesButtons(document);
document.addEventListener("parts-swapped", () => makeTimesButtons(document));
listen(acts);
stayWhileAtWork(desk.dataset.desk);
// Whoever is at work here is not taken from it: they load what got ready when they like.
watch(desk.dataset.desk, () => {
  const load = Object.assign(document.createElement("button"), { className: "govuk-button", type: "button", textContent: says("load-it") });
  const line = Object.assign(document.createElement("p"), { className: "govuk-body", textContent: says("is-ready") });
  load.addEventListener("click", async () => {
    for (const { words } of recordings) await words?.save();
    location.reload();
  });
  const notice = document.querySelector("[data-ready]");
  notice.className = "govuk-inset-text";
  notice.replaceChildren(line, load);
});
