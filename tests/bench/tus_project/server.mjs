// The tus project's own server for Node with its own store on S3: node server.mjs PORT. The store and the way in are
// taken from the environment. Nobody signs in, nothing is hashed, no row is written.
import http from "node:http";
import { S3Store } from "@tus/s3-store";
import { Server } from "@tus/server";

const { S3_ENDPOINT, S3_BUCKET, S3_ACCESS_KEY, S3_SECRET_KEY, PART_BYTES } = process.env;

const datastore = new S3Store({
  partSize: Number(PART_BYTES),
  s3ClientConfig: {
    bucket: S3_BUCKET,
    endpoint: S3_ENDPOINT,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: S3_ACCESS_KEY, secretAccessKey: S3_SECRET_KEY },
  },
});
const tus = new Server({ path: "/files", relativeLocation: true, datastore });
const server = http.createServer(tus.handle.bind(tus));
server.requestTimeout = 0;
server.listen(Number(process.argv[2]), "127.0.0.1");
