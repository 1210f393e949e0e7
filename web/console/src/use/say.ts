import type { LocaleText } from '@client'
import { brand, timeZone } from '@/state/session'
import { locale } from '@/state/language'

/** The text in the reader's language; else the brand's own; else whatever there is. */
export function pick(text: LocaleText | null | undefined): string {
  if (!text) return ''
  return text[locale.value] || text[brand.value?.default_locale ?? 'zh-CN'] || Object.values(text).find(Boolean) || ''
}

const SYMBOLS: Record<string, string> = { CNY: '¥', USD: '$', EUR: '€', GBP: '£', HKD: 'HK$', JPY: 'JP¥', SGD: 'S$' }

/** Decimal places of the brand's currency. */
export function decimals(currency = brand.value?.currency ?? 'CNY'): number {
  return new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2
}

export const symbol = (currency = brand.value?.currency ?? 'CNY') => SYMBOLS[currency] ?? `${currency} `

/** ¥1,234.56, minus as −¥12.03. `signed` also writes the plus. */
export function money(minor: number, options: { signed?: boolean; bare?: boolean; whole?: boolean; currency?: string } = {}): string {
  const places = options.whole ? 0 : decimals(options.currency)
  const figure = (Math.abs(minor) / 10 ** decimals(options.currency)).toLocaleString('en-US', { minimumFractionDigits: places, maximumFractionDigits: places })
  const sign = minor < 0 ? '−' : options.signed && minor > 0 ? '+' : ''
  return `${sign}${options.bare ? '' : symbol(options.currency)}${figure}`
}

export const count = (value: number) => value.toLocaleString('en-US').replace('-', '−')

/** Basis points as a percentage with one place: 330 → 3.3%. */
export const percent = (bp: number) => `${(bp / 100).toFixed(1)}%`

/** Short figures for axes: 12 万 in Chinese, 120k in English. Takes whole units, not minor ones. */
export function shortFigure(value: number): string {
  const size = Math.abs(value)
  const trim = (figure: number) => String(Math.round(figure * 10) / 10)
  if (locale.value === 'zh-CN') {
    if (size >= 1e8) return `${trim(value / 1e8)} 亿`
    return size >= 1e4 ? `${trim(value / 1e4)} 万` : trim(value)
  }
  if (size >= 1e6) return `${trim(value / 1e6)}M`
  return size >= 1e3 ? `${trim(value / 1e3)}k` : trim(value)
}

function parts(iso: string | number): Record<string, string> {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: timeZone.value, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', weekday: 'short', hourCycle: 'h23',
  })
  return Object.fromEntries(format.formatToParts(new Date(iso)).map((part) => [part.type, part.value]))
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const WEEKDAYS: Record<string, string> = { Mon: '周一', Tue: '周二', Wed: '周三', Thu: '周四', Fri: '周五', Sat: '周六', Sun: '周日' }

/** Day in the brand's time zone: 2026-11-22, in English 22 Nov 2026. */
export function day(iso: string | number): string {
  const p = parts(iso)
  return locale.value === 'en' ? `${Number(p.day)} ${MONTHS[Number(p.month) - 1]} ${p.year}` : `${p.year}-${p.month}-${p.day}`
}

export function weekday(iso: string | number): string {
  const name = parts(iso).weekday
  return locale.value === 'en' ? name : WEEKDAYS[name]
}

export const clock = (iso: string | number) => `${parts(iso).hour}:${parts(iso).minute}`

/** Day and minute; the year is left out when it is this year. */
export function moment(iso: string | number): string {
  const p = parts(iso)
  const sameYear = parts(Date.now()).year === p.year
  const date = locale.value === 'en' ? `${Number(p.day)} ${MONTHS[Number(p.month) - 1]}${sameYear ? '' : ` ${p.year}`}` : `${sameYear ? '' : `${p.year}-`}${p.month}-${p.day}`
  return `${date} ${p.hour}:${p.minute}`
}

/** YYYY-MM-DD of an instant in the brand's time zone, for queries. */
export function isoDay(at: number): string {
  const p = parts(at)
  return `${p.year}-${p.month}-${p.day}`
}

/** Month and day of a plain YYYY-MM-DD, without time zones: 11-22, in English 22 Nov. */
export function shortDay(plain: string): string {
  const [, month, date] = plain.split('-')
  return locale.value === 'en' ? `${Number(date)} ${MONTHS[Number(month) - 1]}` : `${month}-${date}`
}

/** Hours, minutes and seconds left, 43:42:08; negative time reads as zero. */
export function countdown(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000))
  const pad = (value: number) => String(value).padStart(2, '0')
  return `${pad(Math.floor(seconds / 3600))}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`
}

export function bytes(size: number): string {
  return size < 1024 * 1024 ? `${Math.max(1, Math.round(size / 1024))} KB` : `${(size / 1024 / 1024).toFixed(1)} MB`
}
