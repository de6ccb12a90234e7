// What scripts say stands in the page, in its language.
const said = document.getElementById("words").content;

/** A text of the page, with what stands in braces filled in. */
export function says(key, filled = {}) {
  const text = said.querySelector(`[data-key="${key}"]`).textContent.trim();
  return text.replace(/\{(\w+)\}/g, (whole, name) => filled[name] ?? whole);
}

/** Seconds as m:ss, or h:mm:ss from an hour on. */
export function clock(seconds) {
  const [whole, two] = [Math.floor(seconds), (number) => String(number).padStart(2, "0")];
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** A moment as people write it where the page's language is spoken. */
export function moment(milliseconds) {
  const form = { dateStyle: "medium", timeStyle: "short" };
  return new Intl.DateTimeFormat(document.documentElement.lang, form).format(milliseconds);
}

/** The one part of a page or of a piece of it that plays this part; of an older page, as browsers keep it, maybe none. */
export function part(name, within = document) {
  return within.querySelector(`[data-part="${name}"]`) ?? document.createElement("p");
}

/** Show one of several parts, and hide the others. */
export function showOnly(name, ...others) {
  for (const each of [name, ...others]) part(each).hidden = each !== name;
}
