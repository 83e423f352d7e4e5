import { Socket } from 'node:net';

const launcherName = 'PATCHCORD_LAUNCHER_FD';

/**
 * The pipe to `bin/patchcord.js`, where that has started this process in another Node and stays to hand signals on;
 * undefined where this process was started directly. Taken out of `env`: it is true of no process that is started here.
 */
export function takeLauncherFd(env: NodeJS.ProcessEnv): number | undefined {
  const fd = Number(env[launcherName]);
  delete env[launcherName];
  return Number.isInteger(fd) && fd > 2 ? fd : undefined;
}

/**
 * Calls `gone` when the launcher has ended, be it without a word (SIGKILL): nobody would hand on a signal any more. The
 * pipe carries nothing, and keeps no process alive.
 */
export function onLauncherGone(fd: number, gone: () => void): void {
  const pipe = new Socket({ fd, readable: true, writable: false });
  pipe.on('error', gone);
  pipe.once('end', gone);
  pipe.resume();
  pipe.unref();
}
