import type { FastifyInstance } from 'fastify';
import type { InstructionFiles, SaveRefusal } from '../agents/instruction-files.ts';
import { PatchcordError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Access } from './access.ts';
import { takeBodies } from './bodies.ts';
import { errorHandler, parsed, requireAccess } from './replies.ts';
import { saveInstructionsBody } from './schemas.ts';

export interface InstructionsApi {
  readonly access: Pick<Access, 'decide'>;
  readonly files: Pick<InstructionFiles, 'list' | 'read' | 'save'>;
  readonly log: Logger;
}

const refusals: Readonly<Record<SaveRefusal, string>> = {
  name: 'fileName: expected up to 60 letters, digits, blanks, _ and -.',
  occupied: 'fileName: something that is no file has this name.',
  full: 'The folder is full.',
};

/** Adds the routes with which clients of the replaced bridges keep instructions; who may use the API may use these. */
export function registerInstructions(app: FastifyInstance, { access, files, log }: InstructionsApi): void {
  app.register((scope, _options, done) => {
    takeBodies(scope);
    scope.setErrorHandler(errorHandler(log));
    scope.addHook('onRequest', requireAccess(access, log));
    scope.get('/instructions', async () => (await files.list()).map((name) => ({ name })));
    scope.get<{ Params: { filename: string } }>('/instructions/:filename', async ({ params }) => {
      const file = await files.read(params.filename);
      if (!file) throw new PatchcordError('PATCHCORD_NOT_FOUND', 'File not found');
      return file;
    });
    scope.post('/save-instructions', async ({ body }) => {
      const { fileName, instructions } = parsed(saveInstructionsBody, body);
      if (!fileName || !instructions) {
        throw new PatchcordError('PATCHCORD_REQUEST_INVALID', 'File name and instructions are required');
      }
      const refusal = await files.save(fileName, instructions);
      if (refusal !== undefined) throw new PatchcordError('PATCHCORD_REQUEST_INVALID', refusals[refusal]);
      return { message: 'Instructions saved successfully' as const };
    });
    done();
  });
}
