// The stories that a recording without one may be for.
import { part } from "./page.js";
import { OPEN } from "./stories.js";

export async function nameStories() {
  const answer = await fetch("/api/v1/stories?mine=true").catch(() => null);
  part("which-sign-in").hidden = answer?.status !== 401;
  part("which-new").hidden = !answer?.ok;
  if (!answer?.ok) return;
  const { stories } = await answer.json();
  const open = stories.filter(({ state }) => OPEN.includes(state));
  part("which-list").replaceChildren(...open.map(linkTo));
}

function linkTo({ id, title }) {
  const link = document.createElement("a");
  Object.assign(link, { href: `/stories/${id}/record`, textContent: title, className: "govuk-link" });
  const item = document.createElement("li");
  item.append(link);
  return item;
}
