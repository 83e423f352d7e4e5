import { type Clock, SystemClock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { loadSettings } from '../config/environment.ts';
import type { Settings } from '../config/schema.ts';
import { settingWarnings } from '../config/warnings.ts';
import type { CarrierCheck } from './carrier-check.ts';
import { checkAsteriskWebSocket, checkAudioSocket } from './check-asterisk.ts';
import { checkAvr } from './check-avr.ts';
import { checkGenesys } from './check-genesys.ts';
import { checkModel } from './check-model.ts';
import { checkOpenApi } from './check-open-api.ts';
import { checkPlivo } from './check-plivo.ts';
import { checkPublicUrl, type TimeReading } from './check-public-url.ts';
import { checkTelnyx } from './check-telnyx.ts';
import { checkTwilio } from './check-twilio.ts';
import type { CommandIo } from './command-io.ts';
import { type Finding, fail, findingLines, listed, ok, warn } from './finding.ts';

const usage = `Usage: patchcord doctor

Checks Node, the settings (environment and .env), PUBLIC_URL, the model, every carrier that is set up and the clock,
and says what to do. The exit code is 1 when something must be mended.`;

const neededNodeMajor = 24;
const requestTimeoutMs = 10_000;
const clockToleranceMs = 5000;

const carriers: readonly (readonly [name: string, check: CarrierCheck])[] = [
  ['Twilio', checkTwilio],
  ['Telnyx', checkTelnyx],
  ['Plivo', checkPlivo],
  ['Genesys Cloud', checkGenesys],
  ['AVR', checkAvr],
  ['AudioSocket', checkAudioSocket],
  ["Asterisk's WebSocket channel", checkAsteriskWebSocket],
];

/**
 * Checks what a call needs and says what to do, one line each. Exit code 1 when something must be mended,
 * 2 when it is asked for something that it does not know.
 */
export async function doctor(
  args: string[],
  io: CommandIo,
  clock: Clock = new SystemClock(),
): Promise<number> {
  if (args[0] === '--help' || args[0] === '-h') {
    io.out(usage);
    return 0;
  }
  if (args.length > 0) {
    io.err(`patchcord doctor takes no arguments, got ${args[0]}`);
    return 2;
  }
  let failures = 0;
  const report = (findings: readonly Finding[]): void => {
    for (const finding of findings) {
      for (const line of findingLines(finding)) io.out(line);
      if (finding.level === 'fail') failures += 1;
    }
  };
  report([checkNode(process.versions.node)]);
  const { settings, findings } = checkSettings(io);
  report(findings);
  if (settings) {
    report(checkAccess(settings));
    for await (const more of reachable(settings, io, clock)) report(more);
  }
  return failures === 0 ? 0 : 1;
}

function checkNode(version: string): Finding {
  const what = `Node ${version}`;
  return Number.parseInt(version, 10) >= neededNodeMajor
    ? ok(what)
    : fail(what, `install Node ${neededNodeMajor} or newer`);
}

function checkSettings(io: CommandIo): { readonly settings?: Settings; readonly findings: Finding[] } {
  try {
    const settings = loadSettings(io.env);
    return {
      settings,
      findings: [
        ok('the settings can be used'),
        ...settingWarnings(io.env, settings).map((line) => warn(line)),
      ],
    };
  } catch (error) {
    return { findings: [fail(messageOf(error), 'docs/configuration.md lists every setting')] };
  }
}

function checkAccess({ api, dial }: Settings): Finding[] {
  const keys =
    api.keys.length > 0
      ? ok(`${api.keys.length} API key(s) open the REST API and the console`)
      : ok('PATCHCORD_API_KEYS is not set, serve makes a key at each start', 'set it to keep one');
  const allow =
    dial.allow.length > 0
      ? ok(`numbers that begin with ${dial.allow.join(', ')} may be dialled`)
      : ok(
          'PATCHCORD_DIAL_ALLOW is not set, nothing is dialled',
          'set it to prefixes such as +1,+44 to dial out',
        );
  return [keys, allow];
}

/** What is asked over the network: asked together, told in order. */
async function* reachable(
  settings: Settings,
  { env }: CommandIo,
  clock: Clock,
): AsyncGenerator<readonly Finding[]> {
  const publicUrl = checkPublicUrl({
    publicUrl: settings.server.publicUrl,
    port: settings.server.port,
    carrierConfigured: isCalledOverTheInternet(settings),
    timeoutMs: requestTimeoutMs,
    epochMs: () => clock.epochMs(),
  });
  const openApi = openApiFinding(settings);
  const model = checkModel({ settings, clock });
  const checks = carriers.map(
    ([name, check]) => [name, check({ settings, env, clock, timeoutMs: requestTimeoutMs })] as const,
  );
  const first = await publicUrl;
  yield first.findings;
  yield await openApi;
  const second = await model;
  yield second.findings;
  const idle: string[] = [];
  for (const [name, findings] of checks) {
    const found = await findings;
    if (found.length === 0) idle.push(name);
    yield found;
  }
  if (idle.length > 0) yield [ok(`not set up: ${listed(idle)}`, 'README.md leads to how each is connected')];
  // The model's clock is not ours; behind PUBLIC_URL it may be this very machine's.
  yield [checkClock(second.time ?? first.time)];
}

async function openApiFinding({ server: { publicUrl } }: Settings): Promise<Finding[]> {
  if (publicUrl === undefined) return [];
  const finding = await checkOpenApi(publicUrl, AbortSignal.timeout(requestTimeoutMs));
  return finding === undefined ? [] : [finding];
}

/** Whether a carrier is set up that cannot do without PUBLIC_URL. */
function isCalledOverTheInternet({ twilio, telnyx, plivo }: Settings): boolean {
  const set = [twilio.accountSid, twilio.authToken, telnyx.apiKey, plivo.authId, plivo.authToken];
  return set.some((value) => value !== undefined);
}

function checkClock(reading: TimeReading | undefined): Finding {
  const serverMs = reading ? Date.parse(reading.date) : Number.NaN;
  if (!reading || Number.isNaN(serverMs)) return ok('the clock was not checked, no server told its time');
  // The header has whole seconds, so its middle is half a second later.
  const aheadMs = reading.receivedEpochMs - (serverMs + 500);
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  if (Math.abs(aheadMs) <= clockToleranceMs) return ok(`the clock agrees with ${reading.from}`);
  return warn(
    `the clock is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} ${reading.from}`,
    'turn on time synchronisation (NTP): tokens and records depend on it',
  );
}
