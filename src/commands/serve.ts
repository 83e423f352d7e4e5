import { pino } from 'pino';
import { messageOf } from '../base/errors.ts';
import { loadSettings, withEnvFile } from '../config/environment.ts';
import { settingWarnings } from '../config/warnings.ts';
import { startGateway } from '../gateway.ts';
import type { CommandIo } from './command-io.ts';

export async function serve(_args: string[], io: CommandIo): Promise<number> {
  const env = withEnvFile(io.env, process.cwd());
  const settings = loadSettings(env);
  const log = pino({ level: settings.log.level, base: {}, timestamp: pino.stdTimeFunctions.isoTime });
  for (const warning of settingWarnings(env, settings)) io.err(`warning: ${warning}`);
  const gateway = await startGateway({ settings, log });
  io.out(`patchcord is listening on ${gateway.url}`);
  return new Promise((resolve) => {
    io.onStop(() => {
      gateway
        .drain()
        .then(() => gateway.close())
        .then(
          () => resolve(0),
          (thrown) => {
            io.err(messageOf(thrown));
            resolve(1);
          },
        );
    });
  });
}
