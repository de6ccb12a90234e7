// The page on which a story is recorded and sent: it works as a form without this, and without a connection with it.
import { takeFileForm } from "./file-form.js";
import { Shelf, alone } from "./keeping.js";
import { canRecord } from "./microphone.js";
import { RecordingView } from "./recording-view.js";
import { SendingView } from "./sending-view.js";
import { end } from "./sending.js";
import { storyOf } from "./stories.js";
import { part, says } from "./page.js";

const KIOSK = "/kiosk";
// A cookie says so where this page stands as it was kept, the same for everybody (app.web.cookies).
const KIOSK_SIGN = "community_reporting_at_a_kiosk=";
const KIOSK_IDLE_SECONDS = 3600;

// Without a connection the same page stands at the address of every story.
let story = location.pathname.match(/^\/stories\/([^/]+)\/record$/)?.[1] ?? "";
const isKiosk = "idleSeconds" in document.documentElement.dataset || document.cookie.includes(KIOSK_SIGN);
const shelf = await Shelf.open();
const sending = new SendingView(story);
const send = story ? sendRecording : null;
const recording = new RecordingView(shelf, story, send);
// What goes with this page, and is for the story that is chosen next.
let atHand = null;
// While the service is asked which story a recording is for: until that is known.
let settled = null;
let kept = null;

function nameOf({ type, begunAt }) {
  const [kind] = type.split(";");
  const day = new Date(begunAt).toISOString().slice(0, 19).replaceAll(":", "-");
  return `${day}.${kind === "audio/mp4" ? "m4a" : kind.split("/")[1]}`;
}

async function sendRecording(recorded) {
  let file = null;
  await alone(recorded.key, async () => {
    file = await shelf.fileOf(recorded);
    if (!file) return;
    // What had arrived at another story is not gone on with here.
    const url = recorded.of === story ? recorded.url : null;
    // On a device that is full this comes to nothing: what can be sent is sent all the same.
    await shelf.note(recorded, { isWanted: true, of: story, url });
    recording.reset();
    part("to-receipt").href = `/stories/${story}/sent`;
    const hasArrived = await sending.send(file, {
      name: nameOf(recorded),
      url: recorded.url,
      isKept: !recorded.isLoose,
      remember: async (url) => {
        await shelf.note(recorded, { url });
        return !recorded.isLoose;
      },
      forget: () => shelf.remove(recorded),
    });
    if (!hasArrived) await shelf.note(recorded, { isWanted: false });
  });
  if (!file) return sending.refuse(says("not-reached"));
  const left = await found();
  await showKept(left);
  part("more-kept").hidden = left.length === 0;
}

/** Where no story stands in the address: to the page of the one that it is for, or of the one that is chosen next. */
async function sendElsewhere(recorded) {
  if (recorded.isLoose) {
    atHand = recorded;
    return part("which-title").focus();
  }
  const its = recorded.of && (await storyOf(recorded));
  if (its?.isOpen) return location.assign(`/stories/${recorded.of}/record`);
  if (its && !its.isTheirs) {
    // Nobody knows whether it is still to go there.
    part("offline").hidden = false;
    return;
  }
  // What had arrived of it belongs to the other story.
  if (recorded.url) end(recorded.url);
  await shelf.note(recorded, { of: "", url: null, isWanted: false });
  part("which-title").focus();
}

function settle(recorded) {
  settled = sendElsewhere(recorded).finally(() => (settled = null));
}

/** Whoever chooses a story before the service has answered about the old one comes to it with the recording in hand. */
async function followWhenSettled(event) {
  const link = event.target.closest("a");
  if (!settled || !link || event.defaultPrevented) return;
  event.preventDefault();
  await settled.catch(() => null);
  location.assign(link.href);
}

/**
 * What is kept for this story; where one person alone uses the device, also what is for none yet. The page without a
 * story has all that is for a story of whoever is signed in: it may take no recordings any more.
 */
async function found() {
  const unsent = await shelf.unsent();
  const isHere = ({ of }) => of === story || (of === "" && !isKiosk);
  if (story || isKiosk) return unsent.filter(isHere);
  const theirs = await Promise.all(unsent.map(async (each) => isHere(each) || (await storyOf(each)).isTheirs));
  return unsent.filter((_, n) => theirs[n]);
}

/** Few have something here: what shows it is loaded for them alone. */
async function showKept(left) {
  if (!kept && !left.length) return;
  const { KeptView } = await import("./kept-view.js");
  kept ??= new KeptView(shelf, send ?? settle);
  await kept.show(left);
}

async function lookAround() {
  const unsent = await found();
  // Whoever wanted it sent has said so already.
  const wanted = send && unsent.find(({ isWanted }) => isWanted);
  await showKept(unsent.filter((each) => each !== wanted));
  if (wanted) sendRecording(wanted);
}

function showConnection() {
  part("offline").hidden = navigator.onLine;
  if (!story && navigator.onLine) nameThem();
}

async function nameThem() {
  const { nameStories } = await import("./which-story.js");
  await nameStories(sendFromHere);
}

/** What goes with this page cannot be taken to the page of the story that it is for: it is sent from here. */
function sendFromHere(chosen) {
  const its = atHand ?? recording.toListenTo;
  if (!its?.isLoose) return false;
  atHand = null;
  story = sending.story = chosen;
  sendRecording(its);
  return true;
}

async function openWithoutConnection() {
  // Over http from another machine there are no service workers.
  if (!navigator.serviceWorker) return;
  part("home-screen").hidden = false;
  await navigator.serviceWorker.register("/sw.js");
  const { active } = await navigator.serviceWorker.ready;
  active.postMessage("keep the page");
}

/** What was kept of this page says nothing of a kiosk: it returns to the start all the same. */
async function returnToStart() {
  if ("idleSeconds" in document.documentElement.dataset) return;
  document.documentElement.dataset.idleSeconds = KIOSK_IDLE_SECONDS;
  await import("./kiosk.js");
}

/** Who closes the page is asked first where that would cost them what they record; who leaves at once is not. */
function askBeforeLosing() {
  const ask = (event) => (recording.isRunning || shelf.wouldLose) && event.preventDefault();
  window.addEventListener("beforeunload", ask);
  document.addEventListener("leaving", () => window.removeEventListener("beforeunload", ask));
}

async function begin() {
  part("here").hidden = !canRecord();
  part("cannot").hidden = canRecord();
  part("which").hidden = Boolean(story);
  part("which").onclick = followWhenSettled;
  window.addEventListener("online", showConnection);
  window.addEventListener("offline", showConnection);
  showConnection();
  askBeforeLosing();
  await takeFileForm(shelf, sending);
  await lookAround();
  part("not-lasting").hidden = shelf.isLasting;
  part("lasting").hidden = !shelf.isLasting;
  if (isKiosk) await returnToStart();
  document.documentElement.dataset.recorder = "ready";
  // Where that fails, everything else still works.
  await openWithoutConnection().catch(() => null);
}

// At a kiosk every recording is of a story, and the next teller meets none of the one before.
if (isKiosk && !story) location.replace(KIOSK);
else await begin();
