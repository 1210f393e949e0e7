import { useI18n } from 'vue-i18n'

/** Sources a link can carry; more may arrive with data. */
export const SOURCES = ['direct', 'guide', 'qr', 'store', 'wechat', 'wecom', 'moments', 'sms', 'community', 'live', 'weibo', 'douyin', 'xiaohongshu', 'ad']

/** Name of a source in the reader's language; unknown ones are shown as they came. */
export function useSourceName() {
  const { t, te } = useI18n()
  return (source: string) => (te(`sources.${source || 'direct'}`) ? t(`sources.${source || 'direct'}`) : source)
}
