// The waveform of a recording, drawn from peaks that the service measured. It is a picture beside what can be done with
// the player and the times anyway, so it is hidden from screen readers.

export async function show(canvas, player) {
  const answer = await fetch(canvas.dataset.peaks).catch(() => null);
  if (!answer?.ok) return false;
  const { data, sample_rate: rate, samples_per_pixel: each } = await answer.json();
  const lasts = ((data.length / 2) * each) / rate;
  canvas.hidden = false;
  const draw = () => paint(canvas, data, player.media.currentTime / lasts);
  new ResizeObserver(draw).observe(canvas);
  player.media.addEventListener("timeupdate", draw);
  player.media.addEventListener("seeked", draw);
  canvas.addEventListener("click", (event) => {
    player.media.currentTime = (event.offsetX / canvas.clientWidth) * lasts;
  });
  return true;
}

function paint(canvas, peaks, played) {
  const ratio = devicePixelRatio;
  const [width, height] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio];
  canvas.width = width;
  canvas.height = height;
  const on = canvas.getContext("2d");
  const { color, accentColor } = getComputedStyle(canvas);
  const count = peaks.length / 2;
  const columns = Math.floor(width / (2 * ratio));
  for (let column = 0; column < columns; column += 1) {
    let [least, most] = [0, 0];
    const until = Math.max(Math.floor(((column + 1) * count) / columns), Math.floor((column * count) / columns) + 1);
    for (let n = Math.floor((column * count) / columns); n < until; n += 1) {
      least = Math.min(least, peaks[2 * n] ?? 0);
      most = Math.max(most, peaks[2 * n + 1] ?? 0);
    }
    on.fillStyle = column / columns <= played ? accentColor : color;
    const top = ((128 - most) / 256) * height;
    on.fillRect(column * 2 * ratio, top, ratio, Math.max(ratio, ((most - least) / 256) * height));
  }
}
