import { useI18n } from 'vue-i18n'

/** Sources a link can carry; visits without a link are `direct`. */
export const SOURCES = [
  'wechat_moments', 'wechat_group', 'wechat_chat', 'wecom', 'official_account', 'mini_program', 'store_code', 'guide', 'sms', 'email', 'print', 'parcel', 'live', 'partner', 'other',
]

/** Where orders may come from: links, visits without one, and other channels of the brand. */
export const ORIGINS = ['direct', ...SOURCES, 'store', 'wechat_shop', 'tmall', 'taobao', 'jd', 'douyin', 'kuaishou', 'xiaohongshu', 'weibo']

/** Name of a source in the reader's language; unknown ones are shown as they came. */
export function useSourceName() {
  const { t, te } = useI18n()
  return (source: string) => (te(`sources.${source || 'direct'}`) ? t(`sources.${source || 'direct'}`) : source)
}
