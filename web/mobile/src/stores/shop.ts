/** The shop's face: name, colour, languages, privacy text. */
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { credentials } from '@/api/request'
import * as api from '@/api/shop'
import type { ShopOut } from '@client'
import { i18n, LOCALES, type Locale } from '@/i18n'
import { day, money, moment } from '@/money'
import { keep, kept } from './shelf'

/** The device's own language, without asking for anything that identifies it. */
function deviceLanguage(): string {
  // #ifdef H5
  return navigator.language
  // #endif
  // #ifdef MP-WEIXIN
  return uni.getAppBaseInfo().language ?? ''
  // #endif
}

export const useShop = defineStore('shop', () => {
  const info = ref<ShopOut | null>(null)
  const locale = computed(() => i18n.global.locale.value as Locale)
  const theme = computed(() => (/^#[0-9a-f]{6}$/i.test(info.value?.theme_color ?? '') ? `--brand:${info.value?.theme_color}` : ''))
  let loading: Promise<ShopOut> | null = null

  /** The shop's facts, asked for once per language; a failure is asked again next time. */
  function load(): Promise<ShopOut> {
    loading ??= api.shop().then(
      (found) => {
        info.value = found
        return found
      },
      (error: unknown) => {
        loading = null
        throw error
      },
    )
    return loading
  }

  /** Take the language kept on the device, else the device's own. */
  function beginLocale(): void {
    const found = kept<string>('siyu.locale')
    const device = deviceLanguage()
    speak((LOCALES.includes(found as Locale) ? found : device.toLowerCase().startsWith('zh') || !device ? 'zh-CN' : 'en') as Locale)
  }

  function speak(next: Locale): void {
    i18n.global.locale.value = next
    credentials.locale = next
    // #ifdef H5
    document.documentElement.lang = next
    // #endif
  }

  /** Change the language; what the shop said in the old one is asked for again. */
  async function changeLocale(next: Locale): Promise<void> {
    speak(next)
    keep('siyu.locale', next)
    loading = null
    await load()
  }

  const yuan = (minor: number) => money(minor, info.value?.currency ?? 'CNY')
  const when = (instant: string | null) => moment(instant, locale.value)

  const onDay = (instant: string) => day(instant, locale.value)

  return { info, locale, theme, load, beginLocale, changeLocale, yuan, when, onDay }
})
