// A transcript that is typed in: saved two seconds after the last key at the latest, with a copy in this browser until
// the service has it, undo, search and replace, and a walk over the words that the recogniser was not sure of.

import { refresh, send, sendPlainly } from "./parts.js";

const SAVE_AFTER_MS = 1200;
const TRY_AGAIN_MS = 4000;
const clock = (moment) => moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

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
    this.saving = null;
    this.isStopped = !this.status;
    if (this.isStopped) return;
    section.querySelector("[data-tools]").hidden = this.tools.hidden = false;
    this.form.addEventListener("input", () => this.typed());
    this.form.addEventListener("submit", (event) => this.submit(event));
    this.tools.querySelector("[data-search]").addEventListener("input", () => this.count());
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
    const says = await answer.json().catch(() => ({}));
    if (!answer.ok) return this.stop(answer.status, says);
    for (const [each, now] of changed) each.kept = now;
    this.mark.value = says.based_on;
    this.version.textContent = says.version;
    this.keepHere();
    this.status.replaceChildren(`Saved ${clock(new Date(says.saved_at))}`);
    const follows = JSON.stringify([says.version, says.themes]);
    if (follows !== this.follows) refresh();
    this.follows = follows;
    return true;
  }

  tryAgain() {
    this.status.textContent =
      "Not saved: the service does not answer. Your words are kept in this browser, and it is tried again.";
    this.timer = setTimeout(() => this.save(), TRY_AGAIN_MS);
    return false;
  }

  stop(status, says) {
    this.isStopped = true;
    if (status === 404 || status === 410) localStorage.removeItem(this.key);
    const why = says.code === "changed-meanwhile"
      ? "Somebody else saved in between. Your words are not lost. "
      : `Not saved: ${says.detail ?? "the service refused it."} Your words are kept in this browser. `;
    this.status.replaceChildren(why);
    if (says.code !== "changed-meanwhile") return false;
    const compare = Object.assign(document.createElement("button"), { className: "cr-link-button", textContent: "Compare both" });
    compare.type = "button";
    compare.addEventListener("click", () => {
      localStorage.removeItem(this.key);
      sendPlainly(this.form, null);
    });
    this.status.append(compare);
    return false;
  }

  async submit(event) {
    event.preventDefault();
    if (this.isStopped || !(await this.save())) {
      if (this.isStopped) sendPlainly(this.form, event.submitter);
      return;
    }
    if (event.submitter?.name === "approve") await send(this.form, event.submitter);
    else this.status.textContent = `Saved ${clock(new Date())}`;
  }

  // ---- the copy in this browser, as long as the service has not got it ----

  keepHere() {
    const left = this.unsaved.map((each) => ({ start: each.start, ...said(each) }));
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
    const { offer } = this;
    const put = Object.assign(document.createElement("button"), { type: "button", textContent: "Put them back", className: "govuk-button" });
    const drop = Object.assign(document.createElement("button"), { type: "button", textContent: "Throw them away", className: "govuk-button govuk-button--secondary" });
    const line = Object.assign(document.createElement("p"), { className: "govuk-body", textContent: `Words of yours from ${clock(new Date(found.at))} were not saved.` });
    const both = Object.assign(document.createElement("div"), { className: "govuk-button-group" });
    both.append(put, drop);
    offer.replaceChildren(line, both);
    offer.className = "govuk-inset-text";
    offer.hidden = false;
    put.addEventListener("click", () => {
      for (const [each, kept] of fitting) write(each, kept);
      offer.hidden = true;
      this.typed();
    });
    drop.addEventListener("click", () => {
      localStorage.removeItem(this.key);
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
    const wanted = this.tools.querySelector("[data-search]").value;
    const escaped = wanted.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return wanted ? new RegExp(escaped, "giu") : null;
  }

  count() {
    const wanted = this.matches();
    let count = 0;
    if (wanted) for (const each of this.segments) count += (each.text.value.match(wanted) ?? []).length;
    this.tools.querySelector("[data-found]").textContent = wanted ? `Found ${count} ${count === 1 ? "time" : "times"}.` : "";
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
    this.tools.querySelector("[data-found]").textContent = `Replaced ${count} ${count === 1 ? "time" : "times"}. Undo takes it back.`;
    this.typed();
  }

  // ---- words that the recogniser was not sure of ----

  nextUncertain() {
    const spans = this.segments.flatMap((each) => uncertain(each));
    if (!spans.length) {
      this.status.textContent = "No uncertain word is left.";
      return null;
    }
    const at = this.segments.findIndex((each) => each.text === document.activeElement);
    const behind = (each) => {
      const index = this.segments.indexOf(each.segment);
      return index > at || (index === at && each.start >= this.segments[at].text.selectionEnd);
    };
    const next = spans.find(behind) ?? spans[0];
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
