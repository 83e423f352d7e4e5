import type { ApiReply } from '../phone/api-server.ts';
import { type CommandBody, streamOf, type TelnyxAction } from './commands.ts';
import { errorReply } from './replies.ts';

/** What decides whether a command that is well formed can be obeyed now. */
export interface CallState {
  readonly answered: boolean;
  readonly streaming: boolean;
  readonly direction: 'incoming' | 'outgoing';
  readonly codec: 'PCMU' | 'PCMA';
  readonly allowInsecureStream: boolean;
}

const beforeAnswer: readonly TelnyxAction[] = ['answer', 'reject', 'hangup'];

/** Why a command comes at the wrong time or asks for what can't be done; undefined where it can be obeyed. */
export function refusalOf(action: TelnyxAction, body: CommandBody, state: CallState): ApiReply | undefined {
  const { answered, streaming, direction, codec, allowInsecureStream } = state;
  if (!beforeAnswer.includes(action) && !answered)
    return errorReply(422, '90034', 'Call is not answered yet');
  if ((action === 'answer' || action === 'reject') && (answered || direction === 'outgoing')) {
    return errorReply(422, '90015', 'Call can not be answered or rejected now');
  }
  const stream = streamOf(action, body, codec);
  if (typeof stream === 'string') return errorReply(422, '90046', stream);
  if (stream === undefined) {
    return action === 'streaming_start' ? errorReply(422, '10004', 'stream_url is required') : undefined;
  }
  if (streaming) return errorReply(422, '90045', 'Media streaming is already on');
  if (stream.url.startsWith('ws:') && !allowInsecureStream)
    return errorReply(422, '90046', 'stream_url is not wss');
  return undefined;
}
