import { i18n } from '@/state/language'
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

/** Message of the server for one field of a form, by the end of its path. */
export function fieldProblem(cause: unknown, field: string): string {
  if (!(cause instanceof ApiProblem)) return ''
  return cause.fields.find((entry) => entry.path === field || entry.path.endsWith(`.${field}`) || entry.path.endsWith(`/${field}`))?.message ?? ''
}
