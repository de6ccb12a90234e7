// Beside the door: who signs out, or comes to a shared device, is told what was recorded here and not sent.
import { Shelf } from "./keeping.js";

// Words that a curator typed and the service did not get wait for them to sign in again; whoever signs out lets them go.
if (new URLSearchParams(location.search).has("signed-out")) {
  for (const key of Object.keys(localStorage)) if (key.startsWith("desk:")) localStorage.removeItem(key);
}

const box = document.querySelector('[data-part="unsent"]');
const shelf = await Shelf.open();
const unsent = await shelf.unsent();
box.hidden = unsent.length === 0;
box.querySelector("button").onclick = async (event) => {
  if (!window.confirm(box.dataset.sure)) return;
  await shelf.removeAll();
  event.target.hidden = true;
  box.querySelector('[role="status"]').textContent = box.dataset.deleted;
};
