import type { ImageOut, LocaleText, ProductIn, ProductOut, ProductStatus } from '@client'
import { localId } from '@/api/keys'
import { plainCopy } from '@/use/plain'

/** A product while it is being written: options and SKUs hang together by value keys, so that both can be edited freely. */
export interface DraftValue { key: string; name: LocaleText }
export interface DraftOption { key: string; name: LocaleText; values: DraftValue[] }
export interface DraftSku { values: string[]; code: string; price_minor: number | null; list_price_minor: number | null; weight_g: number; barcode: string; on_hand: number | null; stored: number | null; free: number | null }
export interface Draft {
  version: number
  handle: string
  title: LocaleText
  subtitle: LocaleText
  description_html: LocaleText
  status: ProductStatus
  on_sale_at: string | null
  off_at: string | null
  category_ids: string[]
  tags: string[]
  attributes: { name: LocaleText; value: LocaleText }[]
  options: DraftOption[]
  skus: DraftSku[]
  images: ImageOut[]
  kind: 'goods' | 'service'
  freight_template_id: string | null
}

const emptySku = (values: string[]): DraftSku => ({ values, code: '', price_minor: null, list_price_minor: null, weight_g: 0, barcode: '', on_hand: null, stored: null, free: null })

export const newDraft = (): Draft => ({
  version: 0, handle: '', title: {}, subtitle: {}, description_html: {}, status: 'draft', on_sale_at: null, off_at: null, category_ids: [], tags: [], attributes: [], options: [], skus: [emptySku([])],
  images: [], kind: 'goods', freight_template_id: null,
})

export function draftOf(product: ProductOut): Draft {
  const skus = product.skus.map((sku) => ({
    values: sku.option_value_ids, code: sku.code, price_minor: sku.price_minor, list_price_minor: sku.list_price_minor, weight_g: sku.weight_g, barcode: sku.barcode, on_hand: null, stored: sku.on_hand, free: sku.free,
  }))
  return {
    ...plainCopy({ ...product, images: [], options: [], skus: [] }),
    options: product.options.map((option) => ({ key: option.id, name: option.name, values: option.values.map((value) => ({ key: value.id, name: value.name })) })),
    skus: skus.length ? skus : [emptySku([])],
    images: product.images,
  }
}

/** Every combination of one value per option; without options one empty combination. */
export function combinations(options: DraftOption[]): string[][] {
  return options.filter((option) => option.values.length).reduce<string[][]>((rows, option) => rows.flatMap((row) => option.values.map((value) => [...row, value.key])), [[]])
}

/** The SKU matrix for the present options; a combination that shares the most values with an old one keeps its figures. */
export function matrix(options: DraftOption[], old: DraftSku[]): DraftSku[] {
  return combinations(options).map((values) => {
    const exact = old.find((sku) => sku.values.length === values.length && values.every((value) => sku.values.includes(value)))
    if (exact) return { ...exact, values }
    const near = old.find((sku) => sku.values.some((value) => values.includes(value))) ?? old[0]
    return { ...emptySku(values), price_minor: near?.price_minor ?? null, list_price_minor: near?.list_price_minor ?? null, weight_g: near?.weight_g ?? 0 }
  })
}

export const addOption = (): DraftOption => ({ key: localId(), name: {}, values: [] })
export const addValue = (text: string, locale: string): DraftValue => ({ key: localId(), name: { [locale]: text } })

/** What is still missing before it can be sold; keys of texts under products.missing. */
export function missing(draft: Draft): string[] {
  const lacks: string[] = []
  if (!Object.values(draft.title).some((text) => text.trim())) lacks.push('title')
  if (draft.skus.some((sku) => sku.price_minor === null)) lacks.push('price')
  if (draft.skus.some((sku) => sku.list_price_minor !== null && sku.price_minor !== null && sku.list_price_minor < sku.price_minor)) lacks.push('list_price')
  if (draft.options.some((option) => !option.values.length || !Object.values(option.name).some((text) => text.trim()))) lacks.push('option')
  const codes = draft.skus.map((sku) => sku.code.trim()).filter(Boolean)
  if (new Set(codes).size < codes.length) lacks.push('codes')
  if (draft.status === 'scheduled' && !draft.on_sale_at) lacks.push('schedule')
  return lacks
}

/** The body the server takes. */
export function bodyOf(draft: Draft): ProductIn {
  const options = draft.options.filter((option) => option.values.length)
  return {
    version: draft.version, handle: draft.handle.trim(), title: draft.title, subtitle: draft.subtitle, description_html: draft.description_html, status: draft.status, on_sale_at: draft.on_sale_at, off_at: draft.off_at,
    category_ids: draft.category_ids, tags: draft.tags, attributes: draft.attributes, kind: draft.kind, freight_template_id: draft.freight_template_id, image_ids: draft.images.map((image) => image.id),
    options: options.map((option) => ({ name: option.name, values: option.values.map((value) => value.name) })),
    skus: draft.skus.map((sku) => ({
      code: sku.code.trim(), option_values: options.map((option) => option.values.findIndex((value) => sku.values.includes(value.key))), price_minor: sku.price_minor ?? 0, list_price_minor: sku.list_price_minor,
      weight_g: sku.weight_g, barcode: sku.barcode.trim(), ...(sku.on_hand === null ? {} : { on_hand: sku.on_hand }),
    })),
  }
}
