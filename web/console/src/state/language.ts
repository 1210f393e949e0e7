import { createI18n } from 'vue-i18n'
import { ref } from 'vue'

export type Locale = 'zh-CN' | 'en'
export const LOCALES: Locale[] = ['zh-CN', 'en']

const LOADERS = { 'zh-CN': () => import('virtual:texts/zh-CN'), en: () => import('virtual:texts/en') }
const LATER = { 'zh-CN': () => import('virtual:texts/zh-CN/later'), en: () => import('virtual:texts/en/later') }
let whole = false
const KEY = 'siyu.locale'

/** English counts: «1 order(s)» and «1 (is/are) left» are said by the figure before them. */
export function counted(text: string): string {
  let figure = ''
  return text.replace(/[\d,.]*\d|\(s\)|\((\w+)\/(\w+)\)/g, (found: string, one?: string, many?: string) => {
    if (found[0] !== '(') return (figure = found)
    return figure === '1' ? (one ?? '') : (many ?? 's')
  })
}

export const i18n = createI18n({
  legacy: false,
  locale: 'zh-CN',
  fallbackWarn: false,
  missingWarn: import.meta.env.DEV,
  postTranslation: (text) => (typeof text === 'string' && text.includes('(') ? counted(text) : text),
})
export const locale = ref<Locale>('zh-CN')

/** The language to start with: the last choice on this machine, else the browser's, else Chinese. */
export function firstLocale(): Locale {
  const kept = localStorage.getItem(KEY)
  if (kept === 'zh-CN' || kept === 'en') return kept
  return navigator.language.toLowerCase().startsWith('en') ? 'en' : 'zh-CN'
}

async function loadLater(of: Locale): Promise<void> {
  if ('audit' in i18n.global.getLocaleMessage(of)) return
  i18n.global.mergeLocaleMessage(of, (await LATER[of]()).default)
}

/** Loads the texts that the home page does without; awaited before any other page shows. */
export async function loadAllTexts(): Promise<void> {
  whole = true
  await loadLater(locale.value)
}

/** Loads the texts of a language and shows it everywhere. */
export async function showLocale(next: Locale): Promise<void> {
  if (!i18n.global.availableLocales.includes(next) || !Object.keys(i18n.global.getLocaleMessage(next)).length) {
    i18n.global.setLocaleMessage(next, (await LOADERS[next]()).default)
  }
  if (whole) await loadLater(next)
  i18n.global.locale.value = next
  locale.value = next
  localStorage.setItem(KEY, next)
  document.documentElement.lang = next
}
