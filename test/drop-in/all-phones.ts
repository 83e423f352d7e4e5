import { expect } from 'vitest';
import type { CarrierCall, CarrierDriver, CarrierTraits, Prepared } from '../contract/carrier-driver.ts';
import { asteriskDriver } from '../contract/drivers/asterisk.ts';
import { audioSocketDriver } from '../contract/drivers/audiosocket.ts';
import { avrDriver } from '../contract/drivers/avr.ts';
import { genesysDriver } from '../contract/drivers/genesys.ts';
import { plivoDriver } from '../contract/drivers/plivo.ts';
import { softphoneDriver } from '../contract/drivers/softphone.ts';
import { telnyxDriver } from '../contract/drivers/telnyx.ts';
import { twilioDriver } from '../contract/drivers/twilio.ts';
import { Stage, type StageOptions } from '../contract/stage.ts';
import { Watch } from '../contract/watch.ts';
import { type Ask, askingOf } from './ask.ts';

/** One carrier of a gateway that has all of them. */
export interface Phone {
  readonly name: string;
  readonly traits: CarrierTraits;
  call(): Promise<CarrierCall>;
}

/** A gateway to which calls of every carrier come. */
export interface AllPhones {
  readonly stage: Stage;
  readonly ask: Ask;
  readonly phones: readonly Phone[];
  /** Every setting that the carriers needed. */
  readonly env: Readonly<Record<string, string>>;
  phone(name: string): Phone;
}

interface PreparedPhone {
  readonly prepared: Prepared;
  on(stage: Stage): Phone;
}

async function prepare<Call extends CarrierCall, Ready extends Prepared>(
  name: string,
  driver: CarrierDriver<Call, Ready>,
  watch: Watch,
): Promise<PreparedPhone> {
  const prepared = await driver.prepare(watch.changed);
  return {
    prepared,
    on: (stage) => {
      prepared.listening?.(stage.gateway.listeners);
      const { traits } = driver;
      return { name, traits, call: () => driver.call(stage.gateway.url, watch.changed, true, prepared) };
    },
  };
}

export async function onAllPhones(
  options: StageOptions,
  play: (it: AllPhones) => Promise<void>,
): Promise<void> {
  const watch = new Watch();
  const made = await Promise.all([
    prepare('twilio', twilioDriver, watch),
    prepare('telnyx', telnyxDriver, watch),
    prepare('plivo', plivoDriver, watch),
    prepare('genesys', genesysDriver, watch),
    prepare('avr', avrDriver, watch),
    prepare('audiosocket', audioSocketDriver(), watch),
    prepare('asterisk', asteriskDriver(), watch),
    prepare('softphone', softphoneDriver, watch),
  ]);
  const env = Object.assign({}, ...made.map(({ prepared }) => prepared.env), options.env);
  let stage: Stage | undefined;
  try {
    const set = await Stage.set({ ...options, env }, watch);
    stage = set;
    const phones = made.map(({ on }) => on(set));
    const phone = (name: string): Phone => {
      const found = phones.find((each) => each.name === name);
      if (found === undefined) throw new Error(`no phone ${name}`);
      return found;
    };
    await play({ stage: set, ask: askingOf(set), phones, env, phone });
    expect(set.rejections()).toEqual([]);
  } finally {
    await stage?.close();
    await Promise.all(made.map(({ prepared }) => prepared.close()));
  }
}
