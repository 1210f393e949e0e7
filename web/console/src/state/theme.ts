import { ref } from 'vue'

export type Theme = 'light' | 'dark'
const KEY = 'siyu.theme'

export const theme = ref<Theme>('light')

/** Paper by day, ink by night; `theme-mode` on the root element is what both our tokens and TDesign listen to. */
export function showTheme(next: Theme): void {
  theme.value = next
  document.documentElement.setAttribute('theme-mode', next)
  localStorage.setItem(KEY, next)
}

export function firstTheme(): Theme {
  const kept = localStorage.getItem(KEY)
  if (kept === 'light' || kept === 'dark') return kept
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'
}
