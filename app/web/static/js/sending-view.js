// What the page shows of a sending: how far it is, how long it will take, and what became of it.
import { stayAwake } from "./awake.js";
import { Sending } from "./sending.js";
import { clock, part, says, showOnly } from "./page.js";

const SHOWN = ["choosing", "sending", "arrived"];
const QUARTERS = 4;

export class SendingView {
  #wake = null;
  #quarter = 0;
  #isWaiting = false;

  constructor(story) {
    this.story = story;
    part("pause-sending").onclick = () => this.#pause();
    part("go-on-sending").onclick = () => this.#goOn();
    for (const link of document.querySelectorAll('main a[href="/sign-in"]')) link.search = `?next=${location.pathname}`;
  }

  /**
   * Send something, from where an earlier try has come to; whether it has arrived, or was refused.
   *
   * @param isKept whether it outlives this page
   * @param remember is told where, for a later try; whether that outlives this page
   * @param forget is asked, when it has arrived, whether nothing of it is left here
   */
  send(blob, { name, url, isKept, remember, forget }) {
    this.signedOut = isKept ? "signed-out" : "signed-out-loose";
    return new Promise((resolve) => {
      this.sending = new Sending(blob, { story: this.story, name, url }, {
        begun: async (at) => sayWhetherToStay(await remember(at)),
        progress: (share, seconds) => this.#progress(share, seconds),
        waits: (isAnswered) => this.#wait(isAnswered),
        arrived: async () => {
          part("nothing-left").hidden = !(await forget());
          this.#rest("arrived");
          resolve(true);
        },
        refused: (status, ...words) => {
          this.#refused(status, ...words);
          resolve(false);
        },
        unreadable: () => {
          this.refuse(says("cannot-be-read"));
          resolve(false);
        },
      });
      part("refused").hidden = true;
      part("progress").value = 0;
      part("percent").textContent = part("time-left").textContent = "";
      this.#quarter = 0;
      sayWhetherToStay(isKept);
      showOnly("sending", ...SHOWN);
      part("sending-title").focus();
      this.#goOn();
    });
  }

  /** Say, in the page's language, why something was not sent. */
  refuse(words) {
    this.#refused(0, words, document.documentElement.lang);
  }

  #goOn() {
    this.#wake ??= stayAwake();
    showOnly("pause-sending", "go-on-sending");
    this.#say("being-sent");
    this.sending.start();
  }

  async #pause() {
    await this.sending.pause();
    this.#sleep();
    showOnly("go-on-sending", "pause-sending");
    this.#say("paused");
    part("time-left").textContent = "";
  }

  #wait(isAnswered) {
    this.#isWaiting = true;
    this.#say(isAnswered ? "not-ready" : "waiting");
    part("time-left").textContent = "";
  }

  #progress(share, seconds) {
    const percent = Math.floor(share * 100);
    part("progress").value = share;
    part("percent").textContent = says("percent", { percent });
    part("time-left").textContent = seconds === null ? "" : says("time-left", { time: clock(seconds) });
    // Whoever listens to the page hears of each quarter, not of each percent.
    const quarter = Math.floor(share * QUARTERS);
    if (quarter > this.#quarter) this.#say("percent", { percent });
    else if (this.#isWaiting) this.#say("being-sent");
    [this.#quarter, this.#isWaiting] = [quarter, false];
  }

  #refused(status, words, language) {
    const isSignedOut = status === 401;
    part("refused-words").textContent = isSignedOut ? says(this.signedOut) : words;
    part("refused-words").lang = isSignedOut ? document.documentElement.lang : language;
    part("sign-in-again").hidden = !isSignedOut;
    part("refused").hidden = false;
    this.#rest("choosing");
    part("refused").focus();
  }

  #say(key, filled) {
    part("sending-status").textContent = says(key, filled);
  }

  #rest(shown) {
    this.#sleep();
    showOnly(shown, ...SHOWN);
    if (shown === "arrived") part("arrived-title").focus();
  }

  #sleep() {
    this.#wake?.();
    this.#wake = null;
  }
}

function sayWhetherToStay(isKept) {
  showOnly(...(isKept ? ["may-close", "stay"] : ["stay", "may-close"]));
}
