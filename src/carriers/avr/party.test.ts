import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { partyOf, queryOf } from './party.ts';

const nothing: ReadonlyMap<string, string> = new Map();

describe('who calls', () => {
  it('000 query: from, to, uniqueid and channel of the call are its data', () => {
    const query = queryOf('/?from=2000&to=5001&uniqueid=1770758888.32&channel=PJSIP%2F2000-00000013');
    expect(partyOf(query, nothing)).toEqual({
      direction: 'inbound',
      from: '2000',
      to: '5001',
      variables: { uniqueid: '1770758888.32', channel: 'PJSIP/2000-00000013' },
    });
  });

  it('is not known where avr-core knows nothing', () => {
    for (const target of [undefined, '/', '/?', '/any/path', '/?from=&to=%20']) {
      expect(partyOf(queryOf(target), nothing)).toEqual({ direction: 'inbound', variables: {} });
    }
  });

  it("is told by the fields of init too, and the dialplan's query counts more", () => {
    const fields = new Map([
      ['callerNumber', '+15550001111'],
      ['callerName', 'Ada'],
      ['extension', '100'],
      ['context', 'from-external'],
    ]);
    const party = partyOf(queryOf('/?to=5001&context=demo&uuid=7&caller_name=Ida'), fields);
    expect(party).toEqual({
      direction: 'inbound',
      from: '+15550001111',
      to: '5001',
      variables: { callerName: 'Ada', context: 'demo' },
    });
  });

  it('is bounded, whatever the address holds', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string(), fc.string({ maxLength: 2000 })), { maxLength: 60 }),
        (pairs) => {
          const {
            from = '',
            to = '',
            variables,
          } = partyOf(queryOf(`/?${new URLSearchParams(pairs)}`), new Map(pairs));
          expect(Object.keys(variables).length).toBeLessThanOrEqual(20);
          for (const value of [from, to, ...Object.values(variables)])
            expect(value.length).toBeLessThanOrEqual(500);
          for (const name of Object.keys(variables)) expect(name).toMatch(/^[a-z][\w.-]{0,63}$/i);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
