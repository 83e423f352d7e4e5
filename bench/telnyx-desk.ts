import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** What `streaming_start` asks for. */
export interface StreamRequest {
  readonly url: string;
  readonly token: string;
}

const answerMs = 10_000;

/** Telnyx's own side of Call Control: sends signed webhooks and takes the commands that answer them. */
export class TelnyxDesk {
  readonly #server: Server;
  readonly #privateKey: KeyObject;
  /** As Telnyx shows it: 32 bytes in base64. */
  readonly publicKey: string;
  /** By call and command. */
  readonly #expected = new Map<string, (body: Record<string, unknown>) => void>();

  private constructor() {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    this.#privateKey = privateKey;
    this.publicKey = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64');
    this.#server = createServer((request, response) => {
      text(request).then(
        (body) => {
          const [, id = '', command = ''] = /\/calls\/([^/]+)\/actions\/(\w+)$/.exec(request.url ?? '') ?? [];
          response.setHeader('content-type', 'application/json').end('{"data":{"result":"ok"}}');
          this.#commanded(`${decodeURIComponent(id)} ${command}`, body);
        },
        () => response.destroy(),
      );
    });
  }

  static async start(): Promise<TelnyxDesk> {
    const desk = new TelnyxDesk();
    await new Promise<void>((resolve, reject) => {
      desk.#server.once('error', reject);
      desk.#server.listen({ port: 0, host: '127.0.0.1' }, resolve);
    });
    return desk;
  }

  get apiBaseUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v2`;
  }

  /** An incoming call, from its first ring until the subject asks for its audio. Rejects when it does not. */
  async ring(baseUrl: string, callControlId: string): Promise<StreamRequest> {
    const answered = this.#expect(callControlId, 'answer');
    const details = { direction: 'incoming', state: 'parked', from: '+15550001111', to: '+15550002222' };
    await this.#webhook(baseUrl, 'call.initiated', callControlId, details);
    await answered;
    const streaming = this.#expect(callControlId, 'streaming_start');
    await this.#webhook(baseUrl, 'call.answered', callControlId, {});
    const { stream_url: url, stream_auth_token: token } = await streaming;
    if (typeof url !== 'string' || typeof token !== 'string')
      throw new Error('Telnyx: streaming_start without address or token');
    return { url, token };
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #commanded(command: string, body: string): void {
    const settle = this.#expected.get(command);
    this.#expected.delete(command);
    settle?.(JSON.parse(body));
  }

  #expect(callControlId: string, command: string): Promise<Record<string, unknown>> {
    return new Promise((resolve, reject) => {
      const key = `${callControlId} ${command}`;
      const bound = setTimeout(() => {
        this.#expected.delete(key);
        reject(new Error(`Telnyx: no ${command} in 10 s`));
      }, answerMs);
      this.#expected.set(key, (body) => {
        clearTimeout(bound);
        resolve(body);
      });
    });
  }

  async #webhook(baseUrl: string, event: string, callControlId: string, details: object): Promise<void> {
    const payload = { call_control_id: callControlId, connection_id: 'bench', ...details };
    const id = `${callControlId} ${event}`;
    const body = JSON.stringify({ data: { record_type: 'event', event_type: event, id, payload } });
    const timestamp = String(Math.floor(Date.now() / 1000));
    const signature = sign(null, Buffer.from(`${timestamp}|${body}`), this.#privateKey).toString('base64');
    const response = await fetch(`${baseUrl}/api/webhooks/telnyx`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'telnyx-timestamp': timestamp,
        'telnyx-signature-ed25519': signature,
      },
      body,
      signal: AbortSignal.timeout(answerMs),
    });
    if (!response.ok) throw new Error(`Telnyx: the webhook answered ${response.status}`);
    await response.text();
  }
}
