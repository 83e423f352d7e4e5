import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PatchcordError } from '../../src/base/errors.ts';
import type { LegEnd } from '../../src/call/leg.ts';
import { emptyRecord, publicUrl, TestHost } from '../../src/carriers/testing/test-host.ts';
import type { Answer, TestStream } from './served-carrier.ts';

type Form = Readonly<Record<string, string>>;

/** A carrier behind a real server; what it is sent is signed as the carrier signs. */
interface ServedForms {
  post(target: string, form: Record<string, string>, isSigned?: boolean): Promise<Answer>;
  get(target: string): Promise<Answer>;
  /** A media stream that is open. */
  stream(): Promise<TestStream>;
  close(): Promise<void>;
}

/** How one of the carriers speaks that tell of their calls in signed forms and are answered in XML. */
export interface FormWebhooks {
  serve(host: TestHost): Promise<ServedForms>;
  /** What it posts of a call that rings us. */
  readonly ring: Form;
  /** Its parameter for the id of the call, and another id. */
  readonly idName: string;
  readonly otherId: string;
  /** What `ring` says otherwise of a call that somebody else dialled. */
  readonly outbound: Form;
  /** What it says otherwise of calls that are over. */
  readonly over: readonly Form[];
  /** Forms that name no call. */
  readonly nameless: readonly (readonly [path: string, form: Form])[];
  readonly reportPaths: readonly string[];
  /** Where it reports that a call is over, and what it says besides. */
  readonly report: readonly [path: string, changes: Form];
  readonly ends: readonly (readonly [status: string, reason: LegEnd['reason']])[];
  /** Statuses of a call that goes on. */
  readonly goesOn: readonly string[];
  /** What opens the answer that connects a call to its stream, and what speaks in it. */
  readonly connects: string;
  readonly speaks: string;
  tokenIn(answer: string): string;
  readonly wrongTokens: readonly (string | undefined)[];
  startMessage(token: string | undefined, changes?: object): object;
  mediaMessage(timestampMs: number): object;
  /** `start` messages of other calls than the token's, by what is other in them. */
  readonly mismatches: readonly (readonly [what: string, changes: object])[];
  /** One that is not streamed. */
  readonly otherFormat: { readonly encoding: string; readonly sampleRate: number };
  /** Ends the stream as the carrier does when the caller hangs up. */
  endStream(stream: TestStream): void;
}

