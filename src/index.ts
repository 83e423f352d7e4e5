/** Patchcord as a library: start a gateway from code, with tools of your own. See docs/tools.md. */
export { type ErrorCode, PatchcordError } from './base/errors.ts';
export { type Logger, silentLogger } from './base/logger.ts';
export type { CallEvent, CallObserver, CallSnapshot } from './call/events.ts';
export type { Tool, ToolContext, ToolResult } from './call/tools.ts';
export { loadSettings } from './config/environment.ts';
export type { Settings } from './config/schema.ts';
export { type Gateway, type GatewayOptions, startGateway } from './gateway.ts';
