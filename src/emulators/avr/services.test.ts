import { afterEach, describe, expect, it } from 'vitest';
import { FakeAgentApi } from './agent-api.ts';
import { FakeAmiHelper } from './ami-helper.ts';

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function post(url: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return [response.status, await response.json()];
}

describe('the fake AMI helper', () => {
  it('hangs up and transfers the channels it knows, and tells their variables', async () => {
    const ami = new FakeAmiHelper();
    open.push(ami);
    const url = await ami.listen();
    const done: unknown[] = [];
    const remove = ami.add('u1', {
      hangUp: () => done.push('hung up'),
      transfer: (target) => done.push(target),
      variables: { phoneNumber: '+15550001111' },
    });
    expect(await post(`${url}/variables`, { uuid: 'u1' })).toEqual([200, { phoneNumber: '+15550001111' }]);
    const target = { exten: '600', context: 'demo', priority: 1 };
    expect(await post(`${url}/transfer`, { uuid: 'u1', ...target })).toMatchObject([200, {}]);
    expect(await post(`${url}/hangup`, { uuid: 'u1' })).toMatchObject([200, {}]);
    expect(done).toEqual([target, 'hung up']);
    remove();
    expect(await post(`${url}/hangup`, { uuid: 'u1' })).toMatchObject([404, {}]);
    expect(ami.requestsTo('/hangup').map(({ status }) => status)).toEqual([200, 404]);
  });

  it('refuses what it does not understand', async () => {
    const ami = new FakeAmiHelper();
    open.push(ami);
    const url = await ami.listen();
    ami.add('u1', { hangUp: () => expect.unreachable() });
    expect(await post(`${url}/nothing`, {})).toMatchObject([404, {}]);
    expect(await post(`${url}/hangup`, 'no JSON')).toMatchObject([404, {}]);
    expect(await post(`${url}/transfer`, { uuid: 'u1', exten: 600 })).toMatchObject([500, {}]);
    ami.broken = true;
    expect(await post(`${url}/hangup`, { uuid: 'u1' })).toMatchObject([500, {}]);
  });
});

describe('the fake agent API', () => {
  it('gives instructions, a greeting and tools, and takes summaries', async () => {
    const api = new FakeAgentApi({
      agentId: 'agent-1',
      instructions: { system: 'Be brief.' },
      greeting: 'Good evening',
      tools: [],
    });
    open.push(api);
    const base = `${await api.listen()}/api/agents/agent-1`;
    const headers = { 'x-avr-uuid': 'u1' };
    expect(await (await fetch(`${base}/system-instructions`, { headers })).json()).toEqual({
      system: 'Be brief.',
    });
    expect(await (await fetch(`${base}/greeting`, { headers })).text()).toBe('Good evening');
    expect(await (await fetch(`${base}/tools`, { headers })).json()).toEqual([]);
    expect(await post(`${base}/call-summary`, { sessionUuid: 'u1' }, headers)).toEqual([
      200,
      { received: true },
    ]);
    expect((await fetch(`${base}/other`)).status).toBe(404);
    expect(api.requestsFor('call-summary')).toMatchObject([
      {
        method: 'POST',
        uuid: 'u1',
        contentType: 'application/json',
        body: { sessionUuid: 'u1' },
        status: 200,
      },
    ]);
  });

  it('fails as often as it is told to, and knows one agent', async () => {
    const api = new FakeAgentApi({ agentId: 'a', statusFor: (_path, number) => (number < 3 ? 503 : 200) });
    open.push(api);
    const url = await api.listen();
    const summary = () => post(`${url}/api/agents/a/call-summary`, {});
    expect([await summary(), await summary(), await summary()].map(([status]) => status)).toEqual([
      503, 503, 200,
    ]);
    expect((await fetch(`${url}/api/agents/b/greeting`)).status).toBe(503);
    expect(api.requestsFor('/api/agents/b/greeting')).toHaveLength(1);
  });
});
