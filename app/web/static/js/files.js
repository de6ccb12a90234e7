// Files that somebody chose: whether they can still be read, and by what they are known again.
const MIB = 1024 * 1024;

/** Whether the browser can still read a file: a card may be pulled out, or a file be changed. */
export function canBeRead(file) {
  return file.slice(0, 1).arrayBuffer().then(() => true, () => false);
}

/** By what a chosen file is known again when somebody chooses it once more. */
export async function fingerprintOf(file, story) {
  const ends = new Blob([file.slice(0, MIB / 4), file.slice(-MIB / 4)]);
  const told = [story, file.size];
  // Names and dates are not enough: phones make up new ones each time. Over http there is nothing else.
  if (!crypto.subtle) return [...told, file.name, file.lastModified].join("/");
  const digest = await crypto.subtle.digest("SHA-256", await ends.arrayBuffer());
  return [...told, btoa(String.fromCharCode(...new Uint8Array(digest)))].join("/");
}
