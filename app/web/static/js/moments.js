// Times beside a text play that moment; what is being said is marked. Without this, times are links to the page at them.

const players = document.querySelectorAll("video[id^='player-']");

function play(player) {
  // A browser may want a press first: then the player waits at the moment.
  player.play().catch(() => {});
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-seconds]");
  const player = link && document.getElementById(link.dataset.player);
  if (!player || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  player.currentTime = Number(link.dataset.seconds);
  play(player);
});

for (const player of players) {
  const lines = [...player.closest("section").querySelectorAll("li[data-from]")];
  player.addEventListener("timeupdate", () => {
    const now = player.currentTime;
    for (const line of lines) {
      const isSaid = now >= Number(line.dataset.from) && now < Number(line.dataset.until);
      if (isSaid) line.setAttribute("aria-current", "true");
      else line.removeAttribute("aria-current");
    }
  });
  // One voice at a time.
  player.addEventListener("play", () => {
    for (const other of players) if (other !== player) other.pause();
  });
  // Whoever came by a moment's link pressed it to hear it; a story that carries a warning is not begun unasked.
  if ("starts" in player.dataset && !player.closest("details:not([open])")) play(player);
}

// What lies closed again is heard no more.
for (const warned of document.querySelectorAll("details.cr-warned")) {
  warned.addEventListener("toggle", () => {
    if (!warned.open) for (const player of players) player.pause();
  });
}
