import type { TelnyxApi } from './telnyx-api.ts';
import type { ServedTelnyx } from './telnyx-host.ts';

/** What Telnyx says of a call that rings us. */
export const ring = {
  call_control_id: 'v3:a',
  call_session_id: 'session',
  client_state: null,
  direction: 'incoming',
  state: 'parked',
  from: '+15550001111',
  to: '+15550002222',
};

/** What every later event of that call says. */
export const ofCall = { call_control_id: 'v3:a', client_state: null };

/** Rings, and is answered when we have asked for it, as Telnyx does. */
export async function answerCall(
  served: ServedTelnyx,
  api: TelnyxApi,
  callControlId = 'v3:a',
): Promise<void> {
  const before = api.requests.length;
  await served.event('call.initiated', { ...ring, call_control_id: callControlId });
  await api.asked(before + 1);
  await served.event('call.answered', { ...ofCall, call_control_id: callControlId });
}

/** The token of the stream that Telnyx is told to open for an answered call. */
export async function tokenOfCall(
  served: ServedTelnyx,
  api: TelnyxApi,
  callControlId = 'v3:a',
): Promise<string> {
  const before = api.requests.length;
  await answerCall(served, api, callControlId);
  await api.asked(before + 2);
  return String(api.requests.at(-1)?.json.stream_auth_token);
}
