/**
 * The yardstick: the least that any bridge between Twilio Media Streams and the Realtime API can do. Two `ws`
 * sockets, joined by cutting the payload out of one message and putting it into the other; nothing is parsed,
 * nothing is known, nothing is kept.
 */
import { createServer } from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';

const modelUrl = (process.env.OPENAI_BASE_URL ?? '').replace(/^http/, 'ws');
const payloadKey = '"payload":"';
const deltaKey = '"delta":"';
const streamSidKey = '"streamSid":"';
const deltaHead = '{"type":"response.output_audio.delta"';

/** What stands between the key and the next quote; undefined when the key is not there. */
function cut(text: string, key: string): string | undefined {
  const at = text.indexOf(key);
  if (at < 0) return undefined;
  const start = at + key.length;
  return text.slice(start, text.indexOf('"', start));
}

const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });

sockets.on('connection', (carrier: WebSocket) => {
  const model = new WebSocket(`${modelUrl}/realtime?model=bench`, {
    perMessageDeflate: false,
    headers: { Authorization: 'Bearer bench' },
  });
  let streamSid: string | undefined;
  const early: string[] = [];
  model.on('open', () => {
    for (const message of early) model.send(message);
    early.length = 0;
  });
  carrier.on('message', (data: Buffer) => {
    const text = data.toString();
    const payload = cut(text, payloadKey);
    if (payload === undefined) {
      streamSid ??= cut(text, streamSidKey);
      return;
    }
    const message = `{"type":"input_audio_buffer.append","audio":"${payload}"}`;
    if (model.readyState === WebSocket.OPEN) model.send(message);
    else early.push(message);
  });
  model.on('message', (data: Buffer) => {
    const text = data.toString();
    if (!text.startsWith(deltaHead)) return;
    const payload = cut(text, deltaKey);
    carrier.send(`{"event":"media","streamSid":"${streamSid}","media":{"payload":"${payload}"}}`);
  });
  carrier.on('close', () => model.close());
  model.on('close', () => carrier.close());
  carrier.on('error', () => model.terminate());
  model.on('error', () => carrier.terminate());
});

server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  console.log(`listening on http://127.0.0.1:${port}`);
});
