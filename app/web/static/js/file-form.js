// The form for a file that somebody has: sent by tus, and gone on with when they choose the same file again.
import { canBeRead, fingerprintOf } from "./files.js";
import { part, says } from "./page.js";

async function send(file, shelf, sending) {
  const { story } = sending;
  if (!(await canBeRead(file))) {
    sending.refuse(says("cannot-be-read"));
    return;
  }
  const key = await fingerprintOf(file, story);
  const begun = (await shelf.begunFiles(story)).find((each) => each.key === key);
  await sending.send(file, {
    name: file.name,
    url: begun?.url ?? null,
    isKept: shelf.isLasting,
    remember: (url) => shelf.noteFile(story, key, file.name, url),
    forget: () => shelf.remove({ key }),
  });
}

/** What the form is given goes by `sending`; the `shelf` knows how far earlier files have come. */
export async function takeFileForm(shelf, sending) {
  part("file-form").onsubmit = (event) => {
    event.preventDefault();
    send(part("file").files[0], shelf, sending);
  };
  const [begun] = await shelf.begunFiles(sending.story);
  part("begun-file").hidden = !begun;
  if (begun) part("begun-file").textContent = says("choose-again", { name: begun.name });
}
