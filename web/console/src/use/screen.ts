import { onBeforeUnmount, ref } from 'vue'

/** True while the media query matches. */
export function useMedia(query: string) {
  const list = matchMedia(query)
  const matches = ref(list.matches)
  const follow = () => (matches.value = list.matches)
  list.addEventListener('change', follow)
  onBeforeUnmount(() => list.removeEventListener('change', follow))
  return matches
}

export const usePhone = () => useMedia('(max-width: 720px)')

/** Milliseconds of a clock that ticks every second while the component lives. */
export function useTick(now: () => number) {
  const at = ref(now())
  const timer = setInterval(() => (at.value = now()), 1000)
  onBeforeUnmount(() => clearInterval(timer))
  return at
}
