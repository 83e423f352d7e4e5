import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generateSpeech } from '../../src/emulators/phone/caller-audio.ts';
import { says } from '../contract/sounds.ts';
import { fromNumber, to } from './account-stage.ts';
import { fromElsewhere, withKey } from './ask.ts';
import { agentFirst, hangUp } from './habits.ts';
import { listenToLog } from './log-listener.ts';
import { instructionsOf, sessionOf } from './on-stage.ts';
import { dialled, onTwilioStage } from './twilio-stage.ts';

/** The rows of seed 003 about those who use the bridge: its web page and programs. */

const callOptions = () => ({ steps: [hangUp] });

describe.concurrent('a client of the Twilio bridge finds POST /make-call', () => {
  it('003 POST /make-call: {to, instructions} -> {message, callSid}, and the model is told the instructions', async () => {
    const script = [says({ ms: 150, seed: 1 })];
    await onTwilioStage(
      { env: agentFirst, script, account: { callOptions } },
      async ({ stage, rest, ask }) => {
        const instructions = 'Sell "apps" & <websites>.';
        const { status, json } = await ask('POST', '/make-call', { to, instructions });
        expect(status).toBe(200);
        const [call] = rest.calls;
        expect(json).toEqual({
          message: 'Call initiated',
          callSid: call?.callSid,
          callId: expect.any(String),
        });
        expect(call?.request).toMatchObject({ to, from: fromNumber });
        expect(call?.request.url).toMatch(/^https:\/\/gw\.example\.com\/outbound-call\b/);
        expect(call?.request.statusCallback).toMatch(/^https:\/\/gw\.example\.com\/twilio-status-callback\b/);
        const record = await call?.ended;
        expect(record).toMatchObject({ failure: undefined, notices: [] });
        expect(record?.stream).toMatchObject({ violations: [], playedMs: 150 });
        expect(call?.callbackFailures).toEqual([]);
        expect(instructionsOf(stage)).toContain(instructions);
      },
    );
  });

  it('003 POST /make-call: voice and silence are those of this call alone', async () => {
    const script = [says({ ms: 150, seed: 2 }), says({ ms: 150, seed: 3 })];
    const steps = [{ do: 'speak', audio: generateSpeech(400) }, hangUp] as const;
    await onTwilioStage({ script, account: { callOptions: () => ({ steps }) } }, async (it) => {
      const { stage } = it;
      const calls = [await dialled(it, { voice: 'cedar', silence: 900 }), await dialled(it)];
      await Promise.all(calls.map(({ ended }) => ended));
      const told = [sessionOf(stage, 0), sessionOf(stage, 1)].map(({ audio }) => audio as SessionAudio);
      const silences = told.map(({ input }) => input.turn_detection.silence_duration_ms);
      expect(silences.toSorted()).toEqual([200, 900]);
      expect(told[silences.indexOf(900)]?.output.voice).toBe('cedar');
      expect(told[silences.indexOf(200)]?.output.voice).not.toBe('cedar');
      const endpointing = stage.eventsOf('latency.turn').map(({ endpointingMs }) => endpointingMs);
      expect(new Set(endpointing)).toEqual(new Set([200, 900]));
    });
  });

  it('003 POST /make-call: two calls have each their own instructions', async () => {
    const script = [says({ ms: 150, seed: 4 }), says({ ms: 150, seed: 5 })];
    await onTwilioStage({ env: agentFirst, script, account: { callOptions } }, async (it) => {
      const calls = [
        await dialled(it, { instructions: 'Sell tea.' }),
        await dialled(it, { instructions: 'Buy milk.' }),
      ];
      await Promise.all(calls.map(({ ended }) => ended));
      expect([instructionsOf(it.stage, 0), instructionsOf(it.stage, 1)].sort()).toEqual([
        expect.stringContaining('Buy milk.'),
        expect.stringContaining('Sell tea.'),
      ]);
    });
  });

  it('003 POST /make-call: 500 {error} when Twilio does not take the call', async () => {
    const env = { TWILIO_ACCOUNT_SID: `AC${'9'.repeat(32)}` };
    await onTwilioStage({ env }, async ({ stage, ask }) => {
      const answer = await ask('POST', '/make-call', { to, instructions: 'Sell tea.' });
      expect(answer).toMatchObject({ status: 500, json: { error: 'Failed to make call' } });
      expect(stage.liveCalls).toBe(0);
    });
  });

  it('003 POST /make-call: no number that is not one, none that is not allowed, nobody without a key', async () => {
    await onTwilioStage({}, async ({ rest, ask }) => {
      const statusOf = async (number: unknown, headers = {}): Promise<number> =>
        (await ask('POST', '/make-call', { to: number }, headers)).status;
      for (const number of ['0151 2345678', 'sip:a@example.com', '+1', '', undefined, 15550001111]) {
        expect([number, await statusOf(number)]).toEqual([number, 400]);
      }
      expect(await statusOf('+449005550100')).toBe(403);
      expect(await statusOf('+19005550100')).toBe(403);
      expect(await statusOf(to, fromElsewhere)).toBe(401);
      expect(rest.calls).toEqual([]);
      expect(await statusOf('+1 (555) 000-1111', withKey)).toBe(200);
    });
  });
});

