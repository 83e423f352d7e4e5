import { describe, expect, it } from 'vitest';
import { AudioChunk } from '../../audio/chunk.ts';
import type { VirtualClock } from '../../base/virtual-clock.ts';
import type { Leg } from '../../call/leg.ts';
import type { FakeSocket } from './fake-socket.ts';
import { emptyRecord, type HeardCall, type TestHost } from './test-host.ts';

/** The media socket of a call that its carrier has told us of, and all around it. */
export interface StreamScene {
  readonly clock: VirtualClock;
  readonly host: TestHost;
  readonly socket: FakeSocket;
  readonly leg: Leg;
  readonly call: HeardCall;
}

/** How one of the carriers that announce a call and then stream its media speaks. */
export interface SpokenStream {
  /** The socket is open, and nothing was said on it. */
  connect(): StreamScene;
  readonly start: object;
  readonly media: object;
  /** What may come before `start`. */
  readonly early: object;
  /** Events that may not. */
  readonly late: readonly string[];
  played(name: string): object;
  /** Whether a clear has the marks before it come back. */
  readonly clearReturnsMarks: boolean;
  /** What our messages are called. */
  readonly sends: { readonly audio: string; readonly mark: string; readonly clear: string };
}

/** What is true of every media stream of a call that was announced. */
export function streamCases(its: SpokenStream): void {
  const { connect, start, media, early, late, played, clearReturnsMarks, sends } = its;
  const open = (): StreamScene => {
    const scene = connect();
    scene.socket.says(early);
    scene.socket.says(start);
    return scene;
  };
  const audio = (byte = 1): AudioChunk => AudioChunk.fromBytes(Buffer.alloc(160, byte));
  const afterTurn = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

  describe('a media stream', () => {
    it('answers and connects in one go where no webhook said so before', () => {
      expect(open().call.log).toEqual(['answered', 'connected']);
    });

    it('begins with start: until then ten seconds run, and nothing is forgiven', () => {
      const { socket, clock, host } = connect();
      socket.says(early);
      clock.advance(10_000);
      expect(socket.closeCode).toBe(1008);
      expect(host.codes).toEqual(['PATCHCORD_MESSAGE_ORDER']);
      const other = connect();
      other.socket.says('nonsense');
      expect(other.socket.closeCode).toBe(1007);
      expect(other.call.log).toEqual([]);
    });

    it.each(late)('is closed with 1008 for %s before start', (event) => {
      const { socket, host } = connect();
      const bodies = { media: { payload: 'AAAA' }, mark: { name: 'm' }, name: 'm', dtmf: { digit: '1' } };
      socket.says({ event, ...bodies });
      expect(socket.closeCode).toBe(1008);
      expect(host.codes).toEqual(['PATCHCORD_MESSAGE_ORDER']);
    });

    it('is closed with 1008 for audio before start, be it none that could be played', () => {
      const { socket, host } = connect();
      socket.says({ event: 'media', media: { payload: '' } });
      expect(socket.closeCode).toBe(1008);
      expect(host.codes).toEqual(['PATCHCORD_MESSAGE_ORDER']);
    });

    it('that has begun has no such deadline, and forgives what is malformed, naming the call', () => {
      const { socket, clock, host, call, leg } = open();
      clock.advance(10_000);
      socket.says('{"event":"media","media":{"payload":"?"}}');
      socket.says(media);
      expect(socket.closeCode).toBeUndefined();
      expect(call.audio).toHaveLength(1);
      const fields = { closed: false, carrierCallId: leg.carrierCallId };
      expect(host.refusals).toEqual([{ code: 'PATCHCORD_AUDIO_MALFORMED', fields }]);
    });

    it('writes audio at once, and its mark with what follows or after the turn', async () => {
      const { leg, socket } = open();
      leg.play(audio());
      expect(socket.events).toEqual([sends.audio]);
      leg.mark('m1');
      expect(socket.events).toEqual([sends.audio]);
      leg.play(audio());
      expect(socket.events).toEqual([sends.audio, sends.mark, sends.audio]);
      leg.mark('m2');
      await afterTurn();
      expect(socket.events).toEqual([sends.audio, sends.mark, sends.audio, sends.mark]);
    });

    it('has written the clear, and what came before it, when clear() returns', () => {
      const { leg, socket } = open();
      leg.play(audio());
      leg.mark('m1');
      leg.clear();
      expect(socket.events).toEqual([sends.audio, sends.mark, sends.clear]);
    });

    it('takes back as many marks as it sent, however fast, and no more', () => {
      const { leg, socket, call, host } = open();
      for (let n = 0; n < 5000; n++) leg.mark(`m${n}`);
      if (clearReturnsMarks) leg.clear();
      for (let n = 0; n < 5000; n++) socket.says(played(`m${n}`));
      for (let n = 0; n < 900; n++) socket.says(media);
      expect(socket.closeCode).toBeUndefined();
      expect(call.log.filter((line) => line.startsWith('played'))).toHaveLength(5000);
      for (let n = 0; n < 100; n++) socket.says(played(`m${n}`));
      expect(socket.closeCode).toBe(1008);
      expect(host.codes).toEqual(['PATCHCORD_PEER_FLOOD']);
      expect(call.log.at(-1)).toBe('ended protocol-error');
    });

    it('that breaks ends its call as lost, once, and is silent afterwards', () => {
      const { leg, socket, call, clock } = open();
      socket.emit('error', Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
      socket.emit('close', 1006);
      expect(call.log.at(-1)).toBe('ended connection-lost');
      expect(call.ends).toHaveLength(1);
      leg.play(audio());
      leg.mark('late');
      leg.clear();
      expect(socket.sent).toEqual([]);
      expect(clock.pending).toBe(0);
      expect(socket.eventNames()).toEqual([]);
    });

    it('that is not read ends its call when it is closed, not inside play()', () => {
      const { leg, socket, call } = open();
      socket.connection.cork();
      leg.play(AudioChunk.fromBytes(Buffer.alloc(6_000_000)));
      expect(socket.terminated).toBe(true);
      expect(call.ends).toEqual([]);
      socket.emit('close', 1006);
      expect(call.log.at(-1)).toBe('ended connection-lost');
    });

    it('is closed with 1000 when we hang up, and hears nothing more', async () => {
      const { leg, socket, call, clock } = open();
      const done = leg.hangUp('agent', emptyRecord);
      expect(leg.hangUp('operator', emptyRecord)).toBe(done);
      expect(socket.closeCode).toBe(1000);
      expect(call.ends).toEqual([]);
      socket.says(media);
      socket.emit('close', 1000);
      await done;
      expect(call.log).toEqual(['answered', 'connected', 'ended hung-up']);
      expect(clock.pending).toBe(0);
    });

    it('is not let in once its call is being hung up', async () => {
      const { leg, socket, host, call } = connect();
      const done = leg.hangUp('operator', emptyRecord);
      socket.says(start);
      await done;
      expect(socket.closeCode).toBe(1008);
      expect(host.codes).toEqual(['PATCHCORD_STREAM_TOKEN_INVALID']);
      expect(call.log).toEqual(['ended hung-up']);
    });
  });
}
