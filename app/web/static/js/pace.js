// How fast something goes, over the last seconds.
const SECOND = 1000;
const MEASURED_OVER = 15 * SECOND;

export class Pace {
  #moments = [];

  /** Seconds until all of `size` has gone, when `sent` of it has; null while nobody can know. */
  secondsLeft(sent, size) {
    const now = Date.now();
    this.#moments.push({ now, sent });
    while (now - this.#moments[0].now > MEASURED_OVER) this.#moments.shift();
    const [first] = this.#moments;
    const speed = (sent - first.sent) / (now - first.now);
    return speed > 0 ? (size - sent) / speed / SECOND : null;
  }

  /** Begin anew: what went before a pause says nothing. */
  forget() {
    this.#moments = [];
  }
}
