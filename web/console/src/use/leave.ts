import { onBeforeUnmount, onMounted, ref } from 'vue'
import { onBeforeRouteLeave } from 'vue-router'

/** Keeps unsaved work: leaving the page asks first. `asking` opens the question; `go` and `stay` answer it. */
export function useLeaveGuard(dirty: () => boolean) {
  const asking = ref(false)
  let answer: ((leave: boolean) => void) | undefined
  const beforeUnload = (event: BeforeUnloadEvent) => dirty() && event.preventDefault()
  onMounted(() => addEventListener('beforeunload', beforeUnload))
  onBeforeUnmount(() => removeEventListener('beforeunload', beforeUnload))
  onBeforeRouteLeave(() => {
    if (!dirty()) return true
    asking.value = true
    return new Promise<boolean>((resolve) => (answer = resolve))
  })
  const settle = (leave: boolean) => {
    asking.value = false
    answer?.(leave)
  }
  return { asking, go: () => settle(true), stay: () => settle(false) }
}
