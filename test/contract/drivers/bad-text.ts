import type { BadInput, CarrierCall } from '../carrier-driver.ts';

/** What breaks JSON itself, whatever is said in it. */

export const notUtf8: BadInput<CarrierCall> = {
  name: 'a text frame that is not UTF-8',
  when: 'live',
  code: 'PATCHCORD_MESSAGE_MALFORMED',
  closes: 1007,
  send: (it) => it.raw(Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), false),
};

export const malformedInARow: BadInput<CarrierCall> = {
  name: 'one malformed message after the other',
  when: 'live',
  code: 'PATCHCORD_MESSAGE_MALFORMED',
  closes: 1007,
  send: (it) => {
    for (let count = 0; count < 11; count += 1) it.raw('nonsense', false);
  },
};

export function unfinishedJson(named: 'event' | 'type'): BadInput<CarrierCall> {
  return {
    name: 'text that is not JSON, before anything else',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_MALFORMED',
    closes: 1007,
    send: (it) => it.raw(`{"${named}":`, false),
  };
}

/** For calls that survive a malformed message. `named`: the field that holds a message's name. */
export function badText(named: 'event' | 'type'): BadInput<CarrierCall>[] {
  return [
    unfinishedJson(named),
    {
      name: 'text that is not JSON',
      when: 'live',
      code: 'PATCHCORD_MESSAGE_MALFORMED',
      closes: 'goes-on',
      send: (it) => it.raw('what?', false),
    },
    {
      name: 'JSON that is no message',
      when: 'live',
      code: 'PATCHCORD_MESSAGE_MALFORMED',
      closes: 'goes-on',
      send: (it) => {
        for (const frame of ['[]', 'null', '7', `{"${named}":5}`]) it.raw(frame, false);
      },
    },
    malformedInARow,
    notUtf8,
  ];
}

/** For carriers that put audio into their text too. */
export const binaryFrames: readonly BadInput<CarrierCall>[] = [
  {
    name: 'a binary frame before anything else',
    when: 'at-the-start',
    code: 'PATCHCORD_MESSAGE_BINARY',
    closes: 1003,
    send: (it) => it.raw(Buffer.alloc(320), true),
  },
  {
    name: 'a binary frame',
    when: 'live',
    code: 'PATCHCORD_MESSAGE_BINARY',
    closes: 1003,
    send: (it) => it.raw(Buffer.alloc(320), true),
  },
];
