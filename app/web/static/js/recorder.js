// The page on which a story is recorded and sent: it works as a form without this, and without a connection with it.
import { Shelf, alone } from "./keeping.js";
import { KeptView } from "./kept-view.js";
import { canRecord } from "./microphone.js";
import { RecordingView } from "./recording-view.js";
import { SendingView } from "./sending-view.js";
import { fingerprintOf } from "./sending.js";
import { nameStories } from "./which-story.js";
import { part, says } from "./page.js";

const ENDINGS = { "audio/mp4": "m4a", "video/mp4": "mp4" };

// Without a connection the same page stands at the address of every story.
const story = location.pathname.match(/^\/stories\/([^/]+)\/record$/)?.[1] ?? "";
const shelf = await Shelf.open();
const sending = new SendingView(story);
const send = story ? sendRecording : null;
const recording = new RecordingView(shelf, story, send);
const kept = new KeptView(shelf, send);

function nameOf({ type, begunAt }) {
  const [kind] = type.split(";");
  const day = new Date(begunAt).toISOString().slice(0, 19).replaceAll(":", "-");
  return `${day}.${ENDINGS[kind] ?? kind.split("/")[1]}`;
}

async function sendRecording(recorded) {
  await alone(recorded.key, async () => {
    await shelf.note(recorded, { isWanted: true, of: story });
    recording.reset();
    const hasArrived = await sending.send(await shelf.fileOf(recorded), {
      name: nameOf(recorded),
      url: recorded.url,
      remember: (url) => shelf.note(recorded, { url }),
      forget: () => shelf.remove(recorded),
    });
    if (!hasArrived) await shelf.note(recorded, { isWanted: false });
  });
  await kept.show(await found());
}

async function sendFile(file) {
  const key = await fingerprintOf(file, story);
  const begun = (await shelf.begunFiles(story)).find((each) => each.key === key);
  await sending.send(file, {
    name: file.name,
    url: begun?.url ?? null,
    remember: (url) => shelf.noteFile(story, key, file.name, url),
    forget: () => shelf.forgetFile(key),
  });
}

async function takeForm(form) {
  form.onsubmit = (event) => {
    event.preventDefault();
    sendFile(part("file").files[0]);
  };
  const [begun] = await shelf.begunFiles(story);
  part("begun-file").hidden = !begun;
  if (begun) part("begun-file").textContent = says("choose-again", { name: begun.name });
}

/** What is kept for this story; where one person alone uses the device, also what is for none yet. */
async function found() {
  const isKiosk = "idleSeconds" in document.documentElement.dataset;
  return (await shelf.unsent()).filter(({ of }) => of === story || (of === "" && !isKiosk));
}

async function lookAround() {
  const unsent = await found();
  // Whoever wanted it sent has said so already.
  const wanted = send && unsent.find(({ isWanted }) => isWanted);
  await kept.show(unsent.filter((each) => each !== wanted));
  if (wanted) sendRecording(wanted);
}

function showConnection() {
  part("offline").hidden = navigator.onLine;
  if (!story && navigator.onLine) nameStories();
}

async function openWithoutConnection() {
  // Over http from another machine there are no service workers.
  if (!navigator.serviceWorker) return;
  part("home-screen").hidden = false;
  await navigator.serviceWorker.register("/sw.js");
  const { active } = await navigator.serviceWorker.ready;
  active.postMessage("keep the page");
}

part("here").hidden = !canRecord();
part("cannot").hidden = canRecord();
part("not-lasting").hidden = shelf.isLasting;
part("lasting").hidden = !shelf.isLasting;
part("which").hidden = Boolean(story);
part("to-story").href = `/stories/${story}`;
window.addEventListener("online", showConnection);
window.addEventListener("offline", showConnection);
showConnection();
if (part("file-form")) await takeForm(part("file-form"));
await lookAround();
document.documentElement.dataset.recorder = "ready";
// Where that fails, everything else still works.
await openWithoutConnection().catch(() => null);
