import { computed, inject, onBeforeUnmount, provide, shallowReactive, watchEffect, type InjectionKey } from 'vue'

const UNREAD: InjectionKey<Set<symbol>> = Symbol('unread amounts')

/** How many amounts below this component are written so that they cannot be read; a form with any of them must not be saved. */
export function useUnreadAmounts() {
  const fields = shallowReactive(new Set<symbol>())
  provide(UNREAD, fields)
  return computed(() => fields.size)
}

/** Counts one field with the form above it as long as `unread` holds. */
export function useUnreadMark(unread: () => boolean) {
  const fields = inject(UNREAD, null)
  const mine = Symbol('field')
  watchEffect(() => (unread() ? fields?.add(mine) : fields?.delete(mine)))
  onBeforeUnmount(() => fields?.delete(mine))
}