describe.concurrent('the web page of the Twilio bridge finds', () => {
  it('003 GET /instructions, /instructions/:filename, POST /save-instructions: files, as they were', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'patchcord-'));
    try {
      const env = { PATCHCORD_INSTRUCTIONS_DIR: join(folder, 'instructions') };
      await onTwilioStage({ env }, async ({ ask }) => {
        expect(await ask('GET', '/instructions')).toMatchObject({ status: 200, json: [] });
        const saved = { fileName: 'tea shop', instructions: '# Sell tea.\n' };
        const answer = await ask('POST', '/save-instructions', saved);
        expect([answer.status, answer.json]).toEqual([200, { message: 'Instructions saved successfully' }]);
        expect((await ask('GET', '/instructions')).json).toEqual([{ name: 'tea shop.md' }]);
        const file = { name: 'tea shop.md', instructions: '# Sell tea.\n' };
        expect(await ask('GET', '/instructions/tea%20shop.md')).toMatchObject({ status: 200, json: file });
        expect(await ask('GET', '/instructions/none.md')).toMatchObject({
          status: 404,
          json: { error: 'File not found' },
        });
        for (const body of [{}, { fileName: 'a' }, { instructions: 'b' }]) {
          expect(await ask('POST', '/save-instructions', body)).toMatchObject({
            status: 400,
            json: { error: 'File name and instructions are required' },
          });
        }
        expect(await readFile(join(folder, 'instructions', 'tea shop.md'), 'utf8')).toBe('# Sell tea.\n');
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('003 GET /instructions/:filename, POST /save-instructions: nobody gets out of the folder, or in without a key', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'patchcord-'));
    try {
      const env = { PATCHCORD_INSTRUCTIONS_DIR: join(folder, 'instructions') };
      await onTwilioStage({ env }, async ({ ask }) => {
        for (const name of ['..%2F..%2Fetc%2Fpasswd', '..%5Cx.md', '%2Fetc%2Fpasswd', '.env', '..md']) {
          expect([name, (await ask('GET', `/instructions/${name}`)).status]).toEqual([name, 404]);
        }
        for (const fileName of ['../x', '/tmp/x', '..\\x', '.x', 'a/b', 'a\u0000b']) {
          const { status } = await ask('POST', '/save-instructions', { fileName, instructions: 'x' });
          expect([fileName, status]).toEqual([fileName, 400]);
        }
        expect(await readdir(folder)).not.toContain('x.md');
        const saved = { fileName: 'x', instructions: 'x' };
        expect((await ask('POST', '/save-instructions', saved, fromElsewhere)).status).toBe(401);
        expect((await ask('GET', '/instructions', undefined, fromElsewhere)).status).toBe(401);
        expect((await ask('GET', '/instructions/x.md', undefined, fromElsewhere)).status).toBe(401);
        expect((await ask('POST', '/save-instructions', saved, withKey)).status).toBe(200);
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('003 WS /log-stream: items of the conversation, for every listener, of one call where ?uuid= says so', async () => {
    const script = [
      says({ ms: 200, seed: 6, words: 'Good evening' }),
      says({ ms: 200, seed: 7, words: 'At ten' }),
    ];
    const steps = [{ do: 'speak', audio: generateSpeech(400), after: 'agent-finished' }, hangUp] as const;
    const account = { callOptions: () => ({ steps }) };
    await onTwilioStage({ env: agentFirst, script, account }, async (it) => {
      const { stage } = it;
      const all = await listenToLog(stage, '');
      const other = await listenToLog(stage, '?uuid=CA0');
      const call = await dialled(it);
      const own = await Promise.all([
        listenToLog(stage, `?uuid=${call.callSid}`),
        listenToLog(stage, `?callId=${call.callSid}`),
      ]);
      await call.ended;
      await stage.empty();
      for (const { items, last } of [all, ...own]) {
        expect(last()).toMatchObject([
          {
            role: 'assistant',
            status: 'completed',
            formatted: { transcript: 'Good evening', text: 'Good evening' },
          },
          { role: 'user', status: 'completed', formatted: { transcript: 'words of the caller' } },
          { role: 'assistant', status: 'completed', formatted: { transcript: 'At ten', text: 'At ten' } },
        ]);
        for (const item of items) {
          expect(Object.keys(item).sort()).toEqual(['callId', 'formatted', 'id', 'role', 'status', 'type']);
          expect(item.type).toBe('message');
          expect(Object.keys(item.formatted).sort()).toEqual(['text', 'transcript']);
        }
      }
      expect(other.items).toEqual([]);
      for (const { close } of [all, other, ...own]) close();
    });
  });

  it('003 WS /log-stream: nobody listens without a key', async () => {
    await onTwilioStage({}, async ({ stage }) => {
      await expect(listenToLog(stage, '', fromElsewhere)).rejects.toThrow('401');
      const listener = await listenToLog(stage, '', withKey);
      listener.close();
    });
  });

  it('003 GET /: a page; a message in JSON for programs that ask for JSON', async () => {
    await onTwilioStage({}, async ({ ask }) => {
      for (const accept of ['application/json', 'application/json, text/plain, */*']) {
        const { status, json } = await ask('GET', '/', undefined, { ...fromElsewhere, accept });
        expect([status, json]).toEqual([200, { message: 'Patchcord is running.' }]);
      }
      const page = await ask('GET', '/', undefined, { accept: 'text/html' });
      expect(page.status).toBe(200);
      expect(page.contentType).toMatch(/^text\/html\b/);
      expect(page.text).toContain('<html');
    });
  });
});

interface SessionAudio {
  readonly input: { readonly turn_detection: { readonly silence_duration_ms: number } };
  readonly output: { readonly voice: string };
}
