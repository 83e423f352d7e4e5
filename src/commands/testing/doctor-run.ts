import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { doctor } from '../doctor.ts';

export interface DoctorRun {
  readonly code: number;
  readonly lines: readonly string[];
}

/** `patchcord doctor` with this environment and no other. */
export async function runDoctor(env: Record<string, string>): Promise<DoctorRun> {
  const lines: string[] = [];
  const io = {
    env,
    out: (line: string) => lines.push(line),
    err: (line: string) => lines.push(line),
    onStop: () => undefined,
  };
  return { code: await doctor([], io), lines };
}

export interface Asked {
  readonly path: string;
  readonly authorization: string | undefined;
}

export interface StubApi {
  readonly url: string;
  readonly asked: readonly Asked[];
}

/** The local servers of one test. */
export class LocalServers {
  readonly #servers: Server[] = [];

  async listen(server: Server): Promise<string> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#servers.push(server);
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Answers each path, query and all, with a status and a JSON body, any other with 404. */
  async api(answers: Readonly<Record<string, readonly [number, unknown]>>): Promise<StubApi> {
    const asked: Asked[] = [];
    const server = createServer((request, response) => {
      const path = request.url ?? '';
      asked.push({ path, authorization: request.headers.authorization });
      const [status, body] = answers[path] ?? [404, {}];
      response.writeHead(status).end(JSON.stringify(body));
    });
    return { url: await this.listen(server), asked };
  }

  /** An address at which nobody listens any more. */
  async closedAddress(): Promise<string> {
    const server = createServer();
    const address = await this.listen(server);
    await new Promise<void>((resolve) => server.close(() => resolve()));
    return address;
  }

  close(): void {
    for (const server of this.#servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  }
}
