import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Logger } from '../base/logger.ts';
import type { Access } from './access.ts';
import { errorHandler, requireAccess } from './replies.ts';
import {
  announcementBody,
  callReply,
  callSnapshot,
  callsReply,
  dialBody,
  dialReply,
  digitsBody,
  emptyReply,
  errorReply,
  instructionFileReply,
  instructionFilesReply,
  makeCallBody,
  makeCallReply,
  saveInstructionsBody,
  saveInstructionsReply,
  sayBody,
  statusReply,
  transferBody,
  transferReply,
  turn,
} from './schemas.ts';

interface Operation {
  readonly method: 'get' | 'post';
  /** As OpenAPI writes it: `/v1/calls/{id}`. */
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  readonly body?: { readonly schema: z.ZodType; readonly required: boolean; readonly form: boolean };
  readonly status: 101 | 200 | 201;
  readonly reply?: z.ZodType;
  /** The errors that it can answer with, beside 401, 429 for too many wrong keys, and 500. */
  readonly errors: Readonly<Record<number, string>>;
}

const noCall = { 404: 'There is no live call with this id.' };
const bodyErrors = {
  400: 'The body is not valid.',
  413: 'The body is too large.',
  415: 'The body is neither JSON nor a form.',
};
const dialErrors = {
  400: 'The body is not valid, or `to` is no number in E.164.',
  403: 'Dialling is not configured or the number is not allowed; `setting` names what refused.',
  413: 'The body is too large.',
  415: 'The body is neither JSON nor a form.',
  429: 'A cap on outbound calls is reached, or too many wrong keys were sent.',
  503: 'The gateway is shutting down or carries as many calls as it may.',
};

const operations: readonly Operation[] = [
  {
    method: 'get',
    path: '/v1/status',
    id: 'getStatus',
    summary: 'How the gateway stands',
    status: 200,
    reply: statusReply,
    errors: {},
  },
  {
    method: 'get',
    path: '/v1/calls',
    id: 'listCalls',
    summary: 'The live calls',
    status: 200,
    reply: callsReply,
    errors: {},
  },
  {
    method: 'post',
    path: '/v1/calls',
    id: 'dial',
    summary: 'Dial a number',
    body: { schema: dialBody, required: true, form: true },
    status: 201,
    reply: dialReply,
    errors: { ...dialErrors, 502: 'The carrier did not make the call.' },
  },
  {
    method: 'get',
    path: '/v1/calls/{id}',
    id: 'getCall',
    summary: 'One live call',
    status: 200,
    reply: callReply,
    errors: noCall,
  },
  {
    method: 'post',
    path: '/v1/calls/{id}/hangup',
    id: 'hangUp',
    summary: 'End a call now',
    status: 200,
    reply: emptyReply,
    errors: noCall,
  },
  {
    method: 'post',
    path: '/v1/calls/{id}/interrupt',
    id: 'interrupt',
    summary: 'Make the agent fall silent now',
    status: 200,
    reply: emptyReply,
    errors: noCall,
  },
  {
    method: 'post',
    path: '/v1/calls/{id}/say',
    id: 'say',
    summary: 'Have the agent say something',
    description: 'The agent says it word for word, once it has the floor.',
    body: { schema: sayBody, required: true, form: true },
    status: 200,
    reply: emptyReply,
    errors: { ...noCall, ...bodyErrors, 409: 'The call is not live.' },
  },
  {
    method: 'post',
    path: '/v1/calls/{id}/digits',
    id: 'pressDigits',
    summary: 'Press keys towards the other side',
    body: { schema: digitsBody, required: true, form: true },
    status: 200,
    reply: emptyReply,
    errors: {
      ...noCall,
      ...bodyErrors,
      409: 'The call is not live, or its carrier takes no keys.',
      502: 'The carrier did not take the keys.',
    },
  },
  {
    method: 'post',
    path: '/v1/announcements',
    id: 'announce',
    summary: 'Announce a call that will come',
    description:
      'For carriers whose calls are known before they come, such as an AudioSocket by its UUID: the call is then taken wherever it comes from, once, and is what was said of it.',
    body: { schema: announcementBody, required: true, form: false },
    status: 201,
    reply: emptyReply,
    errors: { ...bodyErrors, 409: 'The carrier takes no announced calls, or is not configured to.' },
  },
  {
    method: 'post',
    path: '/v1/calls/{id}/transfer',
    id: 'transfer',
    summary: 'Give the caller to another number',
    description:
      'The call ends here once the carrier has taken it. The number must be allowed as for dialling.',
    body: { schema: transferBody, required: true, form: true },
    status: 200,
    reply: transferReply,
    errors: {
      ...noCall,
      400: 'The body is not valid, or a number is not in E.164.',
      403: 'The number is not allowed; `setting` names what refused.',
      409: 'The call is not live, or its carrier cannot transfer it.',
      413: 'The body is too large.',
      415: 'The body is neither JSON nor a form.',
      429: 'The cap on outbound calls in a minute is reached, or too many wrong keys were sent.',
    },
  },
  {
    method: 'get',
    path: '/v1/events',
    id: 'events',
    summary: 'WebSocket: the events of all calls',
    description:
      'After the upgrade, one JSON text message each: first `{"type":"snapshot","calls":[...]}` with every live call, then every event of every call. See docs/api.md for the events. A consumer that falls more than 1 MB behind is closed with 1013.',
    status: 101,
    errors: {},
  },
  {
    method: 'post',
    path: '/make-call',
    id: 'makeCall',
    summary: 'Dial a number, as the Twilio and Plivo bridges that this gateway replaces took it',
    body: { schema: makeCallBody, required: true, form: true },
    status: 200,
    reply: makeCallReply,
    errors: dialErrors,
  },
  {
    method: 'get',
    path: '/instructions',
    id: 'listInstructions',
    summary: 'The files of instructions, as the Twilio bridges that this gateway replaces kept them',
    status: 200,
    reply: instructionFilesReply,
    errors: {},
  },
  {
    method: 'get',
    path: '/instructions/{filename}',
    id: 'getInstructions',
    summary: 'One file of instructions',
    status: 200,
    reply: instructionFileReply,
    errors: { 404: 'There is no such file.' },
  },
  {
    method: 'post',
    path: '/save-instructions',
    id: 'saveInstructions',
    summary: 'Write a file of instructions',
    body: { schema: saveInstructionsBody, required: true, form: true },
    status: 200,
    reply: saveInstructionsReply,
    errors: {
      400: 'File name or instructions are missing, too long or not of the allowed letters.',
      413: 'The body is too large.',
      415: 'The body is neither JSON nor a form.',
    },
  },
];

