import type { AuditOut } from '@client'
import { useI18n } from 'vue-i18n'
import { moment } from '@/use/say'

const ID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d/

/** How rows of the audit read: actions, things and facts by their names; what nobody named stays as it was written. */
export function useAuditWords() {
  const { t, te, tm } = useI18n()
  const named = (key: string, otherwise: string) => (te(key) ? t(key) : otherwise)
  const action = (code: string) => named(`audit.action.${code}`, code)

  /** Every action that has a name, by what it is done to. */
  function actions(): { value: string; label: string }[] {
    const groups = tm('audit.action') as Record<string, Record<string, unknown>>
    return Object.entries(groups).flatMap(([group, names]) => Object.keys(names).map((name) => ({ value: `${group}.${name}`, label: `${t(`audit.area.${group}`)} · ${action(`${group}.${name}`)}` })))
  }
  function subject(row: AuditOut): string {
    const thing = named(`audit.thing.${row.subject_kind}`, row.subject_kind)
    if (!row.subject_label) return thing
    const label = named(`audit.label.${row.subject_label.replaceAll('.', '_')}`, row.subject_label)
    return row.subject_kind === 'order' || row.subject_kind === 'staff' || row.subject_kind === 'product' ? label : `${thing} ${label}`
  }
  const fact = (name: string) => named(`audit.fact.${name}`, name)
  function value(name: string, of: unknown): string {
    // Reasons about a customer are gone once they were forgotten; why that was done is a code.
    if (name === 'reason' && of === null) return t('audit.reason_gone')
    if (name === 'reason' && te(`customers.forget_reason.${String(of)}`)) return t(`customers.forget_reason.${String(of)}`)
    if (typeof of === 'boolean') return t(of ? 'audit.yes' : 'audit.no')
    if (of === null || of === undefined || of === '') return '–'
    if (Array.isArray(of)) return of.map((one) => value(name, one)).join(t('audit.comma'))
    if (typeof of === 'object') return Object.entries(of).map(([key, one]) => `${fact(key)} ${value(key, one)}`).join(' · ')
    const text = String(of)
    if (INSTANT.test(text)) return moment(text)
    for (const key of [`audit.value.${text.replaceAll('.', '_')}`, ...(name === 'fields' ? [`flaws.field.${text}`] : [])]) if (te(key)) return t(key)
    return text
  }
  /** Facts worth a look in a list: no ids, the reason first. */
  function brief(row: AuditOut): string {
    const all = Object.entries(row.facts).filter(([, one]) => !(typeof one === 'string' && ID.test(one)))
    all.sort(([one], [other]) => Number(other === 'reason') - Number(one === 'reason'))
    return all.slice(0, 3).map(([name, one]) => t('audit.pair', { name: fact(name), value: value(name, one) })).join(' · ')
  }
  return { action, actions, subject, fact, value, brief }
}
