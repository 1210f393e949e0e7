import type { LedgerAccountOut } from '@client'
import { useI18n } from 'vue-i18n'
import { useSourceName } from '@/pages/home/sources'
import { count, money, pick } from '@/use/say'

const CURRENCY = /^[A-Z]{3}$/

/** An amount of a unit: money where it is a currency, else a plain number. */
export const amountOf = (value: number, unit: string) => (CURRENCY.test(unit) ? money(value, { currency: unit }) : count(value))

/** How accounts are called: their kind, and whose they are where there are several. */
export function useAccountName() {
  const { t, te } = useI18n()
  const sourceName = useSourceName()
  const owner = (code: string) => (te(`orders.provider.${code}`) ? t(`orders.provider.${code}`) : sourceName(code))
  return (account: LedgerAccountOut) => (account.owner ? `${pick(account.title)} · ${owner(account.owner)}` : pick(account.title))
}
