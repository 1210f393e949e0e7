import type { BannerBlock, BannerItem as KeptItem, Block as KeptBlock, ImageOut, LocaleText, ProductSource, TextImageBlock } from '@client'
import { localId } from '@/api/keys'

export const KINDS = ['banner', 'categories', 'product_row', 'product_grid', 'text_image', 'store'] as const
export type Kind = (typeof KINDS)[number]
interface Pictured { image: ImageOut | null }
export type BannerItem = KeptItem & Pictured
/** A block as it is edited: with the pictures behind its ids. */
export type Block = Exclude<KeptBlock, BannerBlock | TextImageBlock> | (Omit<BannerBlock, 'items'> & { items: BannerItem[] }) | (TextImageBlock & Pictured)

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

/** Blocks as they are edited: with the pictures behind their ids, and every text present. */
export function withPictures(blocks: (KeptBlock | Block)[], pictures: Record<string, ImageOut>): Block[] {
  const picture = (id: string | null | undefined) => (id ? (pictures[id] ?? null) : null)
  const given = (one: object) => ('image' in one ? (one.image as ImageOut | null) : null)
  return blocks.map((block) => {
    if (block.type === 'banner') return { ...block, items: block.items.map((item) => ({ ...emptyItem(), ...item, link: { ...item.link }, image: picture(item.image_id) ?? given(item) })) }
    if (block.type === 'text_image') return { ...block, image: picture(block.image_id) ?? given(block) }
    return block
  })
}

/** Blocks as the server keeps them: pictures by id only. */
export function withoutPictures(blocks: Block[]): KeptBlock[] {
  return blocks.map((block) => {
    if (block.type === 'banner') return { ...block, items: block.items.map(({ image: _image, ...item }) => item) }
    if (block.type !== 'text_image') return block
    const { image: _image, ...rest } = block
    return rest
  })
}
