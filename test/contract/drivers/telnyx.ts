import { pcm16At, pcma8k, pcmu8k } from '../../../src/audio/format.ts';
import { TelnyxKeys } from '../../../src/emulators/telnyx/keys.ts';
import type { BadInput, CarrierDriver, Intruder } from '../carrier-driver.ts';
import { halfASample } from './media-json.ts';
import { refusedUpgrade } from './refused-upgrade.ts';
import { eventOf, initiated, post, postEvent, TelnyxApi } from './telnyx-api.ts';
import { badInput, oddities } from './telnyx-bad-input.ts';
import { call, connect, ring, stream, type TelnyxCall, type TelnyxStyle } from './telnyx-call.ts';

/** Signatures that are older are not taken. */
const maxAgeMs = 300_000;
const madeUp = 'A'.repeat(32);

const event = (): string => eventOf('v3:intruder', 'call.initiated', initiated);

/** The address with every parameter replaced, or without any. */
function withToken(url: string, token: string): string {
  const address = new URL(url);
  for (const name of [...address.searchParams.keys()]) {
    if (token === '') address.searchParams.delete(name);
    else address.searchParams.set(name, token);
  }
  return address.href;
}

/** The status of a refused upgrade. */
function refusedSocket(gatewayUrl: string, url: string): Promise<number> {
  return refusedUpgrade(connect(gatewayUrl, url, undefined));
}

function intrudersOf(style: TelnyxStyle): Intruder<TelnyxApi>[] {
  /** The close code of a stream whose address has no token; `token` comes in `connected`. */
  const refusedStream = async (
    gatewayUrl: string,
    changed: () => void,
    api: TelnyxApi,
    token: string | undefined,
  ): Promise<number> => {
    const ringing = await ring(gatewayUrl, api);
    const bare = { ...style, token: token === undefined ? ('lost' as const) : ('connected' as const) };
    const made = await stream(bare, gatewayUrl, ringing, changed, withToken(ringing.asked.url, ''));
    made.begin(token === undefined ? {} : { token });
    return made.closed;
  };
  return [
    {
      name: 'an event without a signature',
      code: 'PATCHCORD_SIGNATURE_INVALID',
      turnedAway: 403,
      attempt: (gatewayUrl) => post(gatewayUrl, event(), {}),
    },
    {
      name: 'an event signed with another key',
      code: 'PATCHCORD_SIGNATURE_INVALID',
      turnedAway: 403,
      attempt: (gatewayUrl) => postEvent(gatewayUrl, new TelnyxKeys(Buffer.alloc(32, 6)), event()),
    },
    {
      name: 'an event that was changed on the way',
      code: 'PATCHCORD_SIGNATURE_INVALID',
      turnedAway: 403,
      attempt: (gatewayUrl, _changed, { keys }) => {
        const body = event();
        const headers = keys.headers(body, Date.now());
        return post(gatewayUrl, body.replace('+15550001111', '+15559999999'), headers);
      },
    },
    {
      name: 'an event whose time was changed on the way',
      code: 'PATCHCORD_SIGNATURE_INVALID',
      turnedAway: 403,
      attempt: (gatewayUrl, _changed, { keys }) => {
        const body = event();
        const timestamp = String(Math.floor(Date.now() / 1000) - 1);
        return post(gatewayUrl, body, { ...keys.headers(body, Date.now()), 'telnyx-timestamp': timestamp });
      },
    },
    {
      name: 'an event of yesterday, sent again',
      code: 'PATCHCORD_SIGNATURE_INVALID',
      turnedAway: 403,
      attempt: (gatewayUrl, _changed, { keys }) => {
        const body = event();
        return post(gatewayUrl, body, keys.headers(body, Date.now() - maxAgeMs - 2000));
      },
    },
    {
      name: 'a stream without a token',
      code: 'PATCHCORD_STREAM_TOKEN_INVALID',
      turnedAway: 1008,
      attempt: (gatewayUrl, changed, api) => refusedStream(gatewayUrl, changed, api, undefined),
    },
    {
      name: 'a stream that is connected with a made-up token',
      code: 'PATCHCORD_STREAM_TOKEN_INVALID',
      turnedAway: 1008,
      attempt: (gatewayUrl, changed, api) => refusedStream(gatewayUrl, changed, api, madeUp),
    },
    {
      name: 'a stream to an address with a made-up token',
      code: 'PATCHCORD_STREAM_TOKEN_INVALID',
      turnedAway: 401,
      attempt: async (gatewayUrl, _changed, api) => {
        const { asked } = await ring(gatewayUrl, api);
        return refusedSocket(gatewayUrl, withToken(asked.url, madeUp));
      },
    },
    {
      name: 'a stream with the token of a call that has its stream',
      code: 'PATCHCORD_STREAM_TOKEN_INVALID',
      turnedAway: 401,
      attempt: async (gatewayUrl, changed, api) => {
        const ringing = await ring(gatewayUrl, api);
        const first = await stream(style, gatewayUrl, ringing, changed);
        first.begin();
        const code = await refusedSocket(gatewayUrl, ringing.asked.url);
        first.hangUp();
        const firstCode = await first.closed;
        if (firstCode !== 1000) throw new Error(`the first stream was closed with ${firstCode}`);
        return code;
      },
    },
    {
      name: 'a stream that names another call than its own',
      code: 'PATCHCORD_CALL_MISMATCH',
      turnedAway: 1008,
      attempt: async (gatewayUrl, changed, api) => {
        const made = await call(style, gatewayUrl, changed, false, api);
        made.begin({ callControlId: 'v3:another' });
        return made.closed;
      },
    },
  ];
}

function driverOf(
  style: TelnyxStyle,
  more: BadInput<TelnyxCall>[] = [],
): CarrierDriver<TelnyxCall, TelnyxApi> {
  return {
    traits: {
      receives: style.format,
      sends: style.format,
      // "Each chunk 20 ms to 30 s."
      frameMs: 20,
      marks: 'returned',
      digits: true,
      clears: true,
      goodbyeCode: 1000,
    },
    prepare: () => TelnyxApi.start({ TELNYX_CODEC: style.encoding }),
    badInput: [...badInput, ...more],
    oddities,
    intruders: intrudersOf(style),
    call: (gatewayUrl, changed, begin, api) => call(style, gatewayUrl, changed, begin, api),
  };
}

export const telnyxDriver = driverOf({ format: pcmu8k, encoding: 'PCMU', swaps: false, token: 'header' });

/** A European line, whose token comes back in `connected`. */
export const telnyxAlawDriver = driverOf({
  format: pcma8k,
  encoding: 'PCMA',
  swaps: false,
  token: 'nested',
});

export const telnyxWidebandDriver = driverOf(
  { format: pcm16At(16_000), encoding: 'L16', swaps: true, token: 'connected' },
  [halfASample],
);
