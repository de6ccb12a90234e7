// A transcript that is typed in: saved two seconds after the last key at the latest, with a copy in this browser until
// the service has it, undo, search and replace, and a walk over the words that the recogniser was not sure of.

import { patternOf } from "./matching.js";
import { says } from "./page.js";
import { GONE, refresh, refreshHand, send, sendPlainly } from "./parts.js";

const SAVE_AFTER_MS = 1200;
const TRY_AGAIN_MS = 4000;
// Refusals that the desk has words of its own for.
const REASONS = ["story-in-hand", "not-signed-in"];
// In UTC, and said so, as all times on the desk.
const clock = (moment) => {
  const form = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: "UTC" };
  return `${moment.toLocaleTimeString(document.documentElement.lang, form)} UTC`;
};

export class Words {
  constructor(section) {
    this.form = section.querySelector("form[data-transcript]");
    this.address = this.form.dataset.transcript;
    this.key = `desk:${section.dataset.recording}`;
    this.mark = this.form.elements.based_on_version;
    this.version = section.querySelector("[data-version]");
    this.status = section.querySelector("[data-saved]");
    this.undoButton = section.querySelector('[data-act="undo"]');
    this.offer = section.querySelector("[data-found-words]");
    this.tools = section.querySelector("[data-replace]");
    this.segments = [...section.querySelectorAll("[data-segment]")].map((place) => ({
      place,
      position: Number(place.dataset.segment),
      start: place.dataset.start,
      text: place.querySelector("textarea"),
      speaker: place.querySelector("input"),
    }));
    for (const each of this.segments) each.kept = each.base = said(each);
    this.history = [];
    this.left = [];
    this.saving = null;
    this.isStopped = !this.status;
    if (this.isStopped) return;
    section.querySelector("[data-tools]").hidden = this.tools.hidden = false;
    this.form.addEventListener("input", () => this.typed());
    this.form.addEventListener("submit", (event) => this.submit(event));
    this.form.addEventListener("focusin", (event) => {
      this.at = this.segments.find((each) => each.text === event.target) ?? this.at;
    });
    this.search = this.tools.querySelector("[data-search]");
    this.tools.addEventListener("input", () => this.count());
    this.search.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.isComposing) this.nextHit();
    });
    addEventListener("online", () => this.save());
    addEventListener("pagehide", () => this.save(true));
    this.lookForLeftWords();
  }

  // ---- saving ----

  get unsaved() { return this.segments.filter((each) => differs(said(each), each.kept)); }

  typed() {
    clearTimeout(this.timer);
    this.keepHere();
    if (!this.isStopped) this.timer = setTimeout(() => this.save(), SAVE_AFTER_MS);
  }

  async save(isLeaving = false) {
    clearTimeout(this.timer);
    while (this.saving) await this.saving;
    if (this.isStopped || !this.unsaved.length) return !this.isStopped;
    this.note();
    this.saving = this.put(this.unsaved.map((each) => [each, said(each)]), isLeaving);
    const isSaved = await this.saving;
    this.saving = null;
    if (isSaved && this.unsaved.length) this.timer = setTimeout(() => this.save(), SAVE_AFTER_MS);
    return isSaved;
  }

  async put(changed, isLeaving) {
    const segments = changed.map(([each, now]) => ({ position: each.position, ...now }));
    let answer;
    try {
      answer = await fetch(this.address, {
        method: "PUT",
        keepalive: isLeaving,
        headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify({ based_on: this.mark.value, segments }),
      });
    } catch {
      answer = null;
    }
    if (!answer || answer.status >= 500) return this.tryAgain();
    const answered = await answer.json().catch(() => ({}));
    if (!answer.ok) return this.stop(answer.status, answered);
    for (const [each, now] of changed) each.kept = now;
    this.mark.value = answered.based_on;
    this.version.textContent = says("version", { number: answered.version });
    this.keepHere();
    this.status.replaceChildren(says("saved", { time: clock(new Date(answered.saved_at)) }));
    const follows = JSON.stringify([answered.version, answered.themes]);
    if (follows !== this.follows) refresh();
    this.follows = follows;
    return true;
  }

  tryAgain() {
    this.status.textContent = says("no-answer");
    this.timer = setTimeout(() => this.save(), TRY_AGAIN_MS);
    return false;
  }

  stop(status, refusal) {
    this.isStopped = true;
    this.isGone = GONE.includes(status);
    if (this.isGone) localStorage.removeItem(this.key);
    if (status === 409) refreshHand();
    if (refusal.code !== "changed-meanwhile") {
      const refused = this.isGone ? "not-sent-refused" : "refused";
      this.status.textContent = says(REASONS.includes(refusal.code) ? refusal.code : refused, refusal);
      return false;
    }
    const compare = Object.assign(document.createElement("button"), { className: "cr-link-button", textContent: says("compare"), type: "button" });
    // The copy in this browser stays: nobody knows yet whether the service gets the words.
    compare.addEventListener("click", () => sendPlainly(this.form, null));
    this.status.replaceChildren(`${says("in-between")} `, compare);
    return false;
  }

  async submit(event) {
    event.preventDefault();
    if (this.isStopped || !(await this.save())) {
      // Where there is nothing more that takes the words, the page is not left: they stand in it alone.
      if (this.isStopped && !this.isGone) sendPlainly(this.form, event.submitter);
      return;
    }
    if (event.submitter?.name === "approve") await send(this.form, event.submitter);
    else this.status.textContent = says("saved", { time: clock(new Date()) });
  }

  // ---- the copy in this browser, as long as the service has not got it ----

  keepHere() {
    // What was told outlives its story nowhere.
    if (this.isGone) return;
    const unsaved = this.unsaved.map((each) => ({ start: each.start, ...said(each) }));
    // What is offered is kept until somebody has said what becomes of it.
    const offered = this.left.filter(({ start }) => !unsaved.some((each) => each.start === start));
    const left = [...unsaved, ...offered];
    try {
      if (left.length) localStorage.setItem(this.key, JSON.stringify({ at: Date.now(), left }));
      else localStorage.removeItem(this.key);
    } catch {
      // Private windows may keep nothing: the service's copy is the one that counts.
    }
  }

  lookForLeftWords() {
    let found;
    try {
      found = JSON.parse(localStorage.getItem(this.key));
    } catch {
      found = null;
    }
    const left = (found?.left ?? []).map((kept) => [this.segments.find((each) => each.start === kept.start), kept]);
    const fitting = left.filter(([each, kept]) => each && differs(said(each), kept));
    if (!fitting.length) return;
    this.left = fitting.map(([, kept]) => kept);
    const { offer } = this;
    const put = Object.assign(document.createElement("button"), { type: "button", textContent: says("put-back"), className: "govuk-button" });
    const drop = Object.assign(document.createElement("button"), { type: "button", textContent: says("throw-away"), className: "govuk-button govuk-button--secondary" });
    const line = Object.assign(document.createElement("p"), { className: "govuk-body", textContent: says("left-words", { time: clock(new Date(found.at)) }) });
    const both = Object.assign(document.createElement("div"), { className: "govuk-button-group" });
    both.append(put, drop);
    offer.replaceChildren(line, both);
    offer.className = "govuk-inset-text";
    offer.hidden = false;
    put.addEventListener("click", () => {
      for (const [each, kept] of fitting) write(each, kept);
      this.left = [];
      offer.hidden = true;
      this.typed();
    });
    drop.addEventListener("click", () => {
      this.left = [];
      this.keepHere();
      offer.hidden = true;
    });
  }

  // ---- undo ----

  // What was changed since the last note becomes one step back.
  note() {
    const step = [];
    for (const each of this.segments) {
      const now = said(each);
      if (differs(now, each.base)) step.push([each, each.base, now]);
      each.base = now;
    }
    if (step.length) this.history.push(step);
    this.undoButton.disabled = !this.history.length;
  }

  undo() {
    this.note();
    for (const [each, before, after] of this.history.pop() ?? []) {
      if (!differs(said(each), after)) write(each, before);
      each.base = said(each);
    }
    this.undoButton.disabled = !this.history.length;
    this.typed();
  }

  // ---- search and replace ----

  matches() {
    const isTicked = (name) => this.tools.querySelector(`[data-${name}]`).checked;
    const how = { parts: isTicked("parts"), sameCase: isTicked("case") };
    return this.search.value ? patternOf(this.search.value, how) : null;
  }

  hits() {
    const wanted = this.matches();
    if (!wanted) return [];
    return this.segments.flatMap((segment) =>
      [...segment.text.value.matchAll(wanted)].map(({ index, 0: hit }) => ({ segment, start: index, end: index + hit.length })));
  }

  // To the next hit; where nothing is searched for yet, to where one says what.
  nextHit() {
    if (this.tools.hidden) return null;
    if (!this.search.value) {
      this.tools.open = true;
      this.search.focus();
      return null;
    }
    this.count();
    return this.goToNext(this.hits());
  }

  count() {
    const count = this.hits().length;
    this.tools.querySelector("[data-found]").textContent = this.search.value ? says("found", { count }) : "";
    return count;
  }

  replaceAll() {
    const wanted = this.matches();
    const count = this.count();
    if (!wanted || !count) return;
    this.note();
    const instead = this.tools.querySelector("[data-instead]").value;
    for (const each of this.segments) each.text.value = each.text.value.replace(wanted, () => instead);
    this.note();
    this.tools.querySelector("[data-found]").textContent = says("replaced", { count });
    this.typed();
  }

  // ---- words that the recogniser was not sure of ----

  nextUncertain() {
    const spans = this.segments.flatMap((each) => uncertain(each));
    if (!spans.length) {
      this.status.textContent = says("all-certain");
      return null;
    }
    return this.goToNext(spans);
  }

  // The first of these places behind where one is, or was before one pressed a button: from the last to the first.
  goToNext(spans) {
    const at = this.segments.indexOf(this.at);
    const behind = (each) => {
      const index = this.segments.indexOf(each.segment);
      return index > at || (index === at && each.start >= this.segments[at].text.selectionEnd);
    };
    const next = spans.find(behind) ?? spans[0];
    if (!next) return null;
    next.segment.text.focus();
    next.segment.text.setSelectionRange(next.start, next.end);
    return next.segment;
  }
}

function said(each) {
  return { text: each.text.value, speaker: each.speaker.value.trim() || null };
}

function differs(one, other) {
  return one.text.trim() !== other.text.trim() || one.speaker !== other.speaker;
}

function write(each, words) {
  each.text.value = words.text;
  each.speaker.value = words.speaker ?? "";
}

// Where the words stand that may be wrong; those that were written over are certain now.
function uncertain(segment) {
  const before = segment.text.defaultValue;
  const now = segment.text.value;
  const found = [];
  for (const span of (segment.text.dataset.uncertain ?? "").split(" ").filter(Boolean)) {
    const [start, end] = span.split("-").map(Number);
    const at = before === now ? start : now.indexOf(before.slice(start, end), Math.max(0, start - 40));
    if (at >= 0 && Math.abs(at - start) <= 40) found.push({ segment, start: at, end: at + end - start });
  }
  return found;
}
