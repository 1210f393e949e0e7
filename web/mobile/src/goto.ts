/** Ways through the app. */
import type { LinkTarget } from '@client'

const TABS = ['/pages/home/index', '/pages/category/index', '/pages/cart/index', '/pages/me/index']

/** Open a page of the app; tabs are switched to. */
export function open(path: string): void {
  if (TABS.includes(path)) uni.switchTab({ url: path })
  else uni.navigateTo({ url: path })
}

/** Go on without a way back to this page, e.g. from checkout to the cashier. */
export function replace(path: string): void {
  if (TABS.includes(path)) uni.switchTab({ url: path })
  else uni.redirectTo({ url: path })
}

/** One page back, or home when this was the first. */
export function back(): void {
  if (getCurrentPages().length > 1) uni.navigateBack()
  else uni.switchTab({ url: TABS[0] })
}

let wanted = ''

/** The category tab cannot take a parameter when it is switched to: it picks the wish up here, once. */
export function takeWantedCategory(): string {
  const id = wanted
  wanted = ''
  return id
}

export function openCategory(id: string): void {
  wanted = id
  uni.switchTab({ url: TABS[1] })
}

export function openProduct(id: string): void {
  open(`/pages/product/index?id=${encodeURIComponent(id)}`)
}

/** Follow what a merchant linked to. */
export function follow(link: LinkTarget): void {
  if (link.kind === 'product') openProduct(link.id)
  else if (link.kind === 'category') openCategory(link.id)
  else if (link.kind === 'page') open('/pages/home/index')
}
