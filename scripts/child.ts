import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const forwarded = ['SIGTERM', 'SIGHUP', 'SIGINT'] as const;

/** Runs a program with this terminal, hands signals on to it, and gives its exit code (128 + signal when killed). */
export function runChild(command: string, args: readonly string[], env = process.env): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', env });
    const handlers = forwarded.map((signal) => {
      const handler = (): void => {
        // A terminal sends Ctrl-C to the child as well; twice would mean "at once".
        if (signal === 'SIGINT' && process.stdin.isTTY) return;
        child.kill(signal);
      };
      process.on(signal, handler);
      return { signal, handler };
    });
    const release = (): void => {
      for (const { signal, handler } of handlers) process.off(signal, handler);
    };
    child.once('error', (error) => {
      release();
      reject(error);
    });
    child.once('exit', (code, signal) => {
      release();
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0));
    });
  });
}
