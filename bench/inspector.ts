const answerMs = 10_000;

interface Reply {
  id?: number;
  result?: unknown;
  error?: { message: string };
}

/** Talks to the inspector of a subject started with `--inspect`, to collect garbage before memory is read. */
export class Inspector {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #nextId = 1;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const reply: Reply = JSON.parse(String(data));
      if (reply.id !== undefined) this.#waiting.get(reply.id)?.(reply);
    });
  }

  static async connect(url: string): Promise<Inspector> {
    const socket = new WebSocket(url);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('open', () => resolve(), { once: true });
      socket.addEventListener('error', () => reject(new Error(`no inspector at ${url}`)), { once: true });
    });
    return new Inspector(socket);
  }

  /** Bytes of heap and of buffers outside it that are in use after a full collection. */
  async heapUsed(): Promise<number> {
    await this.#ask('HeapProfiler.collectGarbage', {});
    const result = await this.#ask('Runtime.getHeapUsage', {});
    const { usedSize, backingStorageSize = 0 } = result as { usedSize: number; backingStorageSize?: number };
    return usedSize + backingStorageSize;
  }

  close(): void {
    this.#socket.close();
  }

  async #ask(method: string, params: object): Promise<unknown> {
    const id = this.#nextId++;
    const reply = await new Promise<Reply>((resolve, reject) => {
      const bound = setTimeout(() => reject(new Error(`${method}: no answer in 10 s`)), answerMs);
      this.#waiting.set(id, (message) => {
        clearTimeout(bound);
        this.#waiting.delete(id);
        resolve(message);
      });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
    if (reply.error) throw new Error(`${method}: ${reply.error.message}`);
    return reply.result;
  }
}
