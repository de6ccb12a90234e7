// Sending a file by tus, however often the line breaks: it goes on until the file has arrived or the service says no.
import { canBeRead } from "./files.js";
import { Pace } from "./pace.js";

const ENDPOINT = "/api/v1/uploads";
const MIB = 1024 * 1024;
const SECOND = 1000;
const DELAYS = [0, 1, 3, 5, 10, 20, 40, 60, 120, 180].map((seconds) => seconds * SECOND);
// After those it is tried once a minute, as long as the page is open.
const THEN_EVERY = 60 * SECOND;
// A line that is dead without saying so: phones that change from Wi-Fi to mobile leave such.
const SILENT_FOR = 90 * SECOND;
// Of the answers 4xx, those after which the same is worth another try; the others are the service's last word.
const PASSES = [408, 409, 423, 425, 429, 460];
const LAST_WORDS = ["story-takes-no-recording", "upload-complete", "withdrawn"];
// Asked how far an upload is, tus takes any answer but a yes for "it is lost", and begins anew. Only these say so: a
// service that starts again, or a proxy in front of it, does not.
const LOST = [404, 410];

function problemIn(response) {
  try {
    return JSON.parse(response.getBody());
  } catch {
    return {};
  }
}

function answerIn(error) {
  return error.originalResponse ?? error.causingError?.answer ?? null;
}

export class Sending {
  #pace = new Pace();
  #timer = null;
  #heardAt = 0;
  #watching = null;

  /**
   * @param blob what to send
   * @param about story, name, url (where an earlier try has come to)
   * @param hears what to do with: begun(url), progress(share, seconds left),
   *   waits(whether the service answers), arrived(), refused(status, words, their language), unreadable()
   */
  constructor(blob, { story, name, url }, hears) {
    Object.assign(this, { blob, hears });
    this.upload = new window.tus.Upload(blob, {
      endpoint: ENDPOINT,
      uploadUrl: url,
      metadata: { story_id: story, filename: name },
      // Small where a line is likely to break: what a broken request brought may have to be sent again.
      chunkSize: matchMedia("(pointer: coarse)").matches ? MIB : 8 * MIB,
      retryDelays: DELAYS,
      storeFingerprintForResuming: false,
      onUploadUrlAvailable: () => hears.begun(this.upload.url),
      onProgress: (sent, size) => this.#progress(sent, size),
      onSuccess: () => this.#end(() => hears.arrived()),
      onError: (error) => this.#failed(error),
      onShouldRetry: (error) => this.#shouldTryAgain(error),
      onAfterResponse: (request, answer) => {
        const status = answer.getStatus();
        if (request.getMethod() === "HEAD" && status >= 300 && !LOST.includes(status)) {
          throw Object.assign(new Error("asked in vain"), { answer });
        }
      },
    });
  }

  start() {
    clearTimeout(this.#timer);
    this.#heardAt = Date.now();
    window.addEventListener("online", this.#again);
    this.#watching ??= setInterval(() => Date.now() - this.#heardAt > SILENT_FOR && this.#again(), SECOND);
    this.upload.start();
  }

  pause() {
    return this.#end(() => this.upload.abort());
  }

  #again = async () => {
    await this.upload.abort();
    this.#pace.forget();
    this.start();
  };

  #end(then) {
    clearTimeout(this.#timer);
    clearInterval(this.#watching);
    this.#watching = null;
    this.#pace.forget();
    window.removeEventListener("online", this.#again);
    return then();
  }

  #progress(sent, size) {
    this.#heardAt = Date.now();
    this.hears.progress(size ? sent / size : 0, this.#pace.secondsLeft(sent, size));
  }

  #shouldTryAgain(error) {
    // When the line is back the browser says so: nothing needs to be tried until then.
    if (!navigator.onLine || !this.#mayPass(error)) return false;
    this.#wait(error);
    return true;
  }

  #wait(error) {
    const isAnswered = answerIn(error) !== null;
    this.hears.waits(isAnswered);
    if (!isAnswered) this.#lookAtFile();
  }

  /** Without an answer it is the line, or a file that the browser can read no more. */
  async #lookAtFile() {
    if (await canBeRead(this.blob)) return;
    await this.#end(() => this.upload.abort());
    this.hears.unreadable();
  }

  #mayPass(error) {
    const answer = answerIn(error);
    const status = answer?.getStatus() ?? 0;
    if (status >= 400 && status < 500 && !PASSES.includes(status)) return false;
    return !LAST_WORDS.includes(answer && problemIn(answer).code);
  }

  #failed(error) {
    const answer = answerIn(error);
    if (this.#mayPass(error)) {
      // Nothing is silent that waits.
      this.#heardAt = Infinity;
      this.#wait(error);
      this.#timer = setTimeout(this.#again, THEN_EVERY);
      return;
    }
    const [words, language] = [problemIn(answer).detail ?? "", answer.getHeader("Content-Language") ?? "en"];
    this.#end(() => this.hears.refused(answer.getStatus(), words, language));
  }
}

/** What has arrived of something that nobody wants sent any more is not waited for. */
export function end(url) {
  return fetch(url, { method: "DELETE", headers: { "Tus-Resumable": "1.0.0" } }).catch(() => null);
}
