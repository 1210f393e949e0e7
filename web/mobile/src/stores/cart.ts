/** The shopping bag, and the figure on its tab. */
import { defineStore } from 'pinia'
import { ref } from 'vue'
import * as api from '@/api/shop'
import type { CartOut } from '@client'
import { track } from '@/tracking'
import { useVisit } from './visit'

const EMPTY: CartOut = { lines: [], selected_quantity: 0, selected_minor: 0 }

export const useCart = defineStore('cart', () => {
  const visit = useVisit()
  const cart = ref<CartOut>(EMPTY)
  const pieces = ref(0)
  /** What checkout is about: lines of the bag, or one thing bought at once. */
  const buying = ref<{ lines: { sku_id: string; quantity: number }[]; fromCart: boolean } | null>(null)

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
