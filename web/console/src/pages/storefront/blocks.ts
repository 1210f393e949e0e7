import type { Block, LocaleText, ProductSource } from '@client'
import { localId } from '@/api/keys'

export const KINDS = ['banner', 'categories', 'product_row', 'product_grid', 'text_image', 'store'] as const
export type Kind = (typeof KINDS)[number]
export type BannerItem = Extract<Block, { type: 'banner' }>['items'][number]

export const newest = (limit: number): ProductSource => ({ kind: 'newest', ids: [], category_id: null, limit })
export const emptyItem = (): BannerItem => ({ image: null, image_id: null, eyebrow: {}, title: {}, text: {}, link: { kind: 'none', id: '' }, link_text: {} })

/** A new block of a kind with a sensible beginning. */
export function newBlock(kind: Kind, title: LocaleText): Block {
  const id = localId()
  switch (kind) {
    case 'banner': return { type: kind, id, items: [emptyItem()] }
    case 'categories': return { type: kind, id, category_ids: [] }
    case 'product_row': return { type: kind, id, title, source: newest(8) }
    case 'product_grid': return { type: kind, id, title, source: newest(6) }
    case 'text_image': return { type: kind, id, title, text: {}, image_id: null, image: null, side: 'top' }
    case 'store': return { type: kind, id, title, unit_ids: [] }
  }
}
