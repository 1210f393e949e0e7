/** How dated settings are told of: their values in words, and how far away a moment is. */
import type { DatedSettingOut } from '@client'
import { i18n } from '@/state/language'
import { serverNow } from '@/state/session'
import { count, pick } from './say'

type Value = DatedSettingOut['value']

/** Whole minutes in the largest unit that divides them: 45 minutes, 2 hours, 3 days. */
export function minutes(value: number): string {
  const { t } = i18n.global
  if (value >= 1440 && value % 1440 === 0) return t('effective.days', { n: value / 1440 })
  if (value >= 60 && value % 60 === 0) return t('effective.hours', { n: value / 60 })
  return t('effective.minutes', { n: count(value) })
}

/** A value of a setting as a person would say it. */
export function said(setting: DatedSettingOut, value: Value): string {
  const { t } = i18n.global
  if (value === null) return t('effective.nothing')
  if (setting.kind === 'reference') return t('storefront.version_n', { n: String(value) })
  if (setting.kind === 'flag') return t(value ? 'effective.on' : 'effective.off')
  if (setting.kind === 'duration') return minutes(Number(value))
  if (setting.kind === 'number') return count(Number(value))
  if (setting.kind === 'choice') return pick(setting.choices.find((one) => one.code === value)?.label) || String(value)
  return String(value)
}

/** How long it is until a moment, in the coarsest unit that says enough. */
export function lead(iso: string): string {
  const { t } = i18n.global
  const left = Math.max(1, Math.round((Date.parse(iso) - serverNow()) / 60_000))
  if (left < 120) return t('effective.minutes', { n: left })
  if (left < 2880) return t('effective.hours', { n: Math.round(left / 60) })
  return t('effective.days', { n: count(Math.round(left / 1440)) })
}
