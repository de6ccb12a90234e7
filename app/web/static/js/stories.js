// What the service says of a story.

// In these a story takes recordings (docs/reference/states.md).
export const OPEN = ["submitted", "returned", "in-review"];

/**
 * What is known of the story that a recording is for: whether the service answered, whether it is a story of whoever is
 * signed in, and whether it takes recordings.
 */
export async function storyOf({ of }) {
  const answer = await fetch(`/api/v1/stories/${of}`).catch(() => null);
  if (!answer || answer.status >= 500) return { isAnswered: false, isTheirs: false, isOpen: false };
  const { state, people } = answer.ok ? await answer.json() : {};
  return { isAnswered: true, isTheirs: Boolean(people), isOpen: Boolean(people) && OPEN.includes(state) };
}
