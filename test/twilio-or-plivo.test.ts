import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Params, WebhookRequest } from '../src/carriers/carrier.ts';
import { plivoCarrier } from '../src/carriers/plivo/carrier.ts';
import { TestHost } from '../src/carriers/testing/test-host.ts';
import { twilioCarrier } from '../src/carriers/twilio/carrier.ts';
import { testSettings as plivoSettings } from './support/plivo-host.ts';
import { testSettings as twilioSettings } from './support/twilio-host.ts';

const host = new TestHost();
const carriers = [twilioCarrier(twilioSettings, host), plivoCarrier(plivoSettings, host)];
const shared = [
  '/incoming-call',
  '/inbound-call',
  '/outbound-call',
  '/twilio-status-callback',
  '/status-callback',
];

/** Who takes the request, in whatever order they are asked. */
function takenBy(path: string, request: WebhookRequest): string[] {
  return carriers
    .filter(({ webhooks }) => webhooks.some((route) => route.path === path && route.recognises(request)))
    .map(({ name }) => name);
}

function upgradedBy(url: string, headers: Record<string, string>): string[] {
  return carriers
    .filter(({ sockets }) => sockets[0]?.recognises({ url, headers } as unknown as IncomingMessage) === true)
    .map(({ name }) => name);
}

const names = fc.constantFrom('CallUUID', 'CallSid', 'From', 'token', 'calluuid');
const params = fc
  .uniqueArray(names, { maxLength: 3 })
  .map((keys): Params => new Map(keys.map((key) => [key, ['1']])));
const headers = fc.dictionary(
  fc.constantFrom('x-plivo-signature-v3', 'x-plivo-signature-ma-v3', 'x-twilio-signature', 'host', 'x-plivo'),
  fc.string(),
);

describe('a request on an address that Twilio and Plivo share', () => {
  it('is taken by exactly one of them, signed or not', () => {
    fc.assert(
      fc.property(params, params, headers, (form, query, given) => {
        const request: WebhookRequest = {
          method: 'POST',
          target: '/',
          headers: given,
          rawBody: Buffer.alloc(0),
          query,
          form,
          json: undefined,
        };
        for (const path of shared) expect(takenBy(path, request)).toHaveLength(1);
        expect(takenBy('/callbacks', request)).toEqual(['plivo']);
      }),
    );
  });

  it('is one upgrade for one of them', () => {
    const query = fc.constantFrom(
      '',
      '?',
      '?token',
      '?token=',
      '?token=a',
      '?a=1&token=b',
      '?%74oken=a',
      '?a=token',
    );
    fc.assert(
      fc.property(query, headers, (written, given) => {
        expect(upgradedBy(`/media-stream${written}`, given)).toHaveLength(1);
      }),
    );
    expect(upgradedBy('/media-stream', {})).toEqual(['twilio']);
    expect(upgradedBy('/media-stream?token=a', {})).toEqual(['plivo']);
    expect(upgradedBy('/media-stream', { 'x-plivo-signature-v3': 'x' })).toEqual(['plivo']);
  });
});
