import { describe, expect, it } from 'vitest';
import { loadPhrase } from '../../src/agents/phrases.ts';
import { bytesPerMs } from '../../src/audio/format.ts';
import { generateSpeech } from '../../src/emulators/phone/caller-audio.ts';
import type { CarrierCall, CarrierDriver, Prepared } from '../contract/carrier-driver.ts';
import { asteriskDriver } from '../contract/drivers/asterisk.ts';
import { audioSocketDriver } from '../contract/drivers/audiosocket.ts';
import { avrDriver } from '../contract/drivers/avr.ts';
import { avrHttpDriver } from '../contract/drivers/avr-http.ts';
import { genesysDriver } from '../contract/drivers/genesys.ts';
import { plivoDriver } from '../contract/drivers/plivo.ts';
import { softphoneDriver } from '../contract/drivers/softphone.ts';
import { telnyxDriver } from '../contract/drivers/telnyx.ts';
import { twilioDriver } from '../contract/drivers/twilio.ts';
import { scene } from '../contract/scene.ts';
import { says } from '../contract/sounds.ts';
import type { Stage, StageOptions } from '../contract/stage.ts';
import { agentFirst, hangUp } from './habits.ts';
import { onTwilioStage } from './twilio-stage.ts';

/** The row of the merged drop-in contract about the socket to the model, which all seeds have in common. */

const speak = { do: 'speak', audio: generateSpeech(400), after: 'agent-finished' } as const;
/** So much of a spoken sentence shows which one it is. */
const recognisedMs = 600;

function fatalErrors(stage: Stage): string[] {
  return stage
    .eventsOf('error')
    .filter(({ fatal }) => fatal)
    .map(({ code }) => code);
}

/** The caller is told that something went wrong; the whole of it, and the hang-up after it, are held by the contract. */
async function expectApologyBegun<Call extends CarrierCall, Ready extends Prepared>(
  stage: Stage,
  { ear }: CarrierCall,
  { traits: { sends } }: CarrierDriver<Call, Ready>,
): Promise<void> {
  const apology = loadPhrase('apology', '').audio(sends).bytes();
  const beginning = apology.subarray(0, recognisedMs * bytesPerMs(sends));
  await stage.until('the apology', () => ear.received().includes(beginning));
}

function rowOver<Call extends CarrierCall, Ready extends Prepared>(
  name: string,
  driver: CarrierDriver<Call, Ready>,
): void {
  scene(
    `all model socket: a model that is lost for good in mid-call is a spoken apology over ${name}`,
    driver,
    {
      env: agentFirst,
      faultsFor: (number) => (number === 1 ? { dropAfterAudioMs: 300 } : { handshakeStatus: 401 }),
      script: [says({ ms: 1000, seed: 1 })],
    },
    async ({ stage, call }) => {
      const caller = await call();
      await expectApologyBegun(stage, caller, driver);
      expect(fatalErrors(stage)).toEqual(['PATCHCORD_MODEL_AUTH']);
      expect(stage.tap.sessions).toHaveLength(1);
    },
  );
}

describe.concurrent('whoever has the phone side, the model', () => {
  rowOver('twilio', twilioDriver);
  rowOver('telnyx', telnyxDriver);
  rowOver('plivo', plivoDriver);
  rowOver('genesys', genesysDriver);
  rowOver('avr', avrDriver);
  rowOver('avr-http', avrHttpDriver);
  rowOver('audiosocket', audioSocketDriver());
  rowOver('asterisk', asteriskDriver());
  rowOver('the softphone', softphoneDriver);

  const unreachable: readonly [string, StageOptions][] = [
    ['that never answers the handshake', { faults: { handshakeHang: true } }],
    ['that takes the socket and says nothing', { faults: { noSessionCreated: true } }],
  ];
  for (const [what, options] of unreachable) {
    const env = { OPENAI_CONNECT_TIMEOUT_MS: '500', PATCHCORD_MODEL_CONNECT_BOUND_MS: '1000' };
    scene(
      `all model socket: a model ${what} is given up at the connect timeout`,
      twilioDriver,
      { ...options, env: { ...agentFirst, ...env } },
      async ({ stage, call }) => {
        const caller = await call();
        const begun = performance.now();
        await expectApologyBegun(stage, caller, twilioDriver);
        expect(performance.now() - begun).toBeLessThan(4000);
        expect(fatalErrors(stage)).toHaveLength(1);
      },
    );
  }

  it.each([
    ['GA', {}],
    ['beta', { betaNames: true }],
  ])('all model socket: %s event names are understood', async (_names, faults) => {
    const script = [
      says({ ms: 200, seed: 2, words: 'Good evening' }),
      says({ ms: 150, seed: 3, words: 'At ten' }, { tool: 'some_tool', callId: 'call_t' }),
      says({ ms: 150, seed: 4, words: 'Anything else?' }),
    ];
    await onTwilioStage({ env: agentFirst, faults, script }, async ({ stage, call }) => {
      const record = await call({ steps: [speak, hangUp] }).run();
      expect(record.failure).toBeUndefined();
      expect(record.stream).toMatchObject({ violations: [], missedSteps: 0, playedMs: 500 });
      expect(stage.eventsOf('turn.ended').map(({ turn }) => [turn.role, turn.heardText])).toEqual([
        ['agent', 'Good evening'],
        ['caller', 'words of the caller'],
        ['agent', 'At ten'],
        ['agent', 'Anything else?'],
      ]);
      expect(stage.eventsOf('tool.finished')).toHaveLength(1);
      expect(stage.eventsOf('error').filter(({ code }) => code !== 'PATCHCORD_TOOL_UNKNOWN')).toEqual([]);
    });
  });
});
