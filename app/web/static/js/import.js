// Bulk import: the files of a table, one after the other. Each is tried until it has come or is refused, and the page
// says at once which; what has come is not sent twice.
import { stayAwake } from "./awake.js";
import { canBeRead } from "./files.js";
import { Pace } from "./pace.js";
import { clock, part, says } from "./page.js";

const SECOND = 1000;
const DELAYS = [1, 3, 5, 10, 20, 40, 60];
// A line that is dead without saying so; and one that died after the last byte, while an answer was waited for.
const SILENT_FOR = 90 * SECOND;
const UNANSWERED_FOR = 600 * SECOND;
const [SIGNED_OUT, TOO_LARGE] = [401, 413];
// Of the answers 4xx, those after which the same is worth another try.
const PASSES = [408, 409, 423, 429];
// A service that fails at this one file, and at nothing else, is not asked for ever.
const MOST_FAILURES = 8;

const form = document.querySelector("[data-import]");
// Which rows wait for their file: a row that has one is not offered to the next file of its name.
let rows = JSON.parse(form.elements.rows.value);
let refused = [];
let sent = 0;
const pace = new Pace();

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const files = [...form.elements.files.files];
  const [sleep, leaving] = [stayAwake(), (event) => event.preventDefault()];
  window.addEventListener("beforeunload", leaving);
  form.hidden = true;
  part("sending").hidden = false;
  part("sending-title").textContent = says("on-their-way");
  part("sending-title").focus();
  pace.forget();
  let before = 0;
  const size = files.reduce((sum, file) => sum + file.size, 0);
  let isSignedIn = true;
  for (const file of files) {
    isSignedIn = await come(file, (loaded) => progress(before + Math.min(loaded, file.size), size));
    if (!isSignedIn) break;
    before += file.size;
    progress(before, size);
  }
  window.removeEventListener("beforeunload", leaving);
  sleep();
  const came = says("came", { sent });
  part("sending-title").textContent = came;
  part("sending-status").textContent = isSignedIn ? came : says("signed-out");
  part("time-left").textContent = "";
  // What was refused may be mended, and is tried again with the next files.
  [rows, refused] = [[...rows, ...refused], []];
  form.elements.rows.value = JSON.stringify(rows);
  form.reset();
  form.hidden = rows.length === 0;
  part("sending-title").focus();
});

/** Send a file however often the line breaks, and note what became of it; whether to go on with the others. */
async function come(file, hears) {
  let failures = 0;
  for (let tried = 0; ; tried += 1) {
    show("sending-file", { file: file.name });
    const { status, answer } = await send(file, hears);
    if (status === 200 && answer.rows) {
      note(file, answer, tried > 0);
      return true;
    }
    if (status === SIGNED_OUT) return false;
    failures += status === 0 || PASSES.includes(status) || status === 503 || status === 507 ? 0 : 1;
    if (status === 0 && !(await canBeRead(file))) {
      addRefusal(file, says("cannot-be-read"));
      return true;
    }
    if ((status >= 400 && status < 500 && !PASSES.includes(status)) || failures >= MOST_FAILURES) {
      addRefusal(file, answer.detail ?? says(status === TOO_LARGE ? "too-large" : "not-taken"));
      return true;
    }
    show(status ? "not-ready" : "waiting");
    pace.forget();
    await rest(DELAYS[Math.min(tried, DELAYS.length - 1)] * SECOND);
  }
}

/** One try; status 0: the line broke. */
function send(file, hears) {
  const data = new FormData();
  data.append("rows", JSON.stringify(rows.length ? rows : [{}]));
  data.append("files", file, file.name);
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    let [heardAt, patience] = [Date.now(), SILENT_FOR];
    const watching = setInterval(() => Date.now() - heardAt > patience && request.abort(), SECOND);
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.upload.onprogress = ({ loaded }) => {
      heardAt = Date.now();
      hears(loaded);
    };
    request.upload.onload = () => {
      [heardAt, patience] = [Date.now(), UNANSWERED_FOR];
    };
    request.onloadend = () => {
      clearInterval(watching);
      resolve({ status: request.status, answer: read(request.responseText) });
    };
    request.send(data);
  });
}

function read(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

/** Until some time has passed, or the browser says that the line is back. */
function rest(milliseconds) {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
    window.addEventListener("online", resolve, { once: true });
  });
}

/** What a file's answer says; `isAgain`: an earlier try may have come whole, and only its answer was lost. */
function note(file, { rows: came, without_row: unnamed }, isAgain) {
  for (const row of came) add(row.file, row.title, row);
  if (unnamed.length) add(file.name, "", { label: says("no-row"), colour: "grey", says: says("nothing-kept") });
  sent += came.filter((row) => row.became === "sent" || (isAgain && row.became === "sent before")).length;
  refused.push(...came.filter((row) => row.became === "not sent").map((row) => rows[row.number - 1]));
  const have = new Set(came.map((row) => row.number - 1));
  rows = rows.filter((_, index) => !have.has(index));
}

function addRefusal(file, words) {
  add(file.name, "", { label: says("not-sent"), colour: "red", says: words });
}

function add(file, title, { story = null, label, colour, says: words }) {
  const line = document.getElementById("row-that-came").content.cloneNode(true);
  const [first, second] = [line.querySelector("th"), line.querySelector("td")];
  first.textContent = file;
  if (story) {
    const link = second.appendChild(document.createElement("a"));
    [link.className, link.href, link.textContent] = ["govuk-link", story, title];
  } else {
    second.textContent = title || "–";
  }
  const tag = line.querySelector("strong");
  tag.textContent = label;
  tag.classList.add(`govuk-tag--${colour}`);
  line.querySelector("span").textContent = words;
  part("became").append(line);
}

function progress(gone, size) {
  const share = size ? gone / size : 1;
  const seconds = pace.secondsLeft(gone, size);
  part("progress").value = share;
  part("percent").textContent = says("percent", { percent: Math.floor(share * 100) });
  part("time-left").textContent = seconds === null || share === 1 ? "" : says("time-left", { time: clock(seconds) });
}

function show(key, filled) {
  part("sending-status").textContent = says(key, filled);
}
