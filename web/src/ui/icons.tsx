const shapes = {
  handset:
    'M6.6 3.5 9 3.1c.5-.1 1 .2 1.2.7l1 2.7c.2.4 0 .9-.3 1.2L9.3 9.1a13 13 0 0 0 5.6 5.6l1.4-1.6c.3-.3.8-.5 1.2-.3l2.7 1c.5.2.8.7.7 1.2l-.4 2.4c-.1.7-.7 1.2-1.4 1.2C11.300 18.600 5.400 12.700 5.400 4.900c0-.7.5-1.300 1.200-1.400z',
  mic: 'M12 3.500a2.800 2.800 0 0 1 2.800 2.800v5a2.800 2.800 0 0 1-5.600 0v-5A2.800 2.800 0 0 1 12 3.500zM5.800 11a6.200 6.200 0 0 0 12.400 0M12 17.200v3.300',
  micOff:
    'M9.200 9.200v2.100a2.800 2.800 0 0 0 4.600 2.100M14.800 10.500V6.300a2.800 2.800 0 0 0-5.400-1M5.800 11a6.200 6.200 0 0 0 9.700 5.100M18.200 11a6 6 0 0 1-.6 2.600M12 17.200v3.300M4 4l16 16',
  keypad: 'M6 6h.01M12 6h.01M18 6h.01M6 12h.01M12 12h.01M18 12h.01M6 18h.01M12 18h.01M18 18h.01',
  hand: 'M8 12V6.200a1.400 1.400 0 0 1 2.800 0V11m0-.500V4.900a1.400 1.400 0 0 1 2.800 0V11m0-4.500a1.400 1.400 0 0 1 2.800 0V13m0-2.500a1.400 1.400 0 0 1 2.800 0V14c0 4-2.500 6.500-6 6.500-3 0-4.500-1.300-6-4l-2.200-3.800c-.9-1.600 1.200-2.700 2.200-1.400L8 12.500',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M5.300 18.700l1.400-1.400M17.300 6.700l1.400-1.400',
  moon: 'M19.500 14.500A8 8 0 0 1 9.500 4.500a8 8 0 1 0 10 10z',
  system: 'M4 5.500h16v10.500H4zM9 19.500h6M12 16v3.500',
} as const;

export type IconName = keyof typeof shapes;

/** Decoration beside a text or a label, hidden from screen readers. */
export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  const dots = name === 'keypad';
  return (
    <svg
      class="icon"
      viewBox="0 0 24 24"
      width={size}
      height={size}
      fill={name === 'handset' ? 'currentColor' : 'none'}
      stroke={name === 'handset' ? 'none' : 'currentColor'}
      stroke-width={dots ? 3 : 1.7}
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={shapes[name]} />
    </svg>
  );
}
