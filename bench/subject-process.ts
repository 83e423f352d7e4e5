import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { availableParallelism } from 'node:os';
import type { Addresses, Subject } from './subjects.ts';

const startMs = 30_000;
const stopMs = 5_000;
/** The unit of the times in /proc/PID/stat (`getconf CLK_TCK`; 100 on every Linux that Node runs on). */
const tickMs = 10;

/** Why programs can't be pinned here; undefined when they can. */
export function pinningProblem(): string | undefined {
  if (availableParallelism() < 2) return 'there are fewer than two cores';
  if (spawnSync('taskset', ['-c', '0', 'true']).status !== 0) return '`taskset` (util-linux) is missing';
  return undefined;
}

/** Moves this process, all threads of it, to one core. */
export function pinSelf(core: number): void {
  spawnSync('taskset', ['-acp', String(core), String(process.pid)]);
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

/** A subject that runs. Whoever started it stops it. */
export class SubjectProcess {
  readonly subject: Subject;
  readonly baseUrl: string;
  /** NaN: it has none. */
  readonly audioSocketPort: number;
  readonly inspectorUrl: string | undefined;
  readonly #child: ChildProcess;
  readonly #output: () => string;

  private constructor(options: {
    subject: Subject;
    baseUrl: string;
    audioSocketPort: number;
    inspectorUrl: string | undefined;
    child: ChildProcess;
    output: () => string;
  }) {
    this.subject = options.subject;
    this.baseUrl = options.baseUrl;
    this.audioSocketPort = options.audioSocketPort;
    this.inspectorUrl = options.inspectorUrl;
    this.#child = options.child;
    this.#output = options.output;
  }

  /** Starts it, pinned to `core` unless that is undefined, and waits for its ready line, 30 s at most. */
  static async start(
    subject: Subject,
    options: {
      core: number | undefined;
      modelPort: number;
      telnyx: Addresses['telnyx'];
      inspect?: boolean;
    },
  ): Promise<SubjectProcess> {
    const port = await freePort();
    const nodeArgs = options.inspect ? ['--inspect=127.0.0.1:0', ...subject.args] : [...subject.args];
    const pin = options.core === undefined ? [] : ['taskset', '-c', String(options.core)];
    const [command = process.execPath, ...args] = [...pin, process.execPath, ...nodeArgs];
    const env = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' };
    const modelBaseUrl = `http://127.0.0.1:${options.modelPort}/v1`;
    const child = spawn(command, args, {
      env: { ...env, ...subject.env({ port, modelBaseUrl, telnyx: options.telnyx }) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // A bench that fails leaves nobody behind.
    const kill = (): void => void child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('close', () => process.off('exit', kill));
    let output = '';
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-20_000);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    const baseUrl = await new Promise<string>((resolve, reject) => {
      const fail = (reason: string): void => {
        child.kill('SIGKILL');
        reject(new Error(`${subject.name} ${reason}\n${output}`));
      };
      const bound = setTimeout(() => fail(`printed no ready line in ${startMs / 1000} s`), startMs);
      child.once('error', (error) => fail(error.message));
      child.once('exit', (code) => fail(`ended with code ${code} before it was ready`));
      const look = (): void => {
        const url = subject.ready.exec(output)?.[1];
        if (url === undefined) return;
        clearTimeout(bound);
        child.stdout?.off('data', look);
        child.removeAllListeners('exit');
        resolve(url);
      };
      child.stdout?.on('data', look);
    });
    const audioSocketPort = Number(/^AUDIOSOCKET_PORT: tcp:\S+:(\d+)$/m.exec(output)?.[1]);
    const inspectorUrl = /Debugger listening on (ws:\S+)/.exec(output)?.[1];
    return new SubjectProcess({
      subject,
      baseUrl,
      audioSocketPort,
      inspectorUrl,
      child,
      output: () => output,
    });
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The last of what it printed. */
  get output(): string {
    return this.#output();
  }

  /** User and system time so far, all threads, ms. */
  cpuMs(): number {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * tickMs;
  }

  /** Resident memory, kB. */
  rssKb(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'latin1');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]);
  }

  /** Open file descriptors: sockets, mostly. */
  handles(): number {
    return readdirSync(`/proc/${this.#child.pid}/fd`).length;
  }

  /** SIGTERM, and SIGKILL after 5 s. */
  async stop(): Promise<void> {
    if (!this.running) return;
    const ended = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    this.#child.kill('SIGTERM');
    const bound = setTimeout(() => this.#child.kill('SIGKILL'), stopMs);
    await ended;
    clearTimeout(bound);
  }
}
