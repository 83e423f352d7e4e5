import { describe, expect, it } from 'vitest';
import { refuseUpgrade } from './auth.ts';

const credentials = { wsUsername: 'asterisk', wsPassword: 'pa:ss' };
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
const refuse = (authorization: string | undefined, settings = credentials) =>
  refuseUpgrade({ headers: authorization === undefined ? {} : { authorization } }, settings);

describe('the credentials of an upgrade', () => {
  it.each([
    basic('asterisk:pa:ss'),
    basic('asterisk:pa:ss').replace('Basic', 'basic '),
  ])('are right: %s', (authorization) => {
    expect(refuse(authorization)).toBeUndefined();
  });

  it.each([
    ['missing', undefined],
    ['empty', 'Basic '],
    ['of another scheme', 'Bearer pa:ss'],
    ['not base64', 'Basic ???'],
    ['of another user', basic('root:pa:ss')],
    ['with another password', basic('asterisk:pass')],
    ['cut short', basic('asterisk:pa:s')],
    ['without a password', basic('asterisk')],
    ['empty in both', basic(':')],
  ])('are refused: %s', (_, authorization) => {
    expect(refuse(authorization)?.code).toBe('PATCHCORD_UNAUTHORIZED');
  });

  it.each([
    [{}, 'ASTERISK_WS_USERNAME'],
    [{ wsUsername: 'asterisk' }, 'ASTERISK_WS_PASSWORD'],
    [{ wsPassword: 'pa:ss' }, 'ASTERISK_WS_USERNAME'],
  ])('are refused, whatever they are, while %j is all that is set', (settings, setting) => {
    for (const authorization of [undefined, basic(':'), basic('undefined:undefined')]) {
      const error = refuseUpgrade(
        { headers: authorization === undefined ? {} : { authorization } },
        settings,
      );
      expect(error).toMatchObject({ code: 'PATCHCORD_UNAUTHORIZED', details: { setting } });
    }
  });

  it('are never in what is logged', () => {
    const error = refuse(basic('asterisk:secret'));
    expect(`${error?.message}${JSON.stringify(error?.details)}`).not.toContain('secret');
  });
});
