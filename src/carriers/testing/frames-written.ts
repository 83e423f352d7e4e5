import { Writable } from 'node:stream';

export interface WrittenFrame {
  readonly binary: boolean;
  readonly payload: Buffer;
}

/**
 * The connection below a WebSocket of ours, which takes a server's frames apart again; throws at what is none
 * (RFC 6455, section 5.2: final, unmasked, text or binary).
 */
export function connectionOf(take: (frame: WrittenFrame) => void): Writable {
  return new Writable({
    write(bytes: Buffer, _encoding, done) {
      for (let at = 0; at < bytes.length; ) {
        const first = bytes.readUInt8(at);
        if (first !== 0x81 && first !== 0x82) throw new Error(`a frame that begins with ${first}`);
        const short = bytes.readUInt8(at + 1);
        if (short > 126) throw new Error(`masked, or a length of eight bytes: ${short}`);
        const start = at + (short === 126 ? 4 : 2);
        const end = start + (short === 126 ? bytes.readUInt16BE(at + 2) : short);
        if (end > bytes.length) throw new Error('half a frame');
        take({ binary: first === 0x82, payload: bytes.subarray(start, end) });
        at = end;
      }
      done();
    },
  });
}
