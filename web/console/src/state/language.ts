import { createI18n } from 'vue-i18n'
import { ref } from 'vue'

export type Locale = 'zh-CN' | 'en'
export const LOCALES: Locale[] = ['zh-CN', 'en']

const LOADERS = { 'zh-CN': () => import('virtual:texts/zh-CN'), en: () => import('virtual:texts/en') }
const KEY = 'siyu.locale'

export const i18n = createI18n({ legacy: false, locale: 'zh-CN', fallbackWarn: false, missingWarn: import.meta.env.DEV })
export const locale = ref<Locale>('zh-CN')

/** The language to start with: the last choice on this machine, else the browser's, else Chinese. */
export function firstLocale(): Locale {
  const kept = localStorage.getItem(KEY)
  if (kept === 'zh-CN' || kept === 'en') return kept
  return navigator.language.toLowerCase().startsWith('en') ? 'en' : 'zh-CN'
}

/** Loads the texts of a language and shows it everywhere. */
export async function showLocale(next: Locale): Promise<void> {
  if (!i18n.global.availableLocales.includes(next) || !Object.keys(i18n.global.getLocaleMessage(next)).length) {
    i18n.global.setLocaleMessage(next, (await LOADERS[next]()).default)
  }
  i18n.global.locale.value = next
  locale.value = next
  localStorage.setItem(KEY, next)
  document.documentElement.lang = next
}
