// Recording in the page: start, pause, go on, finish, listen, again.
import { stayAwake } from "./awake.js";
import { alone } from "./keeping.js";
import { watchLevel } from "./level.js";
import { Take, listen } from "./microphone.js";
import { clock, part, says, showOnly } from "./page.js";

const STEPS = ["before", "during", "after"];
// What getUserMedia calls its failures (W3C Media Capture and Streams, §10.2).
const REFUSALS = { NotAllowedError: "not-allowed", SecurityError: "not-allowed", NotFoundError: "no-microphone" };

export class RecordingView {
  #take = null;
  #ends = [];

  /** @param send is given a recording that whoever made it wants sent; null where there is nowhere to send it to yet */
  constructor(shelf, story, send) {
    Object.assign(this, { shelf, story });
    part("start").onclick = () => this.#start();
    part("pause").onclick = () => this.#pause();
    part("go-on").onclick = () => this.#goOn();
    part("finish").onclick = () => this.#take.finish();
    part("again").onclick = () => this.#again();
    part("send-it").hidden = send === null;
    part("send-it").onclick = () => send(this.recording);
  }

  get isRunning() {
    return this.#ends.length > 0;
  }

  /** What is finished, and neither sent nor let go. */
  get toListenTo() {
    return part("after").hidden ? null : this.recording;
  }

  /** Back to where a recording can begin. */
  reset() {
    URL.revokeObjectURL(this.address);
    part("listen").replaceChildren();
    part("loose").hidden = true;
    this.#show("before");
  }

  async #start() {
    const hasPicture = part("picture").checked;
    part("start").disabled = true;
    this.#warn("");
    // While the browser asks for the microphone, nothing else is begun either.
    this.#alone(true);
    let stream = null;
    try {
      stream = await listen(hasPicture);
      this.#begin(stream, hasPicture);
    } catch (error) {
      stream?.getTracks().forEach((track) => track.stop());
      this.#alone(false);
      this.#warn(REFUSALS[error.name] ?? "does-not-start");
    } finally {
      part("start").disabled = false;
    }
  }

  #begin(stream, hasPicture) {
    // Pieces are kept one after the other, in the order in which they came.
    let keeping = Promise.resolve();
    const take = new Take(stream, hasPicture, {
      piece: (data, seconds) => {
        keeping = keeping.then(() => this.#keep(data, seconds));
      },
      cutOff: () => {
        this.#warn("cut-off");
        take.finish();
      },
      ended: async () => {
        await keeping;
        this.#ends.forEach((end) => end());
        this.#ends = [];
        await this.#listenBack(hasPicture);
      },
    });
    this.#take = take;
    this.recording = this.shelf.begin(this.story, take.type);
    this.#watch(stream, hasPicture);
    this.#showLoose();
    this.#show("during");
    this.#goesOn(true);
    part("pause").focus();
  }

  /** Also what cannot be kept is recorded; the page says what closing it would cost. */
  async #keep(piece, seconds) {
    await this.shelf.add(this.recording, piece, seconds);
    this.#showLoose();
  }

  #showLoose() {
    // Where the browser keeps nothing, the page says so from the start.
    part("loose").hidden = !this.recording.isLoose || !part("not-lasting").hidden;
  }

  #watch(stream, hasPicture) {
    if (hasPicture) part("preview").append(preview(stream));
    const ticking = setInterval(() => (part("clock").textContent = clock(this.#take.seconds)), 250);
    const showLevel = (level, isSilent) => {
      part("level").value = this.#take.isPaused ? 0 : level;
      part("silent").hidden = !isSilent || this.#take.isPaused;
    };
    // No other tab takes for unfinished what is being recorded here.
    let release;
    const isOver = new Promise((resolve) => (release = resolve));
    alone(this.recording.key, () => isOver);
    const leave = () => this.#take.finish();
    document.addEventListener("leaving", leave);
    this.#ends.push(
      release,
      () => document.removeEventListener("leaving", leave),
      stayAwake(),
      watchLevel(stream, showLevel),
      () => clearInterval(ticking),
      () => part("preview").replaceChildren(),
    );
  }

  #pause() {
    this.#take.pause();
    this.#goesOn(false);
    part("go-on").focus();
  }

  #goOn() {
    this.#take.goOn();
    this.#goesOn(true);
    part("pause").focus();
  }

  #goesOn(isRunning) {
    showOnly(...(isRunning ? ["pause", "go-on"] : ["go-on", "pause"]));
    part("state").textContent = says(isRunning ? "recording" : "paused");
    part("during").classList.toggle("cr-recorder--runs", isRunning);
  }

  async #listenBack(hasPicture) {
    if (this.recording.pieces === 0) return this.reset();
    const player = document.createElement(hasPicture ? "video" : "audio");
    const file = await this.shelf.fileOf(this.recording);
    if (!file) this.#warn("not-reached");
    this.address = URL.createObjectURL(file ?? new Blob());
    Object.assign(player, { controls: true, playsInline: true, src: this.address, className: "cr-player" });
    player.setAttribute("aria-label", says("your-recording"));
    part("listen").replaceChildren(player);
    part("length").textContent = clock(this.recording.seconds);
    this.#show("after");
    part("after-title").focus();
  }

  async #again() {
    if (!window.confirm(says("sure"))) return;
    if (!(await this.shelf.remove(this.recording))) this.#warn("not-reached");
    this.reset();
    part("start").focus();
  }

  #show(step) {
    showOnly(step, ...STEPS);
    this.#alone(step === "during");
  }

  /** Nothing else is begun beside a recording. */
  #alone(isAlone) {
    part("choosing").classList.toggle("cr-choosing--records", isAlone);
  }

  #warn(key) {
    part("warning").hidden = !key;
    part("warning-text").textContent = key && says(key);
  }
}

/** What the camera sees, as in a mirror, and without the sound. */
function preview(stream) {
  const video = document.createElement("video");
  Object.assign(video, { srcObject: stream, muted: true, autoplay: true, playsInline: true });
  video.className = "cr-recorder__preview";
  video.setAttribute("aria-label", says("camera"));
  return video;
}
