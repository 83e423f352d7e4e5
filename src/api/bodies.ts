import type { FastifyInstance } from 'fastify';
import { PatchcordError } from '../base/errors.ts';

const maxBodyBytes = 262_144;

/** JSON and forms, whatever the rest of the server makes of bodies. A POST without one is fine. */
export function takeBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const options = { parseAs: 'string', bodyLimit: maxBodyBytes } as const;
  app.addContentTypeParser('application/json', options, (_request, text, done) => {
    try {
      done(null, String(text).trim() === '' ? {} : JSON.parse(String(text)));
    } catch (thrown) {
      done(new PatchcordError('PATCHCORD_REQUEST_INVALID', 'body: not valid JSON', {}, thrown));
    }
  });
  app.addContentTypeParser('application/x-www-form-urlencoded', options, (_request, text, done) => {
    done(null, Object.fromEntries(new URLSearchParams(String(text))));
  });
}
