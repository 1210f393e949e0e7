import { onBeforeUnmount, onMounted, ref } from 'vue'
import { onBeforeRouteLeave, useRoute } from 'vue-router'
import { lastPerson, session } from '@/state/session'
import { plainCopy } from './plain'

/** Work that was unsaved when a session ended, by person and address; it lasts as long as the tab is open. */
const kept = new Map<string, unknown>()
let asks: (() => Promise<boolean>) | undefined

/** Asks as leaving the page would; resolves to true when nothing is unsaved or the person lets it go. */
export const mayLeave = (): Promise<boolean> => asks?.() ?? Promise.resolve(true)

/**
 * Keeps unsaved work: leaving the page asks first. `asking` opens the question; `go` and `stay` answer it. A session that ends asks
 * nothing: `work` is put aside, and `takeBack` gives it to the same person on the same page once.
 */
export function useLeaveGuard<W>(dirty: () => boolean, work: () => W) {
  const asking = ref(false)
  const route = useRoute()
  const key = (path: string) => `${lastPerson()} ${path}`
  let letGo = false
  let answer: ((leave: boolean) => void) | undefined
  const beforeUnload = (event: BeforeUnloadEvent) => dirty() && event.preventDefault()
  const ask = async () => {
    if (!dirty()) return true
    answer?.(false)
    letGo = false
    asking.value = true
    return new Promise<boolean>((resolve) => (answer = resolve))
  }
  onMounted(() => {
    asks = ask
    addEventListener('beforeunload', beforeUnload)
  })
  onBeforeUnmount(() => {
    if (asks === ask) asks = undefined
    removeEventListener('beforeunload', beforeUnload)
  })
  onBeforeRouteLeave((_to, from) => {
    if (session.value) return ask()
    if (dirty() && !letGo) kept.set(key(from.path), plainCopy(work()))
    asking.value = false
    return true
  })
  const settle = (leave: boolean) => {
    asking.value = false
    letGo = leave
    answer?.(leave)
  }
  function takeBack(): W | undefined {
    const found = kept.get(key(route.path)) as W | undefined
    kept.delete(key(route.path))
    return found
  }
  return { asking, go: () => settle(true), stay: () => settle(false), takeBack }
}
