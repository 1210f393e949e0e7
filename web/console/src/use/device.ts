import { i18n } from '@/state/language'

const BROWSERS: [RegExp, string][] = [[/MicroMessenger\//, 'WeChat'], [/Edg\//, 'Edge'], [/OPR\//, 'Opera'], [/Firefox\//, 'Firefox'], [/Chrom(e|ium)\//, 'Chrome'], [/Safari\//, 'Safari'], [/^(curl|python|okhttp|node)/i, 'API']]
const SYSTEMS: [RegExp, string][] = [[/iPhone/, 'iPhone'], [/iPad/, 'iPad'], [/HarmonyOS|OpenHarmony/, 'HarmonyOS'], [/Android/, 'Android'], [/Windows/, 'Windows'], [/Macintosh|Mac OS/, 'macOS'], [/Linux|X11/, 'Linux']]

/** Browser and system by what a browser calls itself; it may lie, so this is a hint for people, nothing more. */
export function deviceName(agent: string): string {
  const of = (names: [RegExp, string][]) => names.find(([form]) => form.test(agent))?.[1]
  return [of(BROWSERS), of(SYSTEMS)].filter(Boolean).join(' · ') || i18n.global.t('me.unknown_device')
}
