import { onScopeDispose, toValue, watch, type MaybeRefOrGetter } from 'vue'
import { serverNow } from '@/state/session'

const LONGEST = 2 ** 31 - 1

/** Calls once the house's clock has passed a moment, while the page is open; a new moment replaces the old. */
export function useWhenPassed(moment: MaybeRefOrGetter<string | null | undefined>, call: () => void) {
  let timer = 0
  watch(() => toValue(moment), (iso) => {
    clearTimeout(timer)
    const wait = iso ? Date.parse(iso) - serverNow() : -1
    if (wait > 0 && wait < LONGEST) timer = window.setTimeout(call, wait + 400)
  }, { immediate: true })
  onScopeDispose(() => clearTimeout(timer))
}
