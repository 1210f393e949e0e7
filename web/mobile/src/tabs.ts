import { i18n } from '@/i18n'

const KEYS = ['tab.home', 'tab.category', 'tab.cart', 'tab.me']

/** Name the tabs in the language of the app. Away from the tabs there is no bar to name; `usePage` does it there. */
export function nameTabs(): void {
  KEYS.forEach((key, index) => uni.setTabBarItem({ index, text: i18n.global.t(key), fail: () => undefined }))
}
