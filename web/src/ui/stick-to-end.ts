import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

/** As near to its end as counts as being there, in pixels. */
const nearPx = 40;

/** Keeps a scrolling element at its end while what it holds grows, unless the reader has scrolled away. */
export function useStickToEnd(box: RefObject<HTMLElement | null>, grown: number | undefined): void {
  const atEnd = useRef(true);

  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const follow = (): void => {
      if (atEnd.current) element.scrollTop = element.scrollHeight;
    };
    let lastTop = element.scrollTop;
    // Only a move upwards is the reader's wish: a scroll to the end may be told of after more has come.
    const note = (): void => {
      const near = element.scrollHeight - element.scrollTop - element.clientHeight < nearPx;
      if (near || element.scrollTop < lastTop) atEnd.current = near;
      lastTop = element.scrollTop;
    };
    const resize = new ResizeObserver(follow);
    resize.observe(element);
    element.addEventListener('scroll', note, { passive: true });
    return () => {
      resize.disconnect();
      element.removeEventListener('scroll', note);
    };
  }, [box]);

  useEffect(() => {
    const element = box.current;
    if (element !== null && grown !== undefined && atEnd.current) element.scrollTop = element.scrollHeight;
  }, [box, grown]);
}