const schemas = { Call: callSnapshot, Turn: turn, Error: errorReply };

/** The API as OpenAPI 3.1, made of the schemas that check the requests. https://spec.openapis.org/oas/v3.1.1.html */
export function openApiDocument(version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: operationOf(operation) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Patchcord',
      version,
      description:
        'Live calls of a Patchcord gateway. Requests from the machine itself need no key, all others an API key.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
      schemas: components(),
    },
  };
}

export interface OpenApi {
  readonly version: string;
  readonly access: Pick<Access, 'decide'>;
  readonly log: Logger;
}

/** Adds `GET /openapi.json`. */
export function registerOpenApi(app: FastifyInstance, { version, access, log }: OpenApi): void {
  const document = openApiDocument(version);
  app.register((scope, _options, done) => {
    scope.setErrorHandler(errorHandler(log));
    scope.addHook('onRequest', requireAccess(access, log));
    scope.get('/openapi.json', () => document);
    done();
  });
}

function operationOf(operation: Operation): Record<string, unknown> {
  const { path, id, summary, description, body, status, reply, errors } = operation;
  const all: Readonly<Record<number, string>> = {
    401: 'The request is not local and brings no valid key.',
    403: 'A signed-in browser asks from a page that is not the gateway’s own.',
    429: 'Too many wrong keys were sent.',
    500: 'Something failed inside; the log has the details.',
    ...errors,
  };
  return {
    operationId: id,
    summary,
    ...(description === undefined ? {} : { description }),
    ...(path.includes('{')
      ? { parameters: parameters.filter(({ name }) => path.includes(`{${name}}`)) }
      : {}),
    ...(body === undefined ? {} : { requestBody: requestBodyOf(body) }),
    responses: {
      [status]: {
        description: status === 101 ? 'The WebSocket is open.' : 'Done.',
        ...(reply === undefined ? {} : { content: jsonOf(inline(reply)) }),
      },
      ...Object.fromEntries(
        Object.entries(all).map(([code, text]) => [
          code,
          { description: text, content: jsonOf({ $ref: '#/components/schemas/Error' }) },
        ]),
      ),
    },
  };
}

const parameters = [
  {
    name: 'id',
    in: 'path',
    required: true,
    description: "The call's id, or the carrier's id of it.",
    schema: { type: 'string' },
  },
  {
    name: 'filename',
    in: 'path',
    required: true,
    description: 'Name of the file, with or without `.md`.',
    schema: { type: 'string' },
  },
];

function requestBodyOf({ schema, required, form }: NonNullable<Operation['body']>): Record<string, unknown> {
  const media = { schema: inline(schema, 'input') };
  return {
    required,
    content: {
      'application/json': media,
      ...(form ? { 'application/x-www-form-urlencoded': media } : {}),
    },
  };
}

function jsonOf(schema: Record<string, unknown>): Record<string, unknown> {
  return { 'application/json': { schema } };
}

/** A schema in place; those with a name of their own become references into the components. */
function inline(schema: z.ZodType, io: 'input' | 'output' = 'output'): Record<string, unknown> {
  const { $schema: _dialect, $defs: _definitions, ...json } = z.toJSONSchema(schema, { io });
  return withReferences(json);
}

/** The named schemas, also those inside of others. */
function components(): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(schemas)) {
    const { $schema: _dialect, $defs = {}, id: _id, ...json } = z.toJSONSchema(schema);
    found[name] = withReferences(json);
    for (const [inner, definition] of Object.entries($defs)) {
      const { id: _innerId, ...rest } = definition;
      found[inner] = withReferences(rest);
    }
  }
  return found;
}

function withReferences(json: object): Record<string, unknown> {
  return JSON.parse(JSON.stringify(json).replaceAll('"#/$defs/', '"#/components/schemas/'));
}
