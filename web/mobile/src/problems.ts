/** Refusals in the shopper's words: by code, else the shop's own sentence, else what is certain. */
import { Refused } from '@/api/request'
import { i18n } from '@/i18n'

/** What happened, what became of the money, and what to do. */
export function said(error: unknown): string {
  const { t, te } = i18n.global
  if (!(error instanceof Refused)) throw error
  const key = `problem.${error.code.replace('.', '_')}`
  if (te(key)) return t(key)
  const first = error.problem.errors?.[0]?.message
  return [error.problem.detail || t('problem.unknown'), first].filter(Boolean).join(' ')
}

/** Say it in passing. */
export function tell(error: unknown): void {
  uni.showToast({ title: said(error), icon: 'none', duration: 4000 })
}
