/** What stays on the device. Until the shopper agrees, only the choice itself and nothing else is written. */

const CHOICE = 'siyu.privacy'
const KEPT = ['siyu.locale', 'siyu.token', 'siyu.visitor', 'siyu.link', 'siyu.searches'] as const
export type KeptName = (typeof KEPT)[number]
const IN_TAB = ['siyu.buying'] as const
export type TabName = (typeof IN_TAB)[number]

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
  if (!choice.accepted) {
    for (const name of KEPT) uni.removeStorageSync(name)
    for (const name of IN_TAB) keepInTab(name, null)
  }
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

/** Keep what a reload must not lose, for as long as the tab is open. A mini-program knows neither reload nor tab. */
export function keepInTab(name: TabName, value: unknown): void {
  // #ifdef H5
  try {
    if (value === null) sessionStorage.removeItem(name)
    else if (agreed) sessionStorage.setItem(name, JSON.stringify(value))
  } catch {
    // The browser keeps nothing: then a reload begins anew, as it always did.
  }
  // #endif
}

export function keptInTab<T>(name: TabName): T | null {
  // #ifdef H5
  try {
    return JSON.parse(sessionStorage.getItem(name) ?? 'null') as T | null
  } catch {
    return null
  }
  // #endif
  // #ifdef MP-WEIXIN
  return null
  // #endif
}
