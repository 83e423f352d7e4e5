import { describe, expect, it } from 'vitest';
import { loadSettings } from './environment.ts';

describe('the settings of an AVR connector', () => {
  it('000 env names: keep working, with what they were meant for', () => {
    const { server, openai, avr } = loadSettings({
      PORT: '6030',
      OPENAI_API_KEY: 'key',
      OPENAI_MODEL: 'gpt-realtime',
      OPENAI_TEMPERATURE: '0',
      OPENAI_MAX_TOKENS: 'inf',
      OPENAI_INSTRUCTIONS: 'text',
      OPENAI_URL_INSTRUCTIONS: 'http://agents.example.com/i',
      OPENAI_FILE_INSTRUCTIONS: './instructions.txt',
      OPENAI_VOICE: 'alloy',
      OPENAI_LANGUAGE: 'auto',
      OPENAI_TRANSCRIPTION_MODEL: 'whisper-1',
      OPENAI_TURN_DETECTION: 'semantic_vad',
      OPENAI_TURN_DETECTION_EAGERNESS: 'high',
      OPENAI_REASONING_EFFORT: 'low',
      AGENT_ID: 'desk-1',
      AGENT_API_BASE_URL: 'http://agents.example.com',
      AMI_URL: 'http://avr-ami:6006/',
    });
    expect(server.port).toBe(6030);
    expect(openai).toMatchObject({
      apiKey: 'key',
      model: 'gpt-realtime',
      temperature: 0,
      maxOutputTokens: 'inf',
      instructions: 'text',
      instructionsUrl: 'http://agents.example.com/i',
      instructionsFile: './instructions.txt',
      voice: 'alloy',
      language: undefined,
      transcriptionModel: 'whisper-1',
      turnDetection: 'semantic_vad',
      turnDetectionEagerness: 'high',
      reasoningEffort: 'low',
    });
    expect(avr).toMatchObject({
      agentId: 'desk-1',
      agentApiBaseUrl: 'http://agents.example.com',
      amiUrl: 'http://avr-ami:6006',
    });
  });

  it('000 env names: have the defaults they had, where those can still be had', () => {
    const { openai, avr } = loadSettings({});
    expect(openai).toMatchObject({ maxOutputTokens: 'inf', temperature: undefined, language: undefined });
    expect(avr).toMatchObject({
      amiUrl: 'http://127.0.0.1:6006',
      agentId: undefined,
      agentApiBaseUrl: undefined,
      toolFolders: ['./avr_tools', './tools'],
    });
  });

  it.each([
    ['OPENAI_TEMPERATURE', 'warm'],
    ['OPENAI_MAX_TOKENS', 'many'],
    ['AGENT_ID', '../x'],
    ['AGENT_API_BASE_URL', 'ftp://x'],
    ['AMI_URL', 'avr-ami:6006'],
    ['AVR_PORT', '70000'],
    ['AVR_ALLOW', '10.0.0.0/40'],
  ])('000 env names: a wrong %s stops the start instead of becoming the default', (name, value) => {
    expect(() => loadSettings({ [name]: value })).toThrow(`${name} is "${value}"`);
  });
});
