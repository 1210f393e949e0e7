/** Money and time as shoppers read them. */

const SIGNS: Record<string, string> = { CNY: '¥', USD: '$', EUR: '€', GBP: '£', JPY: '¥', HKD: 'HK$', SGD: 'S$' }

export interface MoneyParts {
  sign: string
  whole: string
  cents: string
}

/** The pieces of an amount: sign («−¥»), grouped whole part, and cents with their point. */
export function moneyParts(minor: number, currency = 'CNY'): MoneyParts {
  const all = Math.abs(Math.round(minor))
  const whole = String(Math.floor(all / 100)).replace(/\B(?=(\d{3})+$)/g, ',')
  return { sign: (minor < 0 ? '−' : '') + (SIGNS[currency] ?? `${currency} `), whole, cents: `.${String(all % 100).padStart(2, '0')}` }
}

/** `¥1,234.56`, minus as `−¥12.03`. */
export function money(minor: number, currency = 'CNY'): string {
  const { sign, whole, cents } = moneyParts(minor, currency)
  return sign + whole + cents
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** An instant in the device's time zone, to the minute; the year only when it is not this one. */
export function moment(instant: string | null, locale: string, now = new Date()): string {
  if (!instant) return ''
  const at = new Date(instant)
  return `${day(instant, locale, now)}${locale === 'en' ? ',' : ''} ${two(at.getHours())}:${two(at.getMinutes())}`
}

/** The day of an instant in the device's time zone; the year only when it is not this one. */
export function day(instant: string, locale: string, now = new Date()): string {
  const at = new Date(instant)
  const old = at.getFullYear() !== now.getFullYear()
  if (locale === 'en') return `${at.getDate()} ${MONTHS[at.getMonth()]}${old ? ` ${at.getFullYear()}` : ''}`
  return `${old ? `${at.getFullYear()} 年 ` : ''}${at.getMonth() + 1} 月 ${at.getDate()} 日`
}

/** Time left until an instant as `m:ss` or `h:mm:ss`; `0:00` when it has passed. */
export function left(until: string, now: number): string {
  const seconds = Math.max(0, Math.floor((new Date(until).getTime() - now) / 1000))
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}
