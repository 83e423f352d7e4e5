// Takes calls as `patchcord serve` does, with a tool of its own. In your project import from 'patchcord'.
import { pino } from 'pino';
import { loadSettings, startGateway, type Tool } from '../src/index.ts';

const openingHours: Tool = {
  name: 'opening_hours',
  description: 'Tells when the shop is open on a day.',
  parameters: { type: 'object', properties: { day: { type: 'string' } }, required: ['day'] },
  run: async ({ day }) => (day === 'Sunday' ? 'The shop is closed.' : 'The shop is open from 9 to 6.'),
};

const gateway = await startGateway({
  settings: loadSettings(process.env),
  log: pino(),
  tools: [openingHours],
});
console.log(`Patchcord is listening on ${gateway.url}`);
process.once('SIGTERM', () => gateway.drain().then(() => gateway.close()));
