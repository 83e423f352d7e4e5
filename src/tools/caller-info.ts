import type { Party } from '../call/party.ts';

/** What AVR's tools and its agent API are told of a caller; null where it is not known. */
export interface CallerInfo {
  readonly phoneNumber: string | null;
  readonly callerName: string | null;
  readonly channel: string | null;
  readonly context: string | null;
  /** What was dialled. */
  readonly extension: string | null;
}

export function callerInfoOf({ from, to, variables }: Pick<Party, 'from' | 'to' | 'variables'>): CallerInfo {
  return {
    phoneNumber: from ?? null,
    callerName: variables.callerName ?? variables.CallerName ?? null,
    channel: variables.channel ?? null,
    context: variables.context ?? null,
    extension: variables.extension ?? to ?? null,
  };
}
