import type { ImageOut } from '@client'

const WIDTHS = [200, 400, 800]

/** The smallest kept size of a picture that is sharp at `width` CSS pixels on this screen. */
export function pictureAt(image: ImageOut | null, width: number): string {
  if (!image) return ''
  const wanted = width * Math.min(2, uni.getWindowInfo().pixelRatio || 2)
  const fit = WIDTHS.find((size) => size >= wanted && image.sizes[size]) ?? [...WIDTHS].reverse().find((size) => image.sizes[size])
  return (fit && image.sizes[fit]) || image.url
}

/** What the picture shows, for those who cannot see it. */
export function pictureAlt(image: ImageOut | null, locale: string, otherwise: string): string {
  return image?.alt[locale] || image?.alt['zh-CN'] || otherwise
}
