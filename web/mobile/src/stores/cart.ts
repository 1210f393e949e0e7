/** The shopping bag, and the figure on its tab. */
import { defineStore } from 'pinia'
import { ref, watch } from 'vue'
import * as api from '@/api/shop'
import type { CartOut } from '@client'
import { track } from '@/tracking'
import { keepInTab, keptInTab } from './shelf'
import { useVisit } from './visit'

const EMPTY: CartOut = { lines: [], selected_quantity: 0, selected_minor: 0 }

/** What checkout is about: lines of the bag, or one thing bought at once. */
export interface Buying {
  lines: { sku_id: string; quantity: number }[]
  fromCart: boolean
  /** The key of the last try and what it was for: the same wish keeps it, even over a reload. */
  attempt?: { key: string; body: string }
}

export const useCart = defineStore('cart', () => {
  const visit = useVisit()
  const cart = ref<CartOut>(EMPTY)
  const pieces = ref(0)
  const buying = ref<Buying | null>(keptInTab<Buying>('siyu.buying'))
  watch(buying, (now) => keepInTab('siyu.buying', now), { deep: true, flush: 'sync' })
  // Who signs out takes along what they were about to buy.
  watch(() => visit.known.kind, (kind) => {
    if (kind === 'none') buying.value = null
  })

  function take(next: CartOut): void {
    cart.value = next
    pieces.value = next.lines.reduce((sum, line) => sum + line.quantity, 0)
    badge()
  }

  /** Show the number of pieces on the tab. */
  function badge(): void {
    const nothing = { fail: () => undefined }
    if (pieces.value > 0) uni.setTabBarBadge({ index: 2, text: pieces.value > 99 ? '99+' : String(pieces.value), ...nothing })
    else uni.removeTabBarBadge({ index: 2, ...nothing })
  }

  async function load(): Promise<void> {
    if (visit.known.kind === 'none') take(EMPTY)
    else take(await api.cart())
  }

  /** Put pieces into the bag; false when the shopper does not agree to be known. */
  async function add(product_id: string, sku_id: string, quantity: number): Promise<boolean> {
    if (!(await visit.ensureGuest())) return false
    take(await api.addToCart(sku_id, quantity))
    track('Product Added', { product_id, sku_id, quantity })
    return true
  }

  async function set(sku_id: string, quantity: number, selected: boolean): Promise<void> {
    take(await api.setInCart(sku_id, quantity, selected))
  }

  function showCount(count: number): void {
    pieces.value = count
    badge()
  }

  return { cart, pieces, buying, load, add, set, badge, showCount }
})
