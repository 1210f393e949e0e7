import { createI18n } from 'vue-i18n'
import en from './en.json'
import zh from './zh-CN.json'

export const LOCALES = ['zh-CN', 'en'] as const
export type Locale = (typeof LOCALES)[number]

// uni-app builds the mini-program with its own, older vue-i18n, which has to be told to put `$t` into templates.
export const i18n = createI18n({
  legacy: false,
  globalInjection: true,
  locale: 'zh-CN',
  fallbackLocale: 'zh-CN',
  messages: { 'zh-CN': zh, en },
})
