import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { LogItem } from '../../src/api/log-stream.ts';
import type { Stage } from '../contract/stage.ts';

/** Somebody who follows conversations as the web page of the replaced bridge does. */
export interface LogListener {
  /** Everything that came, in order. */
  readonly items: readonly LogItem[];
  /** Each item as it was told last, in the order in which they began. */
  last(): LogItem[];
  close(): void;
}

/** Rejects with the status where the gateway refuses the socket. */
export async function listenToLog(
  stage: Stage,
  query: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<LogListener> {
  const items: LogItem[] = [];
  const socket = new WebSocket(`${stage.gateway.url.replace('http', 'ws')}/log-stream${query}`, { headers });
  socket.on('message', (data: Buffer) => {
    items.push(JSON.parse(data.toString()) as LogItem);
    stage.watch.changed();
  });
  await once(socket, 'open');
  return {
    items,
    last: () => [...new Map(items.map((item) => [item.id, item])).values()],
    close: () => socket.terminate(),
  };
}
