/** How backups are told of: when, how long ago, how large. */
import { i18n } from '@/state/language'
import { count } from './say'

/** 42 seconds, 5 minutes, 3 hours, 2 days ago: the coarsest unit that says enough. */
export function ago(iso: string): string {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(iso)) / 1000))
  const { t } = i18n.global
  if (seconds < 120) return t('backups.ago_s', { n: seconds })
  if (seconds < 7200) return t('backups.ago_min', { n: Math.floor(seconds / 60) })
  if (seconds < 172_800) return t('backups.ago_h', { n: Math.floor(seconds / 3600) })
  return t('backups.ago_d', { n: count(Math.floor(seconds / 86_400)) })
}

/** 12.4 MB, 3.1 GB. */
export function size(bytes: number): string {
  const mb = bytes / 1_048_576
  return mb < 1024 ? `${mb.toFixed(1)} MB` : `${(mb / 1024).toFixed(1)} GB`
}
