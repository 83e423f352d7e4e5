import { WebSocket } from 'ws';
import type { Clock } from '../../base/clock.ts';
import { PatchcordError } from '../../base/errors.ts';
import type { StreamTransport } from './media-stream.ts';
import { signUpgrade } from './signature.ts';

export interface StreamSocketOptions {
  readonly clock: Clock;
  /** The public URL of the TwiML: this is what is signed. */
  readonly url: URL;
  /** Where the connection really goes. */
  readonly address: URL;
  readonly host: string;
  readonly authToken: string;
  readonly timeoutMs?: number;
}

export interface StreamSocket extends StreamTransport {
  onMessage(listener: (data: Buffer, isBinary: boolean) => void): void;
  onClose(listener: (code: number) => void): void;
}

const closeWithinMs = 2_000;
const maxPayload = 16 * 1024 * 1024;

/**
 * Opens the WebSocket as Twilio does, with `X-Twilio-Signature` over the `wss` URL. Rejects with
 * PATCHCORD_NOT_FOUND when the gateway refuses the upgrade or does not answer in time.
 */
export function openStreamSocket(options: StreamSocketOptions): Promise<StreamSocket> {
  const { clock, url, address, host, authToken, timeoutMs = 10_000 } = options;
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(address, {
      headers: {
        host,
        'x-twilio-signature': signUpgrade(authToken, url.href),
        'user-agent': 'TwilioMediaGateway',
      },
      perMessageDeflate: false,
      maxPayload,
    });
    const early = holdEarly(socket);
    const fail = (message: string, cause?: Error) => {
      deadline.cancel();
      reject(new PatchcordError('PATCHCORD_NOT_FOUND', `${url.pathname}: ${message}`, {}, cause));
      socket.terminate();
    };
    const deadline = clock.setTimeout(() => fail('no handshake in time'), timeoutMs);
    socket.on('unexpected-response', (_request, response) =>
      fail(`HTTP ${response.statusCode} at the upgrade`),
    );
    socket.on('error', (error) => fail(error.message, error));
    socket.on('open', () => {
      deadline.cancel();
      resolve(wrap(clock, socket, early));
    });
  });
}

/** Frames that come in the same read as the handshake's answer, before anybody listens. */
function holdEarly(socket: WebSocket): { take(listener: (data: Buffer, isBinary: boolean) => void): void } {
  const held: [Buffer, boolean][] = [];
  let listener = (data: Buffer, isBinary: boolean) => {
    if (held.length < 1000) held.push([data, isBinary]);
  };
  socket.on('message', (data, isBinary) => listener(data as Buffer, isBinary));
  return {
    take(next) {
      listener = next;
      for (const [data, isBinary] of held.splice(0)) next(data, isBinary);
    },
  };
}

function wrap(clock: Clock, socket: WebSocket, early: ReturnType<typeof holdEarly>): StreamSocket {
  return {
    send: (text) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close: () => {
      socket.close(1000);
      const deadline = clock.setTimeout(() => socket.terminate(), closeWithinMs);
      socket.once('close', () => deadline.cancel());
    },
    destroy: () => {
      // A close in progress is left its two seconds; everything else ends now.
      if (socket.readyState === WebSocket.OPEN) socket.terminate();
    },
    bufferedBytes: () => socket.bufferedAmount,
    onMessage: (listener) => early.take(listener),
    onClose: (listener) => {
      if (socket.readyState === WebSocket.CLOSED) listener(1006);
      else socket.once('close', (code) => listener(code));
    },
  };
}
