/**
 * Serves the built console against a replayed conversation, for work on the page without a model:
 * `node web/dev/replay.ts [port] [demo|model|empty|locked]` after `npm run build`. The softphone's wire is the real one.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { WebSocketServer } from 'ws';
import type { EventsMessage, StatusReply } from '../../src/api/contract.ts';
import { AudioChunk } from '../../src/audio/chunk.ts';
import { SystemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import type { CallEventBody, CallSnapshot } from '../../src/call/events.ts';
import type { Leg } from '../../src/call/leg.ts';
import type { CutCause, Turn } from '../../src/call/turn.ts';
import type { CarrierHost } from '../../src/carriers/carrier.ts';
import { softphoneCarrier, softphoneDefaults } from '../../src/carriers/softphone/carrier.ts';
import { carriers, hum, type Line, otherScenes, ownScene, snapshot, spokenMs } from './scenes.ts';

const dist = join(import.meta.dirname, '../dist');
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
const tickMs = 100;
const [, , port = '0', mode = 'demo'] = process.argv;
const demo = mode !== 'model';

const calls = new Map<string, CallSnapshot>();
const sockets = new WebSocketServer({ noServer: true, maxPayload: 65_536 });
const events = new WebSocketServer({ noServer: true });

function tell(callId: string, body: CallEventBody): void {
  const message: EventsMessage = { callId, atEpochMs: Date.now(), ...body };
  for (const socket of events.clients) socket.send(JSON.stringify(message));
}

/** Plays a scene to a browser call and reports it as the engine would. */
class Replay {
  readonly callId: string;
  readonly #leg: Leg;
  readonly #startedMs = performance.now();
  readonly #timer: ReturnType<typeof setInterval>;
  #lines = [...ownScene];
  #turn: { line: Line; turn: Turn; atMs: number } | undefined;
  #dueMs = 0;
  #turns = 0;
  #marks = 0;

  constructor(callId: string, leg: Leg) {
    this.callId = callId;
    this.#leg = leg;
    const call = snapshot({ callId });
    calls.set(callId, call);
    tell(callId, { type: 'call.started', call });
    this.#timer = setInterval(() => this.#tick(performance.now() - this.#startedMs), tickMs);
  }

  end(reason: 'caller-hung-up' | 'agent-hung-up' | 'operator'): void {
    const call = calls.get(this.callId);
    if (call === undefined) return;
    clearInterval(this.#timer);
    calls.delete(this.callId);
    tell(this.callId, { type: 'call.ended', reason, call: { ...call, state: 'ended' } });
  }

  interrupt(cause: CutCause): void {
    const open = this.#turn;
    if (open?.line.role !== 'agent') return;
    this.#leg.clear();
    const { turn } = open;
    const items = [{ itemId: `item-${turn.turnId}`, heardMs: turn.heardMs, generatedMs: turn.generatedMs }];
    tell(this.callId, { type: 'barge-in', cause, clearMs: 0.08, items });
    this.#end({ ...turn, cut: cause });
  }

  say(text: string): void {
    this.#lines.unshift({ role: 'agent', text, pauseMs: 200 });
  }

  hangUp(): void {
    void this.#leg.hangUp('operator', snapshot({ callId: this.callId }));
    this.end('operator');
  }

  #tick(nowMs: number): void {
    const open = this.#turn;
    if (open !== undefined) {
      this.#speak(open, nowMs - open.atMs);
      return;
    }
    const line = this.#lines[0];
    if (line === undefined) return;
    this.#dueMs ||= nowMs + line.pauseMs;
    if (nowMs < this.#dueMs) return;
    this.#dueMs = 0;
    this.#lines.shift();
    this.#begin(line, nowMs);
  }

  #begin(line: Line, nowMs: number): void {
    const agent = line.role === 'agent';
    const generatedMs = agent ? spokenMs(line.text) : 0;
    const turn: Turn = {
      turnId: ++this.#turns,
      role: line.role,
      startedAtMs: nowMs,
      text: '',
      heardText: '',
      heardMs: 0,
      generatedMs,
      ended: false,
    };
    this.#turn = { line, turn, atMs: nowMs };
    if (!agent) tell(this.callId, { type: 'speech.started' });
    this.#put(turn, 'turn.started');
    if (!agent) return;
    if (turn.turnId === 1) tell(this.callId, { type: 'latency.pick-up', firstAudioMs: line.pauseMs });
    else tell(this.callId, { type: 'latency.turn', turnId: turn.turnId, firstAudioMs: line.pauseMs });
    const audio = hum(generatedMs);
    for (let at = 0; at < audio.length; at += 19_200) {
      this.#leg.play(AudioChunk.fromBytes(audio.subarray(at, at + 19_200)));
      this.#leg.mark(`m${this.#marks++}`);
    }
  }

