// Sends a file with tus-js-client as it is, and says how it ended. One argument: what to do, as JSON.
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { PassThrough } from "node:stream";
import { Upload } from "tus-js-client";

const wanted = JSON.parse(process.argv[2]);
// As from a microphone: where it will end is not known. (A plain file stream it measures, and then promises too much.)
const source = wanted.streams
  ? createReadStream(wanted.file).pipe(new PassThrough())
  : await readFile(wanted.file);
const waits = [];

const upload = new Upload(source, {
  endpoint: wanted.endpoint,
  chunkSize: wanted.chunkSize,
  uploadLengthDeferred: wanted.streams,
  uploadDataDuringCreation: wanted.atOnce,
  headers: { Authorization: `Bearer ${wanted.key}` },
  metadata: { story_id: wanted.storyId, filename: wanted.name },
  retryDelays: Array(60).fill(20),
  onError: (error) => {
    console.log(JSON.stringify({ error: String(error), waits }));
    process.exit(1);
  },
  onSuccess: () => console.log(JSON.stringify({ url: upload.url, waits })),
  onAfterResponse: (request, response) => {
    if (response.getStatus() >= 400) waits.push(`${request.getMethod()} ${response.getStatus()}`);
  },
});
upload.start();
