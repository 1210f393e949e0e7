/** What stays on the device. Until the shopper agrees, only the choice itself and nothing else is written. */

const CHOICE = 'siyu.privacy'
const KEPT = ['siyu.locale', 'siyu.token', 'siyu.visitor', 'siyu.link', 'siyu.searches'] as const
export type KeptName = (typeof KEPT)[number]

export interface Choice {
  version: string
  accepted: boolean
}

let agreed = false

/** The choice made on this device, if any; whether it still counts depends on the text's version. */
export function readChoice(): Choice | null {
  const found = uni.getStorageSync(CHOICE) as Choice | ''
  return found && typeof found === 'object' ? found : null
}

/** Keep the choice; a refusal or a withdrawal also removes whatever else was kept. */
export function writeChoice(choice: Choice): void {
  uni.setStorageSync(CHOICE, choice)
  openShelf(choice.accepted)
  if (!choice.accepted) for (const name of KEPT) uni.removeStorageSync(name)
}

/** Whether other things may be written from now on. */
export function openShelf(yes: boolean): void {
  agreed = yes
}

export function keep(name: KeptName, value: unknown): void {
  if (!agreed) return
  if (value === '' || value === null) uni.removeStorageSync(name)
  else uni.setStorageSync(name, value)
}

export function kept<T>(name: KeptName): T | null {
  const found = uni.getStorageSync(name) as T | ''
  return found === '' || found === undefined ? null : found
}
