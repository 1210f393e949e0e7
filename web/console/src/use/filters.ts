import { computed, reactive, watch } from 'vue'
import { useRoute, useRouter } from 'vue-router'

type Filters = Record<string, string>

/**
 * Filters that live in the address: what is written there is shown, what is changed is written there. Those in `unwritten` may
 * hold names and phones of people; they lie in the entry of this tab's history instead, where Back finds them and nobody else.
 */
export function useFilters<F extends Filters>(defaults: F, unwritten: (keyof F & string)[] = []) {
  const route = useRoute()
  const router = useRouter()
  const path = route.path
  const filters = reactive({ ...defaults }) as F

  const take = () => {
    const own = (history.state as { filters?: Filters } | null)?.filters ?? {}
    for (const name in defaults) (filters as Filters)[name] = unwritten.includes(name) && own[name] !== undefined ? own[name] : typeof route.query[name] === 'string' ? (route.query[name] as string) : defaults[name]
  }
  take()
  watch(() => route.query, () => route.path === path && take())
  const keep = () => {
    if (unwritten.length) history.replaceState({ ...history.state, filters: Object.fromEntries(unwritten.map((name) => [name, filters[name]])) }, '')
    const others = Object.entries(route.query).filter(([name]) => !(name in defaults))
    const own = Object.entries(filters).filter(([name, value]) => value !== '' && value !== defaults[name] && !unwritten.includes(name))
    void router.replace({ query: Object.fromEntries([...others, ...own]) })
  }
  watch(filters, keep)
  if (unwritten.some((name) => name in route.query)) keep()
  return {
    filters,
    /** Filters that differ from the default, for saving as a view. */
    set: computed<Filters>(() => Object.fromEntries(Object.entries(filters).filter(([name, value]) => value !== defaults[name]))),
    /** The same without what must not be written down. */
    lasting: computed<Filters>(() => Object.fromEntries(Object.entries(filters).filter(([name, value]) => value !== defaults[name] && !unwritten.includes(name)))),
    use: (values: Filters) => {
      for (const name in defaults) (filters as Filters)[name] = values[name] ?? defaults[name]
    },
    clear: () => Object.assign(filters, defaults),
  }
}

/** The value, but only after it has rested for a moment: for search fields. */
export function useRested(source: () => string, milliseconds = 250) {
  const rested = reactive({ value: source() })
  let timer = 0
  watch(source, (next) => {
    clearTimeout(timer)
    timer = window.setTimeout(() => (rested.value = next), milliseconds)
  })
  return rested
}
