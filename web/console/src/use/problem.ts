import { i18n } from '@/state/language'
import type { Flaw } from '@client'
import { ApiProblem } from '@/api/http'

/** What to tell a person about a problem: by its code, else by what the server said. */
export function problemText(cause: unknown): string {
  const { t, te } = i18n.global
  if (!(cause instanceof ApiProblem)) return t('problems.client.broken')
  const said = (cause.facts.reason_text as Record<string, string> | undefined)?.[i18n.global.locale.value]
  if (said) return said
  const key = `problems.${cause.code}`
  const facts = Object.fromEntries(Object.entries(cause.facts).map(([name, value]) => [name, String(value)]))
  if (te(key)) return t(key, facts)
  return cause.detail || t('problems.http.unknown')
}

/** Name of a field in the reader's language by its path, `lines[0].quantity`; empty when it has none that a person would know. */
function fieldName(path: string): string {
  const { t, te } = i18n.global
  const [, inside, last] = /^(?:(.*)\.)?([^.]+)$/.exec(path.replace(/\[[^\]]*\]/g, '').replace(/\.\d+(?=\.|$)/g, '')) ?? []
  if (!last) return ''
  const key = `flaws.field.${last}`
  if (te(key)) return t(key)
  return /^[a-z]{2}(-[A-Z]{2})?$/.test(last) && inside ? fieldName(inside) : ''
}

/** What is wrong with one field, and which field it is. The validator's own words are in the problem's facts. */
export function flawText(flaw: Flaw): string {
  const { t, te } = i18n.global
  const key = `flaws.rule.${flaw.rule}`
  const said = te(key) ? t(key, flaw.facts ?? {}) : t('flaws.rule.wrong')
  return t('flaws.one', { field: fieldName(flaw.path) || flaw.path || t('flaws.whole'), said })
}
