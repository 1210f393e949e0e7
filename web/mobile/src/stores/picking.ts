/** What checkout lets other pages choose for it: an address, a store. */
import { defineStore } from 'pinia'
import { ref } from 'vue'
import type { AddressOut, StoreOut } from '@client'

export const usePicking = defineStore('picking', () => {
  const address = ref<AddressOut | null>(null)
  const store = ref<StoreOut | null>(null)
  return { address, store }
})
