// The stories that a recording without one may be for.
import { part } from "./page.js";
import { OPEN } from "./stories.js";

/** @param isSent is given the one that is chosen: whether it is sent to from here, or else its page is gone to */
export async function nameStories(isSent) {
  const answer = await fetch("/api/v1/stories?mine=true").catch(() => null);
  part("which-sign-in").hidden = answer?.status !== 401;
  part("which-new").hidden = !answer?.ok;
  if (!answer?.ok) return;
  const { stories } = await answer.json();
  const open = stories.filter(({ state }) => OPEN.includes(state));
  part("which-list").replaceChildren(...open.map((each) => linkTo(each, isSent)));
}

function linkTo({ id, title }, isSent) {
  const link = document.createElement("a");
  Object.assign(link, { href: `/stories/${id}/record`, textContent: title, className: "govuk-link" });
  link.onclick = (event) => {
    if (isSent(id)) event.preventDefault();
  };
  const item = document.createElement("li");
  item.append(link);
  return item;
}
