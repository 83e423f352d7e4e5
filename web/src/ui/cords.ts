/** What the drawing follows, read once per frame. */
export interface CordState {
  /** Levels, 0 to 1 (RMS). */
  readonly caller: number;
  readonly agent: number;
  readonly plugged: boolean;
  /** Rises whenever the agent's audio was dropped. */
  readonly clears: number;
}

interface Point {
  readonly x: number;
  readonly y: number;
}
type Curve = readonly [Point, Point, Point, Point];

/** Points of level history along a cord, and the time a voice takes from jack to jack. */
const points = 64;
const travelMs = 900;
const plugMs = 420;
const callerColour = '#f0b04f';
const agentColour = '#5fd3b4';
const restColour = '#3d5a54';
const brass = '#c8a45d';

/**
 * Two cords between two jacks. A voice runs along its cord as a waveform, the caller's above to the right, the
 * agent's below to the left; an interrupted answer is gone from the cord at once. Rings at the jacks are meters.
 * Where motion is unwelcome nothing travels, the meters alone move, and plugs jump.
 */
export class Cords {
  readonly #canvas: HTMLCanvasElement;
  readonly #read: () => CordState;
  readonly #still = matchMedia('(prefers-reduced-motion: reduce)');
  readonly #resize: ResizeObserver;
  #callerTrail = new Float32Array(points);
  #agentTrail = new Float32Array(points);
  #callerLevel = 0;
  #agentLevel = 0;
  #plug = 0;
  #clears = 0;
  #owed = 0;
  #lastMs = 0;
  #frame = 0;

  constructor(canvas: HTMLCanvasElement, read: () => CordState) {
    this.#canvas = canvas;
    this.#read = read;
    this.#resize = new ResizeObserver(() => this.#fit());
    this.#resize.observe(canvas);
    this.#fit();
    this.#frame = requestAnimationFrame((now) => this.#draw(now));
  }

  close(): void {
    cancelAnimationFrame(this.#frame);
    this.#resize.disconnect();
  }

  #fit(): void {
    const ratio = Math.min(3, devicePixelRatio);
    this.#canvas.width = Math.round(this.#canvas.clientWidth * ratio);
    this.#canvas.height = Math.round(this.#canvas.clientHeight * ratio);
  }

  #draw(nowMs: number): void {
    this.#frame = requestAnimationFrame((next) => this.#draw(next));
    const context = this.#canvas.getContext('2d');
    if (context === null) return;
    this.#step(this.#read(), Math.min(100, nowMs - this.#lastMs));
    this.#lastMs = nowMs;
    const ratio = this.#canvas.width / Math.max(1, this.#canvas.clientWidth);
    const [width, height] = [this.#canvas.clientWidth, this.#canvas.clientHeight];
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    this.#paint(context, width, height);
  }

