// The client events of the Realtime API, key by key, after its OpenAPI description ("RealtimeClientEvent").
import {
  anyObject,
  bool,
  type Check,
  integer,
  list,
  nullable,
  number,
  object,
  oneOf,
  record,
  stringOr,
  text,
  variants,
} from './shape.ts';

const itemStatus = oneOf('completed', 'incomplete', 'in_progress');
const itemKeys = { id: text(), object: oneOf('realtime.item'), type: text(), status: itemStatus };

const audioFormat = variants('type', {
  'audio/pcm': object({
    type: text(),
    rate: integer(24_000, 24_000),
  }),
  'audio/pcmu': object({ type: text() }),
  'audio/pcma': object({ type: text() }),
});

const turnDetection = variants('type', {
  server_vad: object({
    type: text(),
    threshold: number(0, 1),
    prefix_padding_ms: integer(0),
    silence_duration_ms: integer(0),
    create_response: bool,
    interrupt_response: bool,
    idle_timeout_ms: nullable(integer(5000, 30_000)),
  }),
  semantic_vad: object({
    type: text(),
    eagerness: oneOf('low', 'medium', 'high', 'auto'),
    create_response: bool,
    interrupt_response: bool,
  }),
});

const transcription = object({
  model: text(),
  language: text(),
  languages: list(text(), 1),
  keywords: list(text()),
  prompt: text(),
  delay: oneOf('minimal', 'low', 'medium', 'high', 'xhigh'),
});

const inputAudio = object({
  format: audioFormat,
  transcription: nullable(transcription),
  noise_reduction: nullable(
    object({ type: oneOf('near_field', 'far_field'), strength: number(0, Number.MAX_VALUE) }),
  ),
  turn_detection: nullable(turnDetection),
});

const voice = stringOr(text(), object({ id: text() }, ['id']));
const modalities = list(oneOf('text', 'audio'), 1, 2);
const prompt = nullable(
  object(
    { id: text(), version: nullable(text()), variables: nullable(record(stringOr(text(), anyObject))) },
    ['id'],
  ),
);

const toolFilter = object({ tool_names: list(text()), read_only: bool });
const tools = list(
  variants('type', {
    function: object({ type: text(), name: text(), description: text(), parameters: anyObject }, ['name']),
    mcp: object(
      {
        type: text(),
        server_label: text(),
        server_url: text(),
        connector_id: text(),
        tunnel_id: text(),
        authorization: text(),
        server_description: text(),
        headers: nullable(record(text())),
        allowed_tools: nullable((value, path) =>
          Array.isArray(value) ? list(text())(value, path) : toolFilter(value, path),
        ),
        allowed_callers: nullable(list(oneOf('direct', 'programmatic'), 1)),
        require_approval: nullable(
          stringOr(oneOf('always', 'never'), object({ always: toolFilter, never: toolFilter })),
        ),
        defer_loading: bool,
      },
      ['server_label'],
    ),
  }),
);

const toolChoice = stringOr(
  oneOf('none', 'auto', 'required'),
  variants('type', {
    function: object({ type: text(), name: text() }, ['name']),
    mcp: object({ type: text(), server_label: text(), name: nullable(text()) }, ['server_label']),
  }),
);

const reasoning = object({ effort: oneOf('minimal', 'low', 'medium', 'high', 'xhigh') });
const maxOutputTokens = stringOr(oneOf('inf'), integer(1, 4096));
const include = list(oneOf('item.input_audio_transcription.logprobs'));

const realtimeSession = object(
  {
    type: text(),
    output_modalities: modalities,
    model: text(),
    instructions: text(),
    audio: object({
      input: inputAudio,
      output: object({ format: audioFormat, voice, speed: number(0.25, 1.5) }),
    }),
    include: nullable(include),
    tracing: nullable(
      stringOr(oneOf('auto'), object({ workflow_name: text(), group_id: text(), metadata: anyObject })),
    ),
    tools,
    tool_choice: toolChoice,
    parallel_tool_calls: bool,
    reasoning,
    max_output_tokens: maxOutputTokens,
    truncation: stringOr(
      oneOf('auto', 'disabled'),
      object(
        {
          type: oneOf('retention_ratio'),
          retention_ratio: number(0, 1),
          token_limits: object({ post_instructions: integer(0) }),
        },
        ['type', 'retention_ratio'],
      ),
    ),
    prompt,
  },
  ['type'],
);

