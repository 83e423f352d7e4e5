import type { ApiReply } from '../phone/api-server.ts';

export function dataReply(data: object): ApiReply {
  return { status: 200, body: { data } };
}

/** Telnyx, "API errors": a list of them, codes are strings. */
export function errorReply(status: number, code: string, detail: string): ApiReply {
  return { status, body: { errors: [{ code, title: detail, detail }] } };
}
