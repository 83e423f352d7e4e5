import { describe, expect, it } from 'vitest';
import { brokenArrows, importsOf } from '../scripts/arrows.ts';

function broken(path: string, source: string): string[] {
  return brokenArrows(new Map([[path, source]]));
}

describe('the check of the arrows', () => {
  it('sees every way to import', () => {
    const source = [
      "import type { A } from './a.ts';",
      "import { type B, c } from './b.ts';",
      "import './c.ts';",
      "export * from './d.ts';",
      "export type { E } from './e.ts';",
      "const f = await import('./f.ts');",
      "let g: import('./g.ts').G;",
    ].join('\n');
    expect(importsOf('src/call/x.ts', source)).toEqual([
      { specifier: './a.ts', typeOnly: true },
      { specifier: './b.ts', typeOnly: false },
      { specifier: './c.ts', typeOnly: false },
      { specifier: './d.ts', typeOnly: false },
      { specifier: './e.ts', typeOnly: true },
      { specifier: './f.ts', typeOnly: false },
      { specifier: './g.ts', typeOnly: true },
    ]);
  });

  it.each([
    ['src/base/x.ts', "import { x } from '../audio/x.ts';", 'base may not import audio'],
    ['src/audio/x.ts', "import { x } from '../call/x.ts';", 'audio may not import call'],
    ['src/config/x.ts', "import { x } from '../call/x.ts';", 'config may not import call'],
    ['src/call/x.ts', "import { x } from '../carriers/x.ts';", 'call may not import carriers'],
    ['src/call/x.ts', "import type { X } from '../models/x.ts';", 'call may not import models'],
    ['src/call/x.ts', "let x: import('../api/x.ts').X;", 'call may not import api'],
    ['src/carriers/twilio/x.ts', "import { x } from '../../models/x.ts';", 'carriers may not import models'],
    [
      'src/models/openai-realtime/x.ts',
      "import { x } from '../../carriers/x.ts';",
      'models may not import carriers',
    ],
    [
      'src/emulators/twilio/x.ts',
      "import { x } from '../../carriers/twilio/wire.ts';",
      'emulators may not import carriers',
    ],
    ['src/emulators/x.ts', "import { x } from '../call/x.ts';", 'emulators may not import call'],
    ['src/emulators/plivo/x.ts', "import { x } from '../twilio/x.ts';", 'never see each other'],
    ['src/emulators/phone/x.ts', "import { x } from '../twilio/x.ts';", 'stands below emulators/twilio'],
    ['src/agents/x.ts', "import { x } from '../carriers/x.ts';", 'agents may not import carriers'],
    ['src/tools/x.ts', "import { x } from '../api/x.ts';", 'tools may not import api'],
    ['src/api/x.ts', "import { x } from '../gateway.ts';", 'api may not import gateway'],
    ['src/store/x.ts', "import { x } from '../api/x.ts';", 'store may not import api'],
    ['src/fleet/x.ts', "import { x } from '../carriers/x.ts';", 'fleet may not import carriers'],
    ['src/gateway.ts', "import { x } from './commands/x.ts';", 'gateway may not import commands'],
    ['src/server.ts', "import { x } from './commands/x.ts';", 'gateway may not import commands'],
    ['src/api/x.ts', "import { x } from '../server.ts';", 'api may not import gateway'],
    ['src/commands/x.ts', "import '../main.ts';", 'commands may not import main'],
    ['src/carriers/twilio/x.ts', "export * from '../softphone/x.ts';", 'never see each other'],
    ['src/call/x.ts', "import { x } from '../../test/x.ts';", 'nothing from outside'],
    ['src/call/x.ts', "import { x } from './y.test.ts';", 'does not import tests'],
    ['src/call/x.ts', "import { x } from './testing/y.ts';", 'does not import tests'],
    ['src/api/x.ts', "import { x } from './test-fixtures.ts';", 'does not import tests'],
    ['src/call/x.ts', "import { x } from '../base/virtual-clock.ts';", 'does not import tests'],
    ['src/call/x.ts', "import { request } from 'node:http';", 'knows no network'],
    ['src/call/x.ts', "import type { WebSocket } from 'ws';", 'knows no network'],
    ['src/call/x.ts', "import { fastify } from 'fastify';", 'knows no network'],
    ['src/call/x.ts', "import pg from 'pg';", 'no database'],
    ['src/audio/x.ts', "import { readFileSync } from 'node:fs';", 'pure functions'],
    ['src/carriers/twilio/wire.ts', "import { WebSocket } from 'ws';", 'no input or output'],
    ['web/src/x.tsx', "import { x } from '../../src/api/x.ts';", 'no code'],
    ['web/src/x.tsx', "import { x } from '../../src/call/events.ts';", 'no code'],
    ['web/src/x.tsx', "import type { X } from '../../src/call/call.ts';", 'only the types of the API'],
    ['src/novelty/x.ts', '', 'has no rule'],
  ])('refuses in %s: %s', (path, source, reason) => {
    expect(broken(path, source).join('\n')).toContain(reason);
  });

  it.each([
    [
      'src/call/x.ts',
      "import { x } from '../audio/x.ts'; import { y } from '../base/y.ts'; import { z } from './z.ts';",
    ],
    [
      'src/carriers/twilio/x.ts',
      "import type { Leg } from '../../call/leg.ts'; import { c } from '../carrier.ts';",
    ],
    ['src/emulators/twilio/x.ts', "import { x } from '../phone/x.ts'; import { y } from '../network.ts';"],
    ['src/gateway.ts', "import { x } from './carriers/twilio/x.ts'; import { y } from './emulators/y.ts';"],
    ['src/server.ts', "import { x } from './model-choice.ts'; import { y } from './carriers/y.ts';"],
    ['src/carriers/twilio/leg.test.ts', "import { x } from '../../emulators/twilio/x.ts';"],
    ['web/src/x.tsx', "import type { X } from '../../src/api/x.ts'; import { y } from './y.ts';"],
    ['web/src/x.ts', "import type { CallEvent } from '../../src/call/events.ts';"],
    ['test/x.test.ts', "import { x } from '../src/gateway.ts';"],
  ])('lets pass in %s: %s', (path, source) => {
    expect(broken(path, source)).toEqual([]);
  });

  it('finds a circle, of types too, and names it once', () => {
    const sources = new Map([
      ['src/call/c.ts', "import { a } from './a.ts';"],
      ['src/call/a.ts', "import { b } from './b.ts';"],
      ['src/call/b.ts', "import type { C } from './c.ts';"],
    ]);
    expect(brokenArrows(sources)).toEqual([
      'circle: src/call/a.ts -> src/call/b.ts -> src/call/c.ts -> src/call/a.ts',
    ]);
  });
});