const transcriptionSession = object({ type: text(), audio: object({ input: inputAudio }), include }, [
  'type',
]);

const messageItem = variants('role', {
  system: message(object({ type: oneOf('input_text'), text: text() })),
  user: message(
    object({
      type: oneOf('input_text', 'input_audio', 'input_image'),
      text: text(),
      audio: text(),
      image_url: text(),
      detail: oneOf('auto', 'low', 'high'),
      transcript: text(),
    }),
  ),
  assistant: message(
    object({ type: oneOf('output_text', 'output_audio'), text: text(), audio: text(), transcript: text() }),
  ),
});

function message(content: Check): Check {
  return object({ ...itemKeys, role: text(), content: list(content) }, ['content']);
}

const itemShapes: Record<string, Check> = {
  message: messageItem,
  function_call: object({ ...itemKeys, call_id: text(), name: text(), arguments: text() }, [
    'name',
    'arguments',
  ]),
  function_call_output: object({ ...itemKeys, call_id: text(), output: text() }, ['call_id', 'output']),
  mcp_approval_response: object(
    { id: text(), type: text(), approval_request_id: text(), approve: bool, reason: nullable(text()) },
    ['id', 'approval_request_id', 'approve'],
  ),
  mcp_list_tools: object({ id: text(), type: text(), server_label: text(), tools: list(anyObject) }, [
    'server_label',
    'tools',
  ]),
  mcp_call: object(
    {
      id: text(),
      type: text(),
      server_label: text(),
      name: text(),
      arguments: text(),
      approval_request_id: nullable(text()),
      output: nullable(text()),
      error: nullable(anyObject),
    },
    ['id', 'server_label', 'name', 'arguments'],
  ),
  mcp_approval_request: object(
    { id: text(), type: text(), server_label: text(), name: text(), arguments: text() },
    ['id', 'server_label', 'name', 'arguments'],
  ),
};

const responseParams = object({
  output_modalities: modalities,
  instructions: text(),
  audio: object({ output: object({ format: audioFormat, voice }) }),
  tools,
  tool_choice: toolChoice,
  parallel_tool_calls: bool,
  reasoning,
  max_output_tokens: maxOutputTokens,
  conversation: oneOf('auto', 'none'),
  metadata: nullable(record(text(512), 16, 64)),
  prompt,
  input: list(
    variants('type', { ...itemShapes, item_reference: object({ type: text(), id: text() }, ['id']) }),
  ),
});

const eventKeys = { event_id: text(512), type: text() };

/** Checks a whole client event; `input_audio_buffer.append` is checked by its own faster path. */
export const clientEvent: Check = variants('type', {
  'session.update': object(
    {
      ...eventKeys,
      session: variants('type', { realtime: realtimeSession, transcription: transcriptionSession }),
    },
    ['session'],
  ),
  'input_audio_buffer.append': object({ ...eventKeys, audio: text() }, ['audio']),
  'input_audio_buffer.commit': object(eventKeys),
  'input_audio_buffer.clear': object(eventKeys),
  'output_audio_buffer.clear': object(eventKeys),
  'conversation.item.create': object(
    { ...eventKeys, previous_item_id: nullable(text()), item: variants('type', itemShapes) },
    ['item'],
  ),
  'conversation.item.retrieve': object({ ...eventKeys, item_id: text() }, ['item_id']),
  'conversation.item.truncate': object(
    { ...eventKeys, item_id: text(), content_index: integer(0), audio_end_ms: integer(0) },
    ['item_id', 'content_index', 'audio_end_ms'],
  ),
  'conversation.item.delete': object({ ...eventKeys, item_id: text() }, ['item_id']),
  'response.create': object({ ...eventKeys, response: responseParams }),
  'response.cancel': object({ ...eventKeys, response_id: text() }),
});