  #step(state: CordState, elapsedMs: number): void {
    this.#callerLevel = follow(this.#callerLevel, loudness(state.caller), elapsedMs);
    this.#agentLevel = follow(this.#agentLevel, loudness(state.agent), elapsedMs);
    const towards = state.plugged ? 1 : 0;
    const move = this.#still.matches ? 1 : elapsedMs / plugMs;
    this.#plug += Math.max(-move, Math.min(move, towards - this.#plug));
    if (state.clears !== this.#clears) {
      this.#clears = state.clears;
      this.#agentTrail.fill(0);
    }
    if (this.#still.matches) {
      this.#callerTrail.fill(0);
      this.#agentTrail.fill(0);
      return;
    }
    this.#owed += (elapsedMs * points) / travelMs;
    for (; this.#owed >= 1; this.#owed--) {
      this.#callerTrail.copyWithin(1, 0);
      this.#callerTrail[0] = this.#callerLevel;
      this.#agentTrail.copyWithin(1, 0);
      this.#agentTrail[0] = this.#agentLevel;
    }
  }

  #paint(context: CanvasRenderingContext2D, width: number, height: number): void {
    const inset = Math.max(46, Math.min(110, width * 0.13));
    const middle = height / 2;
    const left = { x: inset, y: middle };
    const right = { x: width - inset, y: middle };
    const span = right.x - left.x;
    const plug = ease(this.#plug);
    // Pulled out, the plugs hang below the agent's jack, side by side.
    const upperEnd = between({ x: right.x - Math.max(62, span * 0.13), y: height - 34 }, right, plug);
    const lowerEnd = between({ x: right.x - Math.max(88, span * 0.21), y: height - 26 }, right, plug);
    const bow = height * 0.4;
    const upper = curve(left, upperEnd, span, bow * (0.5 - 1.5 * plug), bow * (0.34 - 1.34 * plug));
    const lower = curve(left, lowerEnd, span, bow * (0.74 + 0.26 * plug), bow * (0.42 + 0.58 * plug));
    const swell = Math.min(22, height * 0.095);
    voiceCord(context, upper, this.#callerTrail, this.#owed, { colour: callerColour, swell, plug });
    voiceCord(context, reversed(lower), this.#agentTrail, this.#owed, { colour: agentColour, swell, plug });
    const radius = Math.max(17, Math.min(26, width * 0.04));
    jack(context, left, radius, this.#callerLevel, callerColour);
    jack(context, right, radius, this.#agentLevel, agentColour);
    if (plug < 0.99) for (const end of [upperEnd, lowerEnd]) tip(context, end, 1 - plug);
  }
}

/** RMS to what the eye takes for loudness: -60 dBFS is 0, -10 is 1. */
function loudness(level: number): number {
  return level <= 0 ? 0 : Math.max(0, Math.min(1, (20 * Math.log10(level) + 60) / 50));
}

/** Up fast, down slowly, as needles of meters move. */
function follow(from: number, to: number, elapsedMs: number): number {
  const share = 1 - Math.exp(-elapsedMs / (to > from ? 30 : 140));
  return from + (to - from) * share;
}

function ease(t: number): number {
  return t * t * (3 - 2 * t);
}

function between(from: Point, to: Point, share: number): Point {
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}

function curve(from: Point, to: Point, span: number, bowFrom: number, bowTo: number): Curve {
  return [
    from,
    { x: from.x + span * 0.2, y: from.y + bowFrom * 1.25 },
    { x: to.x - span * 0.2, y: to.y + bowTo * 1.25 },
    to,
  ];
}

function reversed([a, b, c, d]: Curve): Curve {
  return [d, c, b, a];
}

function pointOn([a, b, c, d]: Curve, t: number): Point {
  const u = 1 - t;
  const [p, q, r, s] = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
  return { x: p * a.x + q * b.x + r * c.x + s * d.x, y: p * a.y + q * b.y + r * c.y + s * d.y };
}

/** The cord itself, and across it a stroke for each piece of the voice that runs along. */
function voiceCord(
  context: CanvasRenderingContext2D,
  path: Curve,
  trail: Float32Array,
  shift: number,
  look: { readonly colour: string; readonly swell: number; readonly plug: number },
): void {
  const [a, b, c, d] = path;
  context.lineCap = 'round';
  for (const [colour, alpha, width] of [
    [restColour, 1, 3],
    [look.colour, look.plug, 3],
  ] as const) {
    context.beginPath();
    context.moveTo(a.x, a.y);
    context.bezierCurveTo(b.x, b.y, c.x, c.y, d.x, d.y);
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.globalAlpha = alpha;
    context.stroke();
  }
  context.beginPath();
  for (const [index, level] of trail.entries()) {
    const at = (index + shift) / points;
    const half = look.swell * level * Math.sin(Math.PI * Math.min(1, at * 1.02));
    if (half < 1.5) continue;
    const here = pointOn(path, at);
    const next = pointOn(path, at + 0.01);
    const [dx, dy] = [next.x - here.x, next.y - here.y];
    const length = Math.hypot(dx, dy) || 1;
    const [acrossX, acrossY] = [(-dy / length) * half, (dx / length) * half];
    context.moveTo(here.x - acrossX, here.y - acrossY);
    context.lineTo(here.x + acrossX, here.y + acrossY);
  }
  context.lineWidth = 2.5;
  context.strokeStyle = look.colour;
  context.stroke();
  context.globalAlpha = 1;
}

function jack(
  context: CanvasRenderingContext2D,
  at: Point,
  radius: number,
  level: number,
  colour: string,
): void {
  const ring = (size: number, style: string): void => {
    context.beginPath();
    context.arc(at.x, at.y, size, 0, 2 * Math.PI);
    context.fillStyle = style;
    context.fill();
  };
  ring(radius + 9, '#0b1614');
  ring(radius, brass);
  ring(radius - 4, '#0e1c19');
  ring(radius - 9, '#050a09');
  context.lineWidth = 4;
  context.lineCap = 'round';
  const full = 2 * Math.PI;
  for (const [share, style] of [
    [1, '#27403b'],
    [level, colour],
  ] as const) {
    if (share < 0.02) continue;
    context.beginPath();
    context.arc(at.x, at.y, radius + 6, -Math.PI / 2 - (share * full) / 2, -Math.PI / 2 + (share * full) / 2);
    context.strokeStyle = style;
    context.stroke();
  }
}

/** The plug at the end of a cord that is not in its jack. */
function tip(context: CanvasRenderingContext2D, at: Point, alpha: number): void {
  context.globalAlpha = alpha;
  context.save();
  context.translate(at.x, at.y);
  context.rotate(-0.5);
  context.fillStyle = restColour;
  context.fillRect(-4, -5, 20, 10);
  context.fillStyle = brass;
  context.fillRect(16, -3, 13, 6);
  context.beginPath();
  context.arc(30, 0, 4, 0, 2 * Math.PI);
  context.fill();
  context.restore();
  context.globalAlpha = 1;
}
