// How loud it is, for whoever wants to see that they are heard.
const QUIET = 0.01;
const QUIET_FOR_MS = 6000;

/** Calls `show` with a level (0 to 1) and whether it was silent for long, until what is returned is called. */
export function watchLevel(stream, show) {
  const context = new AudioContext();
  // Phones begin with a context that waits.
  context.resume();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let heardAt = performance.now();
  const look = () => {
    analyser.getFloatTimeDomainData(samples);
    const loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
    if (loudest > QUIET || context.state !== "running") heardAt = performance.now();
    show(Math.min(1, Math.sqrt(loudest)), performance.now() - heardAt > QUIET_FOR_MS);
  };
  const looking = setInterval(look, isCalm ? 1000 : 100);
  return () => {
    clearInterval(looking);
    context.close();
  };
}
