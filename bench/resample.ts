/**
 * Quality and cost of the resampler between all rates, with sox's beside it in the same run where sox is installed:
 * node bench/resample.ts
 */
import { findProgram } from '../scripts/system-packages.ts';
import { describeFormat, pcm16At, pcmu8k } from '../src/audio/format.ts';
import { Resampler } from '../src/audio/resample.ts';
import { conversionMicros, measureResampler, patchcord, soxContender } from './resampling.ts';

const pairs = [
  [24000, 8000],
  [8000, 24000],
  [16000, 8000],
  [8000, 16000],
  [24000, 16000],
  [16000, 24000],
  [48000, 8000],
  [8000, 48000],
] as const;
const rounds = 20;

const sox = findProgram('sox');
const beside = sox === undefined ? [] : [soxContender(sox, '-m'), soxContender(sox, '-h')];
console.log(`node ${process.version}; pass band as in bench/resampler-quality.ts; cost is the best round`);
if (sox === undefined) console.log('sox is not installed: its numbers are left out');
for (const [fromRate, toRate] of pairs) {
  const rows = [patchcord, ...beside].map((contender) => {
    const figures = measureResampler(contender, fromRate, toRate, rounds);
    return {
      resampler: contender.name,
      'rejection dB': figures.rejectionDb.toFixed(1),
      'ripple dB': figures.rippleDb.toFixed(4),
      'look-ahead ms': figures.lookAheadMs.toFixed(2),
      'µs per 20 ms': figures.microsPerFrame.toFixed(2),
    };
  });
  console.log(`${fromRate} -> ${toRate} Hz (delay ${new Resampler(fromRate, toRate).delayMs.toFixed(2)} ms)`);
  console.table(rows);
}

for (const [from, to] of [
  [pcmu8k, pcm16At(24000)],
  [pcm16At(24000), pcmu8k],
] as const) {
  const micros = conversionMicros(from, to, rounds).toFixed(2);
  console.log(`whole conversion ${describeFormat(from)} -> ${describeFormat(to)}: ${micros} µs per 20 ms`);
}
