import { describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import type { ErrorCode } from '../../src/base/errors.ts';
import type { TestHost } from '../../src/carriers/testing/test-host.ts';
import type { TestStream } from './served-carrier.ts';

type Attack = readonly [
  what: string,
  attack: (socket: WebSocket) => void,
  closeCode: number,
  code: ErrorCode,
];

/** A carrier whose media sockets speak JSON, with two calls. */
export interface Attacked {
  host(): TestHost;
  readonly callIds: readonly [attacked: string, other: string];
  /** The media socket of a call, on which its stream has begun. */
  begin(callId: string): Promise<TestStream>;
  /** A message that opens a stream, and one that brings audio. */
  readonly start: object;
  readonly media: object;
}

/** What closes one media socket, and no other. */
export function attackCases({ host, callIds, begin, start, media }: Attacked): void {
  const attacks: readonly Attack[] = [
    ['a second start', (socket) => socket.send(JSON.stringify(start)), 1008, 'PATCHCORD_MESSAGE_ORDER'],
    [
      'a binary frame',
      (socket) => socket.send(Buffer.from('{"event":"stop"}')),
      1003,
      'PATCHCORD_MESSAGE_BINARY',
    ],
    [
      'text that is no UTF-8',
      (socket) => socket.send(Buffer.from([0x7b, 0xff, 0x7d]), { binary: false }),
      1007,
      'PATCHCORD_MESSAGE_MALFORMED',
    ],
    [
      'a message over the limit',
      (socket) => socket.send('x'.repeat(70_000)),
      1009,
      'PATCHCORD_MESSAGE_TOO_LARGE',
    ],
    [
      'nothing but nonsense',
      (socket) => {
        for (let i = 0; i < 11; i++) socket.send('nonsense');
      },
      1007,
      'PATCHCORD_MESSAGE_MALFORMED',
    ],
    [
      'a flood',
      (socket) => {
        for (let i = 0; i < 1_100; i++) socket.send('{"event":"weather"}');
      },
      1008,
      'PATCHCORD_PEER_FLOOD',
    ],
  ];

  describe('a media stream', () => {
    it.each(attacks)('is closed for %s, and another call goes on', async (_what, attack, closeCode, code) => {
      const [attackedId, otherId] = callIds;
      const other = await begin(otherId);
      const stream = await begin(attackedId);
      attack(stream.socket);
      expect(await stream.closed).toBe(closeCode);
      expect(host().codes.at(-1)).toBe(code);
      const callOf = (id: string) => host().calls.find(({ leg }) => leg.carrierCallId === id);
      expect((await callOf(attackedId)?.ended)?.error?.code).toBe(code);
      other.send(media);
      await callOf(otherId)?.audioOf(1);
      expect(callOf(otherId)?.ends).toEqual([]);
    });
  });
}
