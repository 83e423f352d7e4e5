import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChannelEvent } from './channel-event.ts';
import { MediaQueue } from './media-queue.ts';

const frameBytes = 160;

function newQueue() {
  const told: string[] = [];
  const queue = new MediaQueue({
    frameBytes,
    tell: (event: ChannelEvent) => told.push('id' in event ? `${event.event} ${event.id}` : event.event),
  });
  return { queue, told };
}

const frames = (count: number, fill = 1) => Buffer.alloc(count * frameBytes, fill);

describe('MediaQueue', () => {
  it('gives out one frame a tick, in order, and drops a tail that fills no frame', () => {
    const { queue, told } = newQueue();
    expect(queue.take(Buffer.concat([frames(1, 1), frames(1, 2), Buffer.alloc(40, 3)]))).toEqual({
      refused: false,
      droppedBytes: 40,
    });
    queue.take(frames(1, 4));
    expect([1, 2, 3].map(() => queue.tick()?.[0])).toEqual([1, 2, 4]);
    expect(queue.tick()).toBeUndefined();
    expect(told).toEqual([]);
  });

  it('keeps the tail for the next message while it buffers, and gives out the rest as a short frame', () => {
    const { queue, told } = newQueue();
    queue.startBuffering();
    expect(queue.take(Buffer.alloc(100, 1))).toEqual({ refused: false, droppedBytes: 0 });
    queue.take(Buffer.alloc(100, 2));
    expect(queue.status).toMatchObject({ queueLength: 1, bulkMedia: true });
    queue.stopBuffering('b1');
    expect([queue.tick()?.length, queue.tick()?.length]).toEqual([160, 40]);
    expect(told).toEqual([]);
    expect(queue.tick()).toBeUndefined();
    expect(told).toEqual(['MEDIA_BUFFERING_COMPLETED b1']);
    expect(queue.status.bulkMedia).toBe(false);
  });

  it('tells a mark with the tick after the frame before it, and takes no tick for it', () => {
    const { queue, told } = newQueue();
    queue.take(frames(1));
    queue.mark('a');
    queue.mark('b');
    queue.take(frames(1, 2));
    queue.tick();
    expect(told).toEqual([]);
    expect(queue.tick()?.[0]).toBe(2);
    expect(told).toEqual(['MEDIA_MARK_PROCESSED a', 'MEDIA_MARK_PROCESSED b']);
  });

  it('tells that it is drained once for each request, at the first tick that finds nothing', () => {
    const { queue, told } = newQueue();
    queue.take(frames(1));
    queue.reportDrained();
    queue.tick();
    expect(told).toEqual([]);
    queue.tick();
    queue.tick();
    expect(told).toEqual(['QUEUE_DRAINED']);
  });

  it('says XOFF at 900 frames and XON below 800, once each', () => {
    const { queue, told } = newQueue();
    queue.take(frames(400));
    queue.take(frames(499));
    expect(told).toEqual([]);
    queue.take(frames(20));
    expect(told).toEqual(['MEDIA_XOFF']);
    for (let ticks = 0; ticks < 120; ticks += 1) queue.tick();
    expect([queue.status.queueLength, told.length]).toEqual([799, 1]);
    queue.tick();
    expect(told).toEqual(['MEDIA_XOFF', 'MEDIA_XON']);
  });

  it('drops messages whole once 1,000 frames are queued', () => {
    const { queue } = newQueue();
    queue.take(frames(999));
    expect(queue.take(frames(100)).refused).toBe(false);
    expect(queue.take(frames(1))).toEqual({ refused: true, droppedBytes: 0 });
    expect(queue.status.queueLength).toBe(1099);
  });

  it('throws marks away with the audio when it is flushed, ends buffering and says XON with the next tick', () => {
    const { queue, told } = newQueue();
    queue.startBuffering();
    queue.take(Buffer.alloc(901 * frameBytes + 7));
    queue.mark('gone');
    expect(queue.flush()).toEqual({ bytes: 901 * frameBytes, marks: ['gone'] });
    expect(queue.status).toMatchObject({ queueLength: 0, bulkMedia: false, queueFull: true });
    expect(queue.tick()).toBeUndefined();
    expect(told).toEqual(['MEDIA_XOFF', 'MEDIA_XON']);
    queue.take(frames(1, 9));
    expect(queue.tick()?.[0]).toBe(9);
  });

  it('gives out nothing and says nothing while it is paused, also after a flush', () => {
    const { queue, told } = newQueue();
    queue.pause(true);
    queue.flush();
    queue.mark('m');
    queue.take(frames(1));
    queue.reportDrained();
    expect([queue.tick(), told.length, queue.status.mediaPaused]).toEqual([undefined, 0, true]);
    queue.pause(false);
    expect(queue.tick()).toBeDefined();
    expect(told).toEqual(['MEDIA_MARK_PROCESSED m']);
  });

  it('loses nothing and doubles nothing while it buffers, whatever the sizes', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 30 }), (sizes) => {
        const { queue } = newQueue();
        queue.startBuffering();
        let next = 0;
        const sent = sizes.map((size) => Buffer.from(Uint8Array.from({ length: size }, () => next++ % 251)));
        for (const message of sent) queue.take(message);
        queue.stopBuffering('');
        const heard: Buffer[] = [];
        for (let frame = queue.tick(); frame !== undefined; frame = queue.tick()) heard.push(frame);
        expect(Buffer.concat(heard).equals(Buffer.concat(sent))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
