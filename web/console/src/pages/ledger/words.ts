import type { LedgerAccountOut, PostingOut } from '@client'
import { useI18n } from 'vue-i18n'
import { useSourceName } from '@/pages/home/sources'
import { count, money, pick } from '@/use/say'

const CURRENCY = /^[A-Z]{3}$/

/** An amount of a unit: money where it is a currency, else a plain number. */
export const amountOf = (value: number, unit: string, signed = false) => (CURRENCY.test(unit) ? money(value, { currency: unit, signed }) : `${signed && value > 0 ? '+' : ''}${count(value)}`)

/** A figure of a statement that postings explain. */
export const FIGURES = ['opening', 'debit', 'credit', 'closing', 'total'] as const
export type Figure = (typeof FIGURES)[number]

const dayBefore = (day: string) => new Date(Date.parse(`${day}T00:00:00Z`) - 86_400_000).toISOString().slice(0, 10)

/** Which postings make up a figure of the statement from `from` to `to`: an opening is all there was before, a closing all until its end. */
export function postingsOf(figure: string, from: string, to: string): Record<string, string> {
  if (!from || !to) return { from, to }
  if (figure === 'opening') return { to: dayBefore(from) }
  if (figure === 'closing') return { to }
  return figure === 'debit' || figure === 'credit' ? { from, to, side: figure } : { from, to }
}

function useOwnerName() {
  const { t, te } = useI18n()
  const sourceName = useSourceName()
  return (code: string) => (te(`orders.provider.${code}`) ? t(`orders.provider.${code}`) : sourceName(code))
}

/** How accounts are called: their kind, and whose they are where there are several. */
export function useAccountName() {
  const owner = useOwnerName()
  return (account: LedgerAccountOut) => (account.owner ? `${pick(account.title)} · ${owner(account.owner)}` : pick(account.title))
}

/** Which way the money went, in a merchant's words; what books call source and destination, where nobody gave it words. */
export function useWay() {
  const { t, te } = useI18n()
  const owner = useOwnerName()
  const name = useAccountName()
  return (row: PostingOut): [string, string] => {
    const key = `ledger.way.${row.kind.replace('.', '_')}`
    if (!te(`${key}.from`)) return [t('ledger.debited', { account: name(row.source) }), t('ledger.credited', { account: name(row.destination) })]
    const whose = row.source.owner || row.destination.owner
    const who = whose ? owner(whose) : ''
    const ends: [string, string] = [t(`${key}.from`, { who }).trim(), t(`${key}.to`, { who }).trim()]
    return row.reverses ? [ends[1], ends[0]] : ends
  }
}
