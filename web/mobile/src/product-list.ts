/** Products page by page, as a list that grows at its end. */
import { ref } from 'vue'
import { products, type ProductsAsked } from '@/api/shop'
import type { ProductCard } from '@client'
import { said } from '@/problems'

export function useProductList() {
  const items = ref<ProductCard[] | null>(null)
  const total = ref(0)
  const problem = ref('')
  const loading = ref(false)
  let asked: ProductsAsked = {}
  let next: string | null = null
  let turn = 0

  /** Start over with another question; answers to earlier ones are dropped. */
  async function find(question: ProductsAsked): Promise<void> {
    asked = question
    next = null
    items.value = null
    await page()
  }

  /** The next page, if there is one. */
  async function more(): Promise<void> {
    if (next && !loading.value) await page()
  }

  async function page(): Promise<void> {
    const mine = (turn += 1)
    loading.value = true
    problem.value = ''
    try {
      const found = await products({ ...asked, cursor: next, limit: 20 })
      if (mine !== turn) return
      items.value = [...(next ? (items.value ?? []) : []), ...found.items]
      next = found.next
      total.value = found.total
    } catch (error) {
      if (mine === turn) problem.value = said(error)
    } finally {
      if (mine === turn) loading.value = false
    }
  }

  return { items, total, problem, loading, find, more, again: () => find(asked) }
}
