import { expect, it } from 'vitest';
import { AudioChunk } from '../../src/audio/chunk.ts';
import type { AudioFormat } from '../../src/audio/format.ts';
import type { ModelSession, SessionOptions } from '../../src/call/model-session.ts';
import type { TestCall, Told } from '../../src/models/test-call.ts';
import type { ModelDriver, ModelServer, ServerOptions } from './model-driver.ts';
import { Watch } from './watch.ts';

/** A session that is ready, with a server behind it. */
export interface Dialogue {
  readonly server: ModelServer;
  readonly session: ModelSession;
  readonly call: TestCall;
  readonly format: AudioFormat;
  say(audio: Buffer): void;
  until(what: string, enough: () => boolean, withinMs?: number): Promise<void>;
  /** The arguments of each event of this name, in order. */
  told(name: Told[0]): unknown[][];
  /** Names of the events, without the floating and the repeated ones. */
  story(): string[];
  /** All agent audio that the call was given. */
  heard(): Buffer;
  /** The items that had audio, in order. */
  items(): string[];
}

/**
 * One test: a session of the family and its server. At the end the server has refused nothing that the session asked,
 * no session is left at it, and the closed session tells nothing more.
 */
export function dialogue<Faults>(
  name: string,
  driver: ModelDriver<Faults>,
  options: ServerOptions<Faults> & {
    readonly session?: Partial<SessionOptions>;
    readonly mayReject?: boolean;
  },
  play: (dialogue: Dialogue) => Promise<void>,
  isReady = true,
): void {
  it(name, async () => {
    const watch = new Watch();
    const server = await driver.start(options, watch.changed);
    try {
      const { session, call } = server.open(options.session);
      const told = (event: Told[0]): unknown[][] =>
        call.told.filter(([kind]) => kind === event).map(([, ...args]) => args);
      if (isReady) await watch.until('ready', () => told('ready').length === 1);
      await play({
        server,
        session,
        call,
        format: session.receives,
        say: (audio) => {
          const frame = Math.ceil(audio.length / 50);
          const even = frame + (frame % 2);
          for (let at = 0; at < audio.length; at += even) {
            session.appendAudio(AudioChunk.fromBytes(audio.subarray(at, at + even)));
          }
        },
        until: (what, enough, withinMs) => watch.until(what, enough, withinMs),
        told,
        story: () => storyOf(call.told),
        heard: () => Buffer.concat(told('audio').map(([, hex]) => Buffer.from(String(hex), 'hex'))),
        items: () => [...new Set(told('audio').map(([itemId]) => String(itemId)))],
      });
      const before = call.told.length;
      session.close();
      await watch.until('no session left at the server', () => server.liveSessions === 0);
      if (options.mayReject !== true) expect(server.rejections()).toEqual([]);
      expect(call.told.length).toBe(before);
    } finally {
      await server.close();
    }
  });
}

const floating: readonly string[] = ['callerText', 'agentText'];

function storyOf(told: readonly Told[]): string[] {
  const names = told.map(([name]) => name).filter((name) => !floating.includes(name));
  return names.filter((name, at) => name !== names[at - 1]);
}
