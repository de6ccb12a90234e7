// Beside the door: who signs out, or comes to a shared device, is told what was recorded here and not sent.
import { Shelf } from "./keeping.js";
import { storyOf } from "./stories.js";

// Words that a curator typed and the service did not get wait for them to sign in again; whoever signs out lets them go.
if (new URLSearchParams(location.search).has("signed-out")) {
  for (const key of Object.keys(localStorage)) if (key.startsWith("desk:")) localStorage.removeItem(key);
}

const box = document.querySelector('[data-part="unsent"]');
const shelf = await Shelf.open();
// Whoever is signed in is told of their own; who is not, of all.
const isSignedIn = Boolean(box.querySelector('a[href="/record"]'));

async function shown() {
  const unsent = await shelf.unsent();
  const theirs = await Promise.all(
    unsent.map(async (each) => !isSignedIn || each.of === "" || (await storyOf(each)).isTheirs),
  );
  return unsent.filter((_, n) => theirs[n]);
}

box.hidden = (await shown()).length === 0;
box.querySelector("button").onclick = async (event) => {
  if (!window.confirm(box.dataset.sure)) return;
  // Not what is being recorded or sent in another tab.
  for (const each of await shown()) if (!(await shelf.remove(each))) return;
  if (!shelf.isLasting) return;
  if (!isSignedIn) await shelf.forgetFiles();
  event.target.hidden = true;
  box.querySelector('[role="status"]').textContent = box.dataset.deleted;
};
