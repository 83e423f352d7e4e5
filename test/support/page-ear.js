// Runs in a page before its own scripts: measures whatever the page connects to its loudspeaker and tells the level,
// in dBFS over the last 43 ms, every 20 ms by `tellLevel`.
const everyMs = 20;
const windowSamples = 1024;
const ears = new WeakMap();
const connect = AudioNode.prototype.connect;

function earOf(context) {
  const known = ears.get(context);
  if (known !== undefined) return known;
  const ear = new AnalyserNode(context, { fftSize: windowSamples });
  const samples = new Float32Array(windowSamples);
  const timer = setInterval(() => {
    if (context.state === 'closed') {
      clearInterval(timer);
      return;
    }
    ear.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / windowSamples;
    window.tellLevel(Math.max(-100, 10 * Math.log10(power)));
  }, everyMs);
  ears.set(context, ear);
  return ear;
}

AudioNode.prototype.connect = function connectAndListen(target, ...rest) {
  if (target instanceof AudioDestinationNode) connect.call(this, earOf(this.context));
  return connect.call(this, target, ...rest);
};
