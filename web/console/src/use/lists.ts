import { useQuery } from '@tanstack/vue-query'
import type { CategoryOut, UnitOut } from '@client'
import { computed } from 'vue'
import { listCategories, listLocations } from '@/api/goods'
import { listCarriers } from '@/api/orders'
import { listRoles, listUnits } from '@/api/people'
import { pick } from './say'

const RARELY = { staleTime: 5 * 60_000 }

export const useUnits = () => useQuery({ queryKey: ['units'], queryFn: listUnits, ...RARELY })
export const useRoles = () => useQuery({ queryKey: ['roles'], queryFn: listRoles, ...RARELY })
export const useCategories = () => useQuery({ queryKey: ['categories'], queryFn: listCategories, ...RARELY })
export const useLocations = () => useQuery({ queryKey: ['locations'], queryFn: listLocations, ...RARELY })
export const useCarriers = () => useQuery({ queryKey: ['carriers'], queryFn: listCarriers, ...RARELY })

/** `content` is how a choice stands in the open list, `label` how it stands once chosen. */
export interface Choice { value: string; label: string; content?: string }

/** A choice of a tree: indented in the open list only. */
export const indented = (value: string, label: string, depth: number): Choice => ({ value, label, content: '　'.repeat(depth) + label })

/** Stores one may filter by. */
export function useStoreChoices() {
  const units = useUnits()
  return computed<Choice[]>(() => (units.data.value?.items ?? []).filter((unit) => unit.kind === 'store' && !unit.closed).map((unit) => ({ value: unit.id, label: pick(unit.name) })))
}

/** Rows of a tree in reading order, each with its depth. */
export function inTreeOrder<T extends { id: string; parent_id: string | null }>(rows: T[], before: (a: T, b: T) => number): { row: T; depth: number }[] {
  const known = new Set(rows.map((row) => row.id))
  const under = new Map<string, T[]>()
  for (const row of rows) {
    const parent = row.parent_id && known.has(row.parent_id) ? row.parent_id : ''
    under.set(parent, [...(under.get(parent) ?? []), row])
  }
  const walk = (parent: string, depth: number): { row: T; depth: number }[] =>
    (under.get(parent) ?? []).sort(before).flatMap((row) => [{ row, depth }, ...walk(row.id, depth + 1)])
  return walk('', 0)
}

export const categoryOrder = (a: CategoryOut, b: CategoryOut) => a.position - b.position || pick(a.name).localeCompare(pick(b.name))
export const unitOrder = (a: UnitOut, b: UnitOut) => a.code.localeCompare(b.code)

/** Categories for a picker, children indented under their parent. */
export function useCategoryChoices() {
  const categories = useCategories()
  return computed<Choice[]>(() => inTreeOrder(categories.data.value?.items ?? [], categoryOrder).map(({ row, depth }) => indented(row.id, pick(row.name), depth)))
}
