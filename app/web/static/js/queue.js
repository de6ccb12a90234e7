// The queue: N takes the next story, as long as keys are on (see the desk's help).

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("textarea, select, input:not([type=checkbox])");
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (event.key !== "n" || isTyping || !isPlain || localStorage.getItem("desk-keys-off")) return;
  event.preventDefault();
  document.getElementById("next-story").requestSubmit();
});
