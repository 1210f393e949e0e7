import { MessagePlugin } from 'tdesign-vue-next'
import { ref, shallowRef } from 'vue'
import { ActionKey } from '@/api/keys'
import { problemText } from './problem'

/** Says in one line that something was done. */
export const tell = (text: string) => void MessagePlugin.success({ content: text, duration: 3500 })

/** Says in one line that something was not done, and why. */
export const warn = (cause: unknown) => void MessagePlugin.error({ content: problemText(cause), duration: 6000, closeBtn: true })

/**
 * One action a person can start: `run` resolves to its answer, or to undefined when it was refused (the problem is in `problem`,
 * and also told unless `quiet`). The key stays the same while the same body is tried again.
 */
export function useAct<A extends unknown[], R>(action: (key: string, ...values: A) => Promise<R>, options: { done?: (answer: R) => string | void; quiet?: boolean } = {}) {
  const busy = ref(false)
  const problem = shallowRef<unknown>(null)
  const key = new ActionKey()
  async function run(...values: A): Promise<R | undefined> {
    if (busy.value) return undefined
    busy.value = true
    problem.value = null
    try {
      const answer = await action(key.for(values), ...values)
      key.done()
      const text = options.done?.(answer)
      if (text) tell(text)
      return answer
    } catch (cause) {
      problem.value = cause
      if (!options.quiet) warn(cause)
      return undefined
    } finally {
      busy.value = false
    }
  }
  return { run, busy, problem }
}
