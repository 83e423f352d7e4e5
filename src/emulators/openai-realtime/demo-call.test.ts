import { describe, expect, it } from 'vitest';
import { decodeSamples, encodeSamples } from '../../audio/convert.ts';
import { pcmu8k } from '../../audio/format.ts';
import { detectTone, sine } from '../../audio/tones.ts';
import { demoPhrases } from './behaviours/demo-phrases.ts';
import { startOpenAiEmulator } from './server.ts';
import { type Received, TestClient } from './test-client.ts';

const format = { type: 'audio/pcmu' };
const tools = [{ type: 'function', name: 'end_call', parameters: {} }];

function audioOf(client: TestClient, responseId: unknown): Int16Array {
  const deltas = client.of('response.output_audio.delta').filter((event) => event.response_id === responseId);
  return decodeSamples(
    Buffer.concat(deltas.map((event) => Buffer.from(String(event.delta), 'base64'))),
    pcmu8k,
  );
}

function responseOf(event: Received): {
  id: string;
  status: string;
  output: { type: string; name?: string }[];
} {
  return event.response as { id: string; status: string; output: { type: string; name?: string }[] };
}

describe('a call with the demo voice', () => {
  it('is greeted, hears itself, interrupts, and hangs up with the pound key', async () => {
    const emulator = await startOpenAiEmulator({ pace: { latencyMs: 0, deltaMs: 100, speed: 20 } });
    const client = new TestClient(`${emulator.wsUrl}?model=gpt-realtime`);
    const append = (samples: Int16Array) => {
      const audio = encodeSamples(samples, pcmu8k).toString('base64');
      client.send({ type: 'input_audio_buffer.append', audio });
    };
    await client.next('session.created');
    const audio = { input: { format }, output: { format } };
    client.send({ type: 'session.update', session: { type: 'realtime', tools, audio } });
    await client.next('session.updated');

    client.send({ type: 'response.create' });
    await client.next('response.done');
    expect(await client.next('response.output_audio_transcript.done')).toMatchObject({
      transcript: demoPhrases.greeting,
    });

    append(sine(700, 2000, 8000));
    append(new Int16Array(8000));
    const echo = responseOf(await client.next('response.done', 2));
    const heard = audioOf(client, echo.id);
    expect(detectTone(heard.subarray(-10_000, -2000), 8000, 700)).toBeGreaterThan(-14);

    emulator.sessions[0]?.setFaults({ speed: 1 });
    client.send({ type: 'response.create' });
    await client.next('response.created', 3);
    const before = client.of('response.output_audio.delta').length;
    await client.next('response.output_audio.delta', before + 1);
    append(sine(700, 300, 8000));
    expect(responseOf(await client.next('response.done', 3)).status).toBe('cancelled');

    emulator.sessions[0]?.setFaults({ speed: 20 });
    append(new Int16Array(8000));
    await client.next('response.done', 4);
    const content = [{ type: 'input_text', text: 'The caller pressed # on the keypad.' }];
    client.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
    client.send({ type: 'response.create' });
    const goodbye = responseOf(await client.next('response.done', 5));
    expect(goodbye.output.map((item) => item.name ?? item.type)).toEqual(['message', 'end_call']);
    expect(client.of('error')).toEqual([]);
    client.socket.terminate();
    await emulator.close();
  });

  it('is told apart from what an agent is in general: its instructions come again with each request', async () => {
    const emulator = await startOpenAiEmulator({ pace: { latencyMs: 0, deltaMs: 100, speed: 20 } });
    const client = new TestClient(`${emulator.wsUrl}?model=gpt-realtime`);
    await client.next('session.created');
    const instructions = 'Say goodbye when the caller wants to hang up.';
    client.send({ type: 'session.update', session: { type: 'realtime', instructions } });
    await client.next('session.updated');
    const said = async (what: string, count: number) => {
      client.send({ type: 'response.create', response: { instructions: `${instructions}\n\n${what}` } });
      await client.next('response.done', count);
      return (await client.next('response.output_audio_transcript.done', count)).transcript;
    };
    expect(await said('Greet the caller.', 1)).toBe(demoPhrases.greeting);
    expect(await said('Say goodbye in one short sentence.', 2)).toBe(demoPhrases.goodbye);
    client.socket.terminate();
    await emulator.close();
  });
});
