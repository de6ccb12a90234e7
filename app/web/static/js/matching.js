// What search and replace looks for in a transcript, in every alphabet.

const LETTER = String.raw`[\p{L}\p{M}\p{N}]`;

/** Whole words in any case; with ``parts`` parts of words too, with ``sameCase`` those in the same case only. */
export function patternOf(wanted, { parts = false, sameCase = false } = {}) {
  let pattern = wanted.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  if (!parts) {
    if (new RegExp(`^${LETTER}`, "u").test(wanted)) pattern = `(?<!${LETTER})${pattern}`;
    if (new RegExp(`${LETTER}$`, "u").test(wanted)) pattern = `${pattern}(?!${LETTER})`;
  }
  return new RegExp(pattern, sameCase ? "gu" : "giu");
}
