// What was recorded and not sent yet, in this browser's own database: piece by piece as it comes, so that a closed
// tab or an empty battery takes no more than the last one.
const STORES = ["recordings", "pieces", "uploads"];
const A_WEEK = 7 * 24 * 3600 * 1000;
// Some browsers open it never, and say nothing: then a page does without.
const OPENS_WITHIN_MS = 5000;

function answered(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function opened() {
  const request = indexedDB.open("recordings", 1);
  request.onupgradeneeded = () => {
    for (const name of STORES) request.result.createObjectStore(name, { keyPath: "key" }).createIndex("of", "of");
  };
  const late = new Promise((_, reject) => setTimeout(reject, OPENS_WITHIN_MS));
  return Promise.race([answered(request), late]);
}

class OnDevice {
  constructor(database) {
    this.database = database;
  }

  /** Once more over a new connection where it fails: iPhones lose one in the middle of a recording. */
  async #with(task) {
    try {
      return await task(this.database);
    } catch {
      this.database.close();
      this.database = await opened();
      return task(this.database);
    }
  }

  /** Whether all of it, or else nothing, was written, so that it would survive a loss of power. */
  write(change) {
    return this.#with((database) => new Promise((resolve, reject) => {
      const writing = database.transaction(STORES, "readwrite", { durability: "strict" });
      writing.oncomplete = () => resolve();
      writing.onabort = () => reject(writing.error);
      try {
        change((name) => writing.objectStore(name));
      } catch (error) {
        // What was asked for before it stands alone otherwise.
        writing.abort();
        reject(error);
      }
    })).then(() => true, () => false);
  }

  put(entries) {
    return this.write((store) => entries.forEach(([name, value]) => store(name).put(value)));
  }

  all(name, of) {
    return this.#with((database) => {
      const store = database.transaction(name).objectStore(name);
      return answered(of === undefined ? store.getAll() : store.index("of").getAll(of));
    });
  }

  remove(key) {
    return this.write((store) => {
      store("pieces").delete(IDBKeyRange.bound([key, 0], [key, Infinity]));
      ["recordings", "uploads"].forEach((name) => store(name).delete(key));
    });
  }
}

// What cannot be kept: in private windows of some browsers all, on a full device what comes from then on.
class InMemory {
  entries = new Map();

  async put(entries) {
    for (const each of entries) this.entries.set(`${each[0]} ${each[1].key}`, each);
  }

  async all(name, of) {
    const found = ([its, value]) => its === name && (of === undefined || value.of === of);
    return [...this.entries.values()].filter(found).map(([, value]) => value);
  }

  async remove(key) {
    for (const [at, [, value]] of this.entries) if ([value.key, value.of].includes(key)) this.entries.delete(at);
  }
}

/** Where recordings lie until they have arrived: on the device, and what cannot be kept there, with this page. */
export class Shelf {
  #memory = new InMemory();
  #isLost = false;

  /** @param device null where the browser keeps nothing */
  constructor(device) {
    this.device = device;
  }

  static async open() {
    return new Shelf(await opened().then((database) => new OnDevice(database), () => null));
  }

  get isLasting() {
    return this.device !== null && !this.#isLost;
  }

  /** Whether a recording, or the rest of one, is lost when this page is closed. */
  get wouldLose() {
    return [...this.#memory.entries.values()].some(([name]) => name === "recordings");
  }

  /** Room for a recording of a story, or of none yet: its first piece puts it there. */
  begin(story, type) {
    // A browser may take back what it keeps for a page when space is short, unless it was asked not to.
    navigator.storage?.persist?.();
    const key = crypto.getRandomValues(new Uint8Array(16)).join(".");
    const isLoose = !this.isLasting;
    return { key, of: story, type, begunAt: Date.now(), seconds: 0, pieces: 0, isWanted: false, url: null, isLoose };
  }

  /** One more piece. Where it cannot be kept, the recording is loose: the rest of it lies in memory alone. */
  async add(recording, piece, seconds) {
    const grown = { ...recording, pieces: recording.pieces + 1, seconds };
    const lies = ["pieces", { key: [recording.key, recording.pieces], of: recording.key, piece }];
    grown.isLoose ||= !(await this.#keep([lies, ["recordings", grown]]));
    // Sound is light enough to lie here too: it is there also where the device is lost before it is sent.
    if (grown.isLoose || recording.type.startsWith("audio")) await this.#memory.put([lies]);
    if (grown.isLoose) await this.#memory.put([["recordings", { ...grown }]]);
    Object.assign(recording, grown);
  }

  /** Of a loose one the device has the beginning alone, which is not under way: nothing is noted there. */
  note(recording, changed) {
    Object.assign(recording, changed);
    return (recording.isLoose ? this.#memory : this.device).put([["recordings", { ...recording }]]);
  }

  /** Null where a part of it cannot be reached. */
  async fileOf(recording) {
    const pieces = await this.#all("pieces", recording.key);
    return pieces.length < recording.pieces ? null : new Blob(pieces.map(({ piece }) => piece), { type: recording.type });
  }

  /** What is not being recorded or sent in another tab at this moment. */
  async unsent() {
    const busy = await navigator.locks?.query();
    const held = new Set(busy?.held.map((lock) => lock.name));
    return (await this.#all("recordings")).filter(({ key }) => !held.has(key));
  }

  /** Whether nothing is left of a recording, or of how far a file is. */
  async remove({ key }) {
    await this.#memory.remove(key);
    return (await this.device?.remove(key)) ?? true;
  }

  // ---- chosen files: not their bytes, but how far they are ----

  async begunFiles(story) {
    const begun = await this.#all("uploads", story);
    return begun.filter(({ begunAt }) => Date.now() - begunAt < A_WEEK);
  }

  /** Whether that outlives this page. */
  async noteFile(story, key, name, url) {
    const noted = [["uploads", { key, of: story, name, url, begunAt: Date.now() }]];
    const isKept = await this.#keep(noted);
    if (!isKept) await this.#memory.put(noted);
    return isKept;
  }

  async forgetFiles() {
    for (const each of await this.#all("uploads")) await this.remove(each);
  }

  // ---- both places ----

  /** Whether the device keeps it. */
  async #keep(entries) {
    return this.isLasting && this.device.put(entries);
  }

  /** Of what lies in both, as of the beginning of a loose one, the page's. */
  async #all(name, of) {
    const kept = await this.device?.all(name, of).catch(() => (this.#isLost = true, []));
    const found = [...(kept ?? []), ...(await this.#memory.all(name, of))];
    return [...new Map(found.map((each) => [`${each.key}`, each])).values()];
  }
}

/** Have something for this tab alone while a task runs. Where a browser cannot, it runs all the same. */
export function alone(key, task) {
  return navigator.locks ? navigator.locks.request(key, task) : task();
}
