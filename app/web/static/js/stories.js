// What the service says of a story.

// In these a story takes recordings (docs/reference/states.md).
export const OPEN = ["submitted", "returned", "in-review"];

/** Of the story that a recording is for, as far as the service answers: whether it is the reader's, and takes recordings. */
export async function storyOf({ of }) {
  const answer = await fetch(`/api/v1/stories/${of}`).catch(() => null);
  const { state, people } = answer?.ok ? await answer.json() : {};
  return { isTheirs: Boolean(people), isOpen: Boolean(people) && OPEN.includes(state) };
}
