import { RestApi } from './rest-api.ts';

/** What Telnyx says of a call that is over. */
export const callEnded: [number, unknown] = [
  422,
  { errors: [{ code: '90018', title: 'Call has already ended', detail: 'This call is no longer active.' }] },
];

interface TelnyxBody {
  readonly json: Readonly<Record<string, unknown>>;
}

/** As much of Telnyx's REST API as the tests need. */
export class TelnyxApi extends RestApi<TelnyxBody> {
  constructor() {
    super(
      (text) => ({ json: JSON.parse(text || '{}') }),
      async ({ line }) =>
        line.endsWith('/calls')
          ? [200, { data: { call_control_id: 'v3:out', call_leg_id: 'leg', call_session_id: 'session' } }]
          : [200, { data: { result: 'ok' } }],
    );
  }

  /** The commands so far, each as its last part: `answer`, `streaming_start`; a dial is `calls`. */
  get commands(): string[] {
    return this.lines.map((line) => line.slice(line.lastIndexOf('/') + 1));
  }
}
