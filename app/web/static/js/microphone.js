// One recording by the microphone, and the camera if wanted, until it is finished or broken off.

// Safari says that it can make WebM, and makes files that play badly: MP4 comes first wherever there is a choice.
const SOUND = ["audio/mp4", "audio/webm;codecs=opus", "audio/webm", "audio/ogg"];
const PICTURE = ["video/mp4", "video/webm;codecs=vp8,opus", "video/webm"];
// A closed tab may take five seconds. MP4 comes a piece late, in fragments: two pieces may be lost, and a slow phone
// may be a second late with keeping one.
const PIECE_MS = 2000;
// Speech stays clear, and an hour stays below 50 MB; a picture, below 600 MB.
const BITS = { audioBitsPerSecond: 96_000, videoBitsPerSecond: 1_200_000 };
const SIZE = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 25 }, facingMode: "user" };

/** Whether this browser can record at all; never over http from another machine. */
export function canRecord() {
  return Boolean(navigator.mediaDevices?.getUserMedia && window.MediaRecorder);
}

/** A stream from the microphone; a failure has one of the names that getUserMedia gives it. */
export function listen(hasPicture) {
  return navigator.mediaDevices.getUserMedia({ audio: true, video: hasPicture ? SIZE : false });
}

export class Take {
  #ranFor = 0;
  #since = null;
  #kept = 0;
  #before = 0;
  #isAskedFor = false;

  /** @param hears each `piece` with the seconds that are kept by then, that it was `cutOff`, that it `ended` */
  constructor(stream, hasPicture, hears) {
    this.stream = stream;
    const type = (hasPicture ? PICTURE : SOUND).find((each) => MediaRecorder.isTypeSupported(each));
    this.recorder = new MediaRecorder(stream, type ? { mimeType: type, ...BITS } : BITS);
    this.recorder.ondataavailable = ({ data }) => {
      const isLate = this.type.includes("mp4") && this.recorder.state !== "inactive";
      if (!isLate) this.#kept = this.seconds;
      else if (!this.#isAskedFor) [this.#kept, this.#before] = [this.#before, this.seconds];
      this.#isAskedFor = false;
      if (data.size) hears.piece(data, this.#kept);
    };
    this.recorder.onstop = () => {
      this.#rest();
      this.#letGo();
      hears.ended();
    };
    // A call that comes in, a plug that is pulled.
    stream.getTracks().forEach((track) => (track.onended = () => hears.cutOff()));
    this.recorder.start(PIECE_MS);
    this.type = this.recorder.mimeType;
    this.#since = performance.now();
    document.addEventListener("visibilitychange", this.#flush);
  }

  get seconds() {
    return (this.#ranFor + (this.#since === null ? 0 : performance.now() - this.#since)) / 1000;
  }

  get isPaused() {
    return this.recorder.state === "paused";
  }

  pause() {
    this.recorder.pause();
    this.#flush();
    this.#rest();
  }

  goOn() {
    this.recorder.resume();
    this.#since = performance.now();
  }

  finish() {
    if (this.recorder.state !== "inactive") this.recorder.stop();
  }

  // Phones end what lies in the background without asking.
  #flush = () => {
    const isGoing = this.recorder.state !== "inactive";
    if (!isGoing || (document.visibilityState === "visible" && !this.isPaused)) return;
    this.#isAskedFor = true;
    this.recorder.requestData();
  };

  #rest() {
    this.#ranFor += this.#since === null ? 0 : performance.now() - this.#since;
    this.#since = null;
  }

  #letGo() {
    document.removeEventListener("visibilitychange", this.#flush);
    for (const track of this.stream.getTracks()) {
      track.onended = null;
      track.stop();
    }
  }
}
