// What was recorded and not sent yet, in this browser's own database: piece by piece as it comes, so that a closed
// tab or an empty battery takes no more than the last one.
const STORES = ["recordings", "pieces", "uploads"];
const A_WEEK = 7 * 24 * 3600 * 1000;

function answered(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function opened() {
  const request = indexedDB.open("recordings", 1);
  request.onupgradeneeded = () => {
    for (const name of STORES) request.result.createObjectStore(name, { keyPath: "key" }).createIndex("of", "of");
  };
  return answered(request);
}

class OnDevice {
  isLasting = true;

  constructor(database) {
    this.database = database;
  }

  /** Writes all of them or none, and waits until they would survive a loss of power. */
  write(change) {
    return new Promise((resolve, reject) => {
      const writing = this.database.transaction(STORES, "readwrite", { durability: "strict" });
      writing.oncomplete = () => resolve();
      writing.onabort = () => reject(writing.error);
      change((name) => writing.objectStore(name));
    });
  }

  put(entries) {
    return this.write((store) => entries.forEach(([name, value]) => store(name).put(value)));
  }

  all(name, of) {
    const store = this.database.transaction(name).objectStore(name);
    return answered(of === undefined ? store.getAll() : store.index("of").getAll(of));
  }

  async remove(key) {
    const pieces = await this.all("pieces", key);
    await this.write((store) => {
      pieces.forEach((piece) => store("pieces").delete(piece.key));
      ["recordings", "uploads"].forEach((name) => store(name).delete(key));
    });
  }
}

// Where a browser keeps nothing, as some do in private windows.
class InMemory {
  isLasting = false;
  stores = Object.fromEntries(STORES.map((name) => [name, new Map()]));

  async put(entries) {
    for (const [name, value] of entries) this.stores[name].set(String(value.key), value);
  }

  async all(name, of) {
    return [...this.stores[name].values()].filter((value) => of === undefined || value.of === of);
  }

  async remove(key) {
    for (const piece of await this.all("pieces", key)) this.stores.pieces.delete(String(piece.key));
    for (const name of ["recordings", "uploads"]) this.stores[name].delete(key);
  }
}

/** Where recordings lie until they have arrived. */
export class Shelf {
  constructor(place) {
    this.place = place;
  }

  static async open() {
    try {
      return new Shelf(new OnDevice(await opened()));
    } catch {
      return new Shelf(new InMemory());
    }
  }

  get isLasting() {
    return this.place.isLasting;
  }

  /** Room for a recording of a story, or of none yet: its first piece puts it there. */
  begin(story, type) {
    // A browser may take back what it keeps for a page when space is short, unless it was asked not to.
    navigator.storage?.persist?.();
    const key = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16)).join(".");
    return { key, of: story, type, begunAt: Date.now(), seconds: 0, pieces: 0, isWanted: false, url: null };
  }

  async add(recording, piece, seconds) {
    const grown = { ...recording, pieces: recording.pieces + 1, seconds };
    await this.place.put([
      ["pieces", { key: [recording.key, recording.pieces], of: recording.key, piece }],
      ["recordings", grown],
    ]);
    Object.assign(recording, grown);
  }

  note(recording, changed) {
    Object.assign(recording, changed);
    return this.place.put([["recordings", { ...recording }]]);
  }

  async fileOf(recording) {
    const pieces = await this.place.all("pieces", recording.key);
    return new Blob(pieces.map(({ piece }) => piece), { type: recording.type });
  }

  /** What is not being recorded or sent in another tab at this moment. */
  async unsent() {
    const busy = await navigator.locks?.query();
    const held = new Set(busy?.held.map((lock) => lock.name));
    return (await this.place.all("recordings")).filter(({ key }) => !held.has(key));
  }

  remove(recording) {
    return this.place.remove(recording.key);
  }

  // ---- chosen files: not their bytes, but how far they are ----

  async begunFiles(story) {
    const begun = await this.place.all("uploads", story);
    return begun.filter(({ begunAt }) => Date.now() - begunAt < A_WEEK);
  }

  noteFile(story, key, name, url) {
    return this.place.put([["uploads", { key, of: story, name, url, begunAt: Date.now() }]]);
  }

  forgetFile(key) {
    return this.place.remove(key);
  }

  async forgetFiles() {
    for (const each of await this.place.all("uploads")) await this.place.remove(each.key);
  }
}

/** Have something for this tab alone while a task runs. Where a browser cannot, it runs all the same. */
export function alone(key, task) {
  return navigator.locks ? navigator.locks.request(key, task) : task();
}
