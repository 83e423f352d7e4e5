import { openAiRealtimeDriver } from './drivers/openai-realtime.ts';
import { modelContract } from './model-contract.ts';

modelContract('openai-realtime', openAiRealtimeDriver());
modelContract('a server with the names of the beta', openAiRealtimeDriver({ betaNames: true }));
