import type { WebSocket } from 'ws';
import type { ErrorCode } from '../../base/errors.ts';

type Attack = [what: string, attack: (socket: WebSocket) => void, closeCode: number, code: ErrorCode];

/** What closes a media socket that speaks JSON, with which code. `start`: the message that opens its stream. */
export function socketAttacks(start: object): Attack[] {
  return [
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
}
