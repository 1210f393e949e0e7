/** The app's own line icons, 24 × 24, as paths; drawn with the colour of the text around them. */
const paths = {
  back: 'M15 5l-7 7 7 7',
  next: 'M9 5l7 7-7 7',
  down: 'M5 9l7 7 7-7',
  close: 'M6 6l12 12M18 6L6 18',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l4.5 4.5',
  home: 'M4 11l8-7 8 7v9h-5.5v-6h-5v6H4z',
  grid: 'M4 4h6.5v6.5H4zM13.5 4H20v6.5h-6.5zM4 13.5h6.5V20H4zM13.5 13.5H20V20h-6.5z',
  bag: 'M5.5 8h13l1.2 12.5H4.3zM8.5 8V7a3.5 3.5 0 0 1 7 0v1',
  me: 'M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.5 20.5c0-4 3.4-6 7.5-6s7.5 2 7.5 6',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  tick: 'M5 12.5l5 5L19.5 7',
  truck: 'M3 6h11v11H3zM14 10h4l3 3.5V17h-7M7 15.5a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM17 15.5a2 2 0 1 0 0 4 2 2 0 0 0 0-4z',
  store: 'M4 10v10h16V10M3 10l2-6h14l2 6zM10 20v-6h4v6',
  pin: 'M12 3a7 7 0 0 0-7 7c0 5 7 11 7 11s7-6 7-11a7 7 0 0 0-7-7zM12 7.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z',
  phone: 'M6 3h3.5l1.5 5-2.2 1.5a12 12 0 0 0 5.7 5.7L16 13l5 1.5V18c0 1.7-1.3 3-3 3C10.3 21 3 13.7 3 6c0-1.7 1.3-3 3-3z',
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  shield: 'M12 3l7.5 3v5.5c0 4.5-3 7.800-7.5 9.5-4.5-1.7-7.5-5-7.5-9.5V6z',
  clock: 'M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 7.5V12l3.5 2',
  globe: 'M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM3.5 12h17M12 3.5c5 5 5 12 0 17-5-5-5-12 0-17z',
  note: 'M5 4h14v12.5H11L7 20v-3.5H5z',
  bin: 'M5 7h14M10 7V4.5h4V7M7 7l1 13h8l1-13',
  edit: 'M5 19l1-4.5L16.5 4l3.5 3.5L9.5 18z',
  leave: 'M14 4H5v16h9M10 12h11M17.5 8l3.5 4-3.5 4',
  box: 'M4 8l8-4 8 4v9l-8 4-8-4zM4 8l8 4 8-4M12 12v9',
  warn: 'M12 4l9 16H3zM12 10v4.5M12 17v.5',
} as const

export type IconName = keyof typeof paths

/** A CSS `url()` of the icon, to be used as a mask. */
export function iconMask(name: IconName): string {
  const svg = `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' stroke='#000' stroke-width='1.5' stroke-linecap='round' stroke-linejoin='round'><path d='${paths[name]}'/></svg>`
  return `url("data:image/svg+xml,${encodeURIComponent(svg)}")`
}
