import { computed, reactive, watch } from 'vue'
import { useRoute, useRouter } from 'vue-router'

type Filters = Record<string, string>

/** Filters that live in the address: what is written there is shown, what is changed is written there. */
export function useFilters<F extends Filters>(defaults: F) {
  const route = useRoute()
  const router = useRouter()
  const path = route.path
  const filters = reactive({ ...defaults }) as F

  const take = () => {
    for (const name in defaults) (filters as Filters)[name] = typeof route.query[name] === 'string' ? (route.query[name] as string) : defaults[name]
  }
  take()
  watch(() => route.query, () => route.path === path && take())
  watch(filters, () => {
    const others = Object.entries(route.query).filter(([name]) => !(name in defaults))
    const own = Object.entries(filters).filter(([name, value]) => value !== '' && value !== defaults[name])
    void router.replace({ query: Object.fromEntries([...others, ...own]) })
  })
  return {
    filters,
    /** Filters that differ from the default, for saving as a view. */
    set: computed<Filters>(() => Object.fromEntries(Object.entries(filters).filter(([name, value]) => value !== defaults[name]))),
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
