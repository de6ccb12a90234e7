// A phone that goes to sleep stops recording and sending.

/** Keeps the screen on, where the browser can, until the function that is returned is called. */
export function stayAwake() {
  let isOver = false;
  let lock = null;
  // The lock is lost whenever the page is out of sight.
  const ask = async () => {
    if (isOver || document.visibilityState !== "visible") return;
    lock = await navigator.wakeLock?.request("screen").catch(() => null);
    if (isOver) lock?.release();
  };
  document.addEventListener("visibilitychange", ask);
  ask();
  return () => {
    isOver = true;
    document.removeEventListener("visibilitychange", ask);
    lock?.release();
  };
}
