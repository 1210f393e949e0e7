/** Readings of a clock on the wall in a time zone, and the instants they stand for. */

/** Milliseconds by which a zone's clocks are ahead of UTC at an instant. */
function ahead(at: number, zone: string): number {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })
  const p = Object.fromEntries(format.formatToParts(new Date(at)).map((part) => [part.type, Number(part.value)]))
  return Date.UTC(p.year, p.month - 1, p.day, p.hour, p.minute, p.second) - Math.floor(at / 1000) * 1000
}

/** The instant at which clocks in the zone show `2026-11-11 20:00`. An hour that is skipped in spring is read as one hour later. */
export function instantOf(wall: string, zone: string): string {
  const utc = Date.parse(`${wall.replace(' ', 'T')}:00Z`)
  const near = utc - ahead(utc, zone)
  return new Date(utc - ahead(near, zone)).toISOString()
}

/** What clocks in the zone show at an instant, to the minute. */
export function wallOf(at: number, zone: string): string {
  return new Date(at + ahead(at, zone)).toISOString().slice(0, 16).replace('T', ' ')
}