/** What is true of every carrier's webhooks of this kind, and of the way of a media stream to its call. */
export function formWebhookCases(its: FormWebhooks): void {
  const { ring, idName, startMessage, mediaMessage } = its;
  let host: TestHost;
  let served: ServedForms;

  beforeEach(async () => {
    host = new TestHost();
    served = await its.serve(host);
  });

  afterEach(() => served.close());

  const answered = (changes: Form = {}) => served.post('/incoming-call', { ...ring, ...changes });
  /** Rings and gives the token for the media stream. */
  const token = async () => its.tokenIn((await answered()).text);

  async function begin(given: string, changes?: object): Promise<TestStream> {
    const stream = await served.stream();
    stream.send(startMessage(given, changes));
    return stream;
  }

  /** A stream that has begun, and has brought one chunk. */
  async function live(given: string): Promise<TestStream> {
    const stream = await begin(given);
    stream.send(mediaMessage(20));
    await host.calls[0]?.audioOf(1);
    return stream;
  }

  describe('the answer webhook', () => {
    it('makes one call when it is repeated, with a fresh token', async () => {
      const [first, second] = [await token(), await token()];
      expect(host.calls).toHaveLength(1);
      expect(host.calls[0]?.log).toEqual(['answered']);
      expect(second).not.toBe(first);
      its.endStream(await live(second));
      await host.calls[0]?.ended;
      expect(host.calls[0]?.log).toEqual(['answered', 'connected', 'audio', 'ended hung-up']);
    });

    it('takes an outbound call that somebody else dialled', async () => {
      await served.post('/outbound-call', { ...ring, ...its.outbound });
      expect(host.calls[0]?.leg.party.direction).toBe('outbound');
    });

    it('hangs up on an outbound call that is not waited for any more', async () => {
      const { text } = await served.post('/outbound-call?dial=gone', { ...ring, ...its.outbound });
      expect(text).toContain('<Response><Hangup/></Response>');
      expect(host.calls).toHaveLength(0);
    });

    it('hangs up when the call gives up at the first ring', async () => {
      host.onAnswered = (leg) =>
        void leg.hangUp('model-failed', emptyRecord).catch(() => expect.unreachable());
      expect((await answered()).text).toContain('<Response><Hangup/></Response>');
    });

    it('says so politely when no call can be taken', async () => {
      host.full = new PatchcordError('PATCHCORD_DRAINING');
      const { status, text } = await answered();
      expect(status).toBe(200);
      const { speaks } = its;
      expect(text).toMatch(new RegExp(`<Response><${speaks}>.*Goodbye\\.</${speaks}><Hangup/></Response>`));
      expect(host.codes).toEqual(['PATCHCORD_DRAINING']);
      expect(text).not.toContain('busy');
      host.full = new PatchcordError('PATCHCORD_CALL_LIMIT');
      expect((await answered()).text).toContain('all lines are busy');
      host.full = undefined;
      expect(await token()).not.toBe('');
    });

    it.each(its.over)('makes no call of a finished one: %o', async (changes) => {
      expect((await answered(changes)).text).toContain('<Response/>');
      expect(host.calls).toHaveLength(0);
    });

    it.each([
      '/incoming-call',
      '/inbound-call',
      '/outbound-call',
      ...its.reportPaths,
    ])('is refused with 403 at %s without a signature, and the log shows the computed address', async (path) => {
      const { status, text } = await served.post(`${path}?a=1`, ring, false);
      expect({ status, text }).toEqual({ status: 403, text: 'PATCHCORD_SIGNATURE_INVALID' });
      const fields = { status: 403, computedUrl: `${publicUrl}${path}?a=1` };
      expect(host.refusals).toEqual([{ code: 'PATCHCORD_SIGNATURE_INVALID', fields }]);
      expect(host.calls).toHaveLength(0);
    });

    it('is refused with 403, naming the setting, when there is no public address', async () => {
      host.publicUrl = undefined;
      expect((await answered()).status).toBe(403);
      expect(host.refusals[0]?.fields.setting).toBe('PUBLIC_URL');
      host.unsigned = true;
      expect((await answered()).status).toBe(503);
      expect(host.refusals[1]?.fields.setting).toBe('PUBLIC_URL');
    });

    it.each(its.nameless)('needs an id of the call: %s %o', async (path, form) => {
      expect((await served.post(path, form)).status).toBe(400);
      expect(host.codes).toEqual(['PATCHCORD_REQUEST_INVALID']);
    });

    it('is taken unsigned where that is allowed', async () => {
      host.unsigned = true;
      expect((await served.post('/incoming-call', ring, false)).text).toContain(its.connects);
    });
  });

  describe('a report', () => {
    const [reportPath, changes] = its.report;
    const report = (CallStatus: string) => served.post(reportPath, { ...ring, ...changes, CallStatus });

    it.each(its.ends)('%s ends the call as %s', async (CallStatus, reason) => {
      const given = await token();
      expect((await report(CallStatus)).status).toBe(200);
      expect(host.calls[0]?.ends).toEqual([{ reason }]);
      expect(await (await begin(given)).closed).toBe(1008);
    });

    it.each(its.reportPaths)('may come by GET: %s', async (path) => {
      await token();
      const query = new URLSearchParams({ ...ring, CallStatus: 'busy' });
      query.sort();
      expect((await served.get(`${path}?${query}`)).status).toBe(200);
      expect(host.calls[0]?.ends).toEqual([{ reason: 'busy' }]);
    });

    it('closes the media of a live call that is over', async () => {
      const stream = await live(await token());
      await served.post('/status-callback', { ...ring, CallStatus: 'completed' });
      expect(await stream.closed).toBe(1000);
      expect(host.calls[0]?.log.filter((line) => line.startsWith('ended'))).toEqual(['ended hung-up']);
    });

    it('changes nothing while the call goes on, or when the call is unknown', async () => {
      await token();
      for (const CallStatus of [...its.goesOn, 'constructor'])
        expect((await served.post(reportPath, { ...ring, CallStatus })).status).toBe(200);
      await served.post(reportPath, { ...ring, [idName]: its.otherId, CallStatus: 'completed' });
      expect(host.calls[0]?.log).toEqual(['answered']);
    });
  });

  describe('the media stream', () => {
    it('needs its token, once, for its own call', async () => {
      const given = await token();
      const isRefused = async (other: string | undefined, code: string) => {
        const stream = await served.stream();
        stream.send(startMessage(other));
        expect(await stream.closed).toBe(1008);
        expect(host.codes.at(-1)).toBe(code);
      };
      for (const wrong of its.wrongTokens) await isRefused(wrong, 'PATCHCORD_STREAM_TOKEN_INVALID');
      const stream = await live(given);
      await isRefused(given, 'PATCHCORD_STREAM_TOKEN_INVALID');
      await isRefused(await token(), 'PATCHCORD_MESSAGE_ORDER');
      stream.send(mediaMessage(40));
      await host.calls[0]?.audioOf(2);
    });

    it.each(
      its.mismatches,
    )('ends the call at once when its token came with another %s, as no other stream will come', async (_, changes) => {
      const stream = await begin(await token(), changes);
      expect(await stream.closed).toBe(1008);
      expect(host.codes).toEqual(['PATCHCORD_CALL_MISMATCH']);
      expect(host.calls[0]?.ends).toMatchObject([
        { reason: 'protocol-error', error: { code: 'PATCHCORD_CALL_MISMATCH' } },
      ]);
    });

    it('is closed with 1003 for another audio format, and the call ends', async () => {
      const stream = await begin(await token(), { mediaFormat: its.otherFormat });
      expect(await stream.closed).toBe(1003);
      expect(host.codes).toEqual(['PATCHCORD_AUDIO_FORMAT']);
      expect(host.refusals[0]?.fields).toMatchObject({
        carrierCallId: host.calls[0]?.leg.carrierCallId,
        encoding: its.otherFormat.encoding,
        closeCode: 1003,
      });
      expect(host.calls[0]?.ends[0]?.error?.code).toBe('PATCHCORD_AUDIO_FORMAT');
    });
  });
}