  #speak({ line, turn }: { line: Line; turn: Turn }, ms: number): void {
    const total = spokenMs(line.text);
    const said = line.text.slice(0, wordEnd(line.text, (ms / total) * line.text.length));
    if (line.role === 'caller') {
      if (ms < total) return;
      tell(this.callId, { type: 'speech.stopped' });
      this.#end({ ...turn, text: line.text, heardText: line.text });
      return;
    }
    const ahead = line.text.slice(0, wordEnd(line.text, said.length + 46));
    const next = { ...turn, text: ahead, heardText: said, heardMs: Math.min(Math.round(ms), total) };
    this.#turn = { line, turn: next, atMs: this.#turn?.atMs ?? 0 };
    if (line.cutAfterMs !== undefined && ms >= line.cutAfterMs) this.interrupt('caller-spoke');
    else if (ms >= total) this.#end({ ...next, text: line.text, heardText: line.text });
    else this.#put(next, 'turn.updated');
  }

  #end(turn: Turn): void {
    this.#turn = undefined;
    this.#put({ ...turn, ended: true }, 'turn.ended');
  }

  #put(turn: Turn, type: 'turn.started' | 'turn.updated' | 'turn.ended'): void {
    const call = calls.get(this.callId);
    if (call === undefined) return;
    const turns = [...call.turns.filter(({ turnId }) => turnId !== turn.turnId), turn];
    calls.set(this.callId, { ...call, turns });
    tell(this.callId, { type, turn });
  }
}

/** The end of the word that `at` falls into. */
function wordEnd(text: string, at: number): number {
  const end = text.indexOf(' ', Math.floor(at));
  return end === -1 ? text.length : end;
}

const replays = new Map<string, Replay>();
let made = 0;
const host: CarrierHost = {
  clock: new SystemClock(),
  log: silentLogger,
  publicUrl: undefined,
  allowsUnsigned: () => false,
  admission: () => ({ admitted: true }),
  lookUp: () => Promise.resolve({}),
  refused: (carrier, error) => console.log(carrier, error.code, error.message),
  accept: (leg) => {
    const callId = `replay-${++made}`;
    const replay = (): Replay | undefined => replays.get(callId);
    leg.attach({
      answered: () => undefined,
      connected: () => replays.set(callId, new Replay(callId, leg)),
      audio: () => undefined,
      played: () => undefined,
      digit: (digit) => {
        tell(callId, { type: 'digit', digit });
        if (digit !== '#') return;
        void leg.hangUp('agent', snapshot({ callId }));
        replay()?.end('agent-hung-up');
      },
      ended: () => replay()?.end('caller-hung-up'),
    });
    return { callId };
  },
};
const carrier = softphoneCarrier(softphoneDefaults, host, { authorize: () => ({ accept: true }) });

for (const [index, scene] of mode === 'empty' ? [] : otherScenes.entries()) {
  const callId = `other-${index}`;
  const startedAtEpochMs = Date.now() - 95_000 + index * 11_000;
  calls.set(callId, snapshot({ callId, startedAtEpochMs, ...scene.call, turns: scene.turns }));
}

function status(): StatusReply {
  return {
    version: '0.1.0',
    model: { name: demo ? 'demo voice' : 'gpt-realtime', demo },
    carriers: carriers(demo),
    draining: false,
    liveCalls: calls.size,
    maxCalls: 50,
  };
}

/** The `text` of a JSON body. */
async function textOf(request: IncomingMessage): Promise<string> {
  const body: unknown = JSON.parse(Buffer.concat(await request.toArray()).toString('utf8'));
  return typeof body === 'object' && body !== null && 'text' in body ? String(body.text) : '';
}

function json(response: ServerResponse, code: number, value: object): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  if (mode === 'locked' && pathname.startsWith('/v1/')) {
    return json(response, 401, { error: 'A key is needed.', code: 'PATCHCORD_UNAUTHORIZED' });
  }
  if (pathname === '/v1/status') return json(response, 200, status());
  const [, callId = '', verb = ''] = /^\/v1\/calls\/([^/]+)\/(hangup|interrupt|say)$/.exec(pathname) ?? [];
  if (verb !== '') {
    const replay = replays.get(callId);
    if (replay === undefined)
      return json(response, 404, { error: 'No such call.', code: 'PATCHCORD_CALL_NOT_FOUND' });
    if (verb === 'hangup') replay.hangUp();
    else if (verb === 'interrupt') replay.interrupt('operator');
    else replay.say(await textOf(request));
    return json(response, 200, {});
  }
  const path = normalize(pathname === '/' ? '/index.html' : pathname);
  try {
    const body = await readFile(join(dist, path));
    response.writeHead(200, {
      'content-type': types[extname(path)] ?? 'application/octet-stream',
      'content-security-policy': "default-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    });
    response.end(body);
  } catch {
    response.writeHead(404).end();
  }
}

const server = createServer((request, response) => void answer(request, response));
server.on('upgrade', (request, socket, head) => {
  const route = carrier.sockets.find((candidate) => candidate.recognises(request));
  if (route !== undefined) {
    sockets.handleUpgrade(request, socket, head, (peer) => route.connect(peer, request));
  } else if (request.url === '/v1/events' && mode !== 'locked') {
    events.handleUpgrade(request, socket, head, (peer) => {
      const first: EventsMessage = { type: 'snapshot', calls: [...calls.values()].toReversed() };
      peer.send(JSON.stringify(first));
    });
  } else {
    socket.destroy();
  }
});
server.listen(Number(port), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
