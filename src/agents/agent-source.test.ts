import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../base/logger.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { type AgentSettings, AgentSource } from './agent-source.ts';

const settings: AgentSettings = {
  instructions: 'Be kind.',
  instructionsUrl: undefined,
  instructionsFile: undefined,
  instructionsTimeoutMs: 1000,
  voice: 'marin',
  language: undefined,
  whoSpeaksFirst: 'agent',
  greeting: 'Hello.',
  greetingInterruptible: true,
};

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** An address whose answer a test can change; resolves `asked` at each request. */
async function address(): Promise<{
  url: string;
  reply: { status: number; system: string };
  asked(): Promise<void>;
}> {
  const reply = { status: 200, system: 'You are the bank.' };
  let waiting: (() => void)[] = [];
  const server = createServer((_request, response) => {
    response.writeHead(reply.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ system: reply.system }), () => {
      for (const wake of waiting) wake();
      waiting = [];
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    reply,
    asked: () => new Promise((resolve) => waiting.push(resolve)),
  };
}

describe('the agent', () => {
  it('greets as the settings say, and as the call says where it says so', async () => {
    const source = await AgentSource.load(
      { ...settings, whoSpeaksFirst: 'caller' },
      new VirtualClock(),
      silentLogger,
    );
    expect(source.agent().opening).toEqual({ speaker: 'caller' });
    expect(source.agent({ greeting: 'Hi!' }).opening).toMatchObject({ speaker: 'agent', greeting: 'Hi!' });
    expect(source.agent({ instructions: 'Be brief.', voice: 'cedar' })).toMatchObject({
      instructions: 'Be brief.',
      voice: 'cedar',
    });
  });

  it('opens a dialled call that has instructions of its own by these, unless it has a greeting too', async () => {
    const source = await AgentSource.load(settings, new VirtualClock(), silentLogger);
    const own = { instructions: 'Remind them of Monday.' };
    const greets = { speaker: 'agent', greeting: 'Hello.', interruptible: true };
    expect(source.agent(own, 'outbound').opening).toEqual({ speaker: 'agent', interruptible: true });
    expect(source.agent({ ...own, greeting: 'Hi!' }, 'outbound').opening).toEqual({
      ...greets,
      greeting: 'Hi!',
    });
    expect(source.agent({}, 'outbound').opening).toEqual(greets);
    expect(source.agent(own, 'inbound').opening).toEqual(greets);
    const waits = await AgentSource.load(
      { ...settings, whoSpeaksFirst: 'caller' },
      new VirtualClock(),
      silentLogger,
    );
    expect(waits.agent(own, 'outbound').opening).toEqual({ speaker: 'caller' });
  });

  it('has what the address says now, half a minute later, and keeps it when the address fails', async () => {
    const clock = new VirtualClock();
    const { url, reply, asked } = await address();
    const source = await AgentSource.load(
      { ...settings, instructions: undefined, instructionsUrl: url },
      clock,
      silentLogger,
    );
    expect(source.agent().instructions).toBe('You are the bank.');

    reply.system = 'You are the shop.';
    clock.advance(30_000);
    let request = asked();
    source.agent();
    await request;
    await expect.poll(() => source.agent().instructions).toBe('You are the shop.');

    reply.status = 503;
    clock.advance(30_000);
    request = asked();
    source.agent();
    await request;
    // The next look-up begins only when this one is over.
    clock.advance(30_000);
    reply.status = 200;
    await expect.poll(() => source.agent().instructions).toBe('You are the shop.');
  });
});
