// Playing a recording beside its transcript: seek by a press on a time, show what is playing, go back, slow down.

import { says } from "./page.js";

const STEP_SECONDS = 2;
// Who goes on after a pause hears again what they paused in.
const BACK_ON_GOING_ON_SECONDS = 1;
const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export class Player {
  constructor(section) {
    this.section = section;
    this.media = section.querySelector(".cr-player");
    this.segments = [...section.querySelectorAll("[data-segment]")];
    this.starts = this.segments.map((each) => Number(each.dataset.start));
    this.until = null;
    this.playing = null;
    this.pausedAt = null;
    if (!this.media) return;
    const stage = section.querySelector(".cr-stage");
    // It stays in sight: what gets the focus below it scrolls to where it can be seen.
    new ResizeObserver(() => section.style.setProperty("--stage", `${stage.offsetHeight + 8}px`)).observe(stage);
    const controls = section.querySelector("[data-controls]");
    controls.hidden = false;
    this.speed = controls.querySelector("[data-speed]");
    this.speed.addEventListener("change", () => this.setSpeed(Number(this.speed.value)));
    this.button = controls.querySelector('[data-act="toggle"]');
    for (const name of ["play", "pause"]) {
      this.media.addEventListener(name, () => { this.button.textContent = says(this.media.paused ? "play" : "pause"); });
    }
    this.media.addEventListener("pause", () => { this.pausedAt = this.media.ended ? null : this.media.currentTime; });
    this.media.addEventListener("timeupdate", () => this.follow());
  }

  toggle() {
    if (!this.media) return;
    this.until = null;
    if (this.media.paused) this.goOn();
    else this.media.pause();
  }

  // Whoever went elsewhere meanwhile plays from there.
  goOn() {
    const { currentTime } = this.media;
    if (currentTime === this.pausedAt) this.media.currentTime = Math.max(0, currentTime - BACK_ON_GOING_ON_SECONDS);
    this.play();
  }

  // A pause in between, or a recording that cannot be played, is seen at the player itself.
  play() { this.media.play().catch(() => {}); }

  skip(steps) {
    if (this.media) this.media.currentTime = Math.max(0, this.media.currentTime + steps * STEP_SECONDS);
  }

  slower() { this.setSpeed(SPEEDS.findLast((each) => each < this.media?.playbackRate)); }
  faster() { this.setSpeed(SPEEDS.find((each) => each > this.media?.playbackRate)); }

  setSpeed(speed) {
    if (!speed || !this.media) return;
    this.media.playbackRate = speed;
    this.speed.value = String(speed);
  }

  playFrom(start, until = null) {
    if (!this.media) return;
    this.media.currentTime = start;
    this.until = until;
    this.play();
  }

  follow() {
    const now = this.media.currentTime;
    if (this.until !== null && now >= this.until) {
      this.until = null;
      this.media.pause();
    }
    const segment = this.segments[this.starts.findLastIndex((start) => start <= now)] ?? null;
    if (segment === this.playing) return;
    this.playing?.removeAttribute("aria-current");
    segment?.setAttribute("aria-current", "true");
    this.playing = segment;
    const follows = this.section.querySelector("[data-follow]")?.checked;
    if (follows) segment?.scrollIntoView({ block: "center", behavior: calm.matches ? "auto" : "smooth" });
  }
}

// What was a link to a moment, for want of scripts, becomes a button that plays it here.
export function makeTimesButtons(place) {
  for (const link of place.querySelectorAll("a[data-seek]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "cr-time cr-link-button";
    const play = Object.assign(document.createElement("span"), { className: "govuk-visually-hidden", textContent: `${says("play")} ` });
    button.append(play, link.textContent);
    Object.assign(button.dataset, link.dataset);
    link.replaceWith(button);
  }
}
