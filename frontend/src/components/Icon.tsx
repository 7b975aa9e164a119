const PATHS = {
  search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13Zm4.8-1.7L20.5 20.5',
  basket: 'M3 9.5h18l-1.7 9.2a1.5 1.5 0 0 1-1.5 1.3H6.2a1.5 1.5 0 0 1-1.5-1.3L3 9.5Zm4.5 0L11 3.5m5.5 6L13 3.5M9 13.5v3m3-3v3m3-3v3',
  person: 'M12 11.5a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-7.5 9c.7-3.9 3.7-6 7.5-6s6.8 2.1 7.5 6',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  close: 'M6 6l12 12M18 6L6 18',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  bin: 'M4.5 7h15M9.5 7V4.5h5V7M6.5 7l.9 12.5h9.2L17.5 7M10 10.5v5.5m4-5.5v5.5',
  back: 'M14.5 5.5L8 12l6.5 6.5',
  van: 'M2.5 6.5h11.5v10H2.5v-10Zm11.5 3.5h4l3.5 3.5v3H14M7 19a2 2 0 1 0 0-4 2 2 0 0 0 0 4Zm10 0a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z',
  heart: 'M12 20.3C5.6 15.8 3 12.7 3 9.2A4.7 4.7 0 0 1 7.7 4.5c1.8 0 3.3.9 4.3 2.5 1-1.6 2.5-2.5 4.3-2.5A4.7 4.7 0 0 1 21 9.2c0 3.5-2.6 6.6-9 11.1Z',
  filter: 'M4 7h16M7 12h10M10 17h4',
  receipt: 'M6 3.5v17l2-1.3 2 1.3 2-1.3 2 1.3 2-1.3 2 1.3v-17l-2 1.3-2-1.3-2 1.3-2-1.3-2 1.3-2-1.3Zm3 6h6m-6 4h6',
  leave: 'M14 4.5H6.5v15H14M10.5 12H20m-3.5-3.5L20 12l-3.5 3.5',
  pen: 'M4.5 19.5l1-4.5L16.5 4l3.5 3.5L9 18.5l-4.5 1Z',
  print: 'M7 8.5v-5h10v5M7 17.5H4v-9h16v9h-3M7 14h10v6.5H7V14Z',
  again: 'M19.5 12a7.5 7.5 0 1 1-2.2-5.3L19.5 9m0-4.5V9H15',
  sun: 'M12 16.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM12 2v2.5M12 19.5V22M2 12h2.5M19.5 12H22M4.9 4.9l1.8 1.8M17.3 17.3l1.8 1.8M4.9 19.1l1.8-1.8M17.3 6.7l1.8-1.8',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z',
  auto: 'M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17Zm0 0v-17',
} as const;

export type IconName = keyof typeof PATHS;

/** A line icon in the colour of the text. It says nothing to a screen reader: the control around it carries the name. */
export function Icon({ name, size = 22, filled }: { name: IconName; size?: number; filled?: boolean }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill={filled ? 'currentColor' : 'none'}
      stroke="currentColor"
      strokeWidth="2"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
