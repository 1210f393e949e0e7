/** Which combinations of options exist and can be bought. Pure. */
import type { ShopProduct, ShopSku } from '@client'

export type Chosen = Record<string, string>

/** The one SKU that what is chosen names, once every option has a value. */
export function skuOf(product: ShopProduct, chosen: Chosen): ShopSku | null {
  if (product.options.some((option) => !chosen[option.id])) return null
  const wanted = product.options.map((option) => chosen[option.id])
  return product.skus.find((sku) => wanted.every((value) => sku.option_value_ids.includes(value))) ?? null
}

/** Whether a value leads to at least one piece, with what is chosen of the other options. */
export function offered(product: ShopProduct, chosen: Chosen, option: string, value: string): boolean {
  const others = product.options.filter((one) => one.id !== option && chosen[one.id]).map((one) => chosen[one.id])
  return product.skus.some((sku) => sku.free > 0 && [value, ...others].every((one) => sku.option_value_ids.includes(one)))
}

/** Choose a value; choosing it again takes it back. */
export function choose(chosen: Chosen, option: string, value: string): Chosen {
  const next = { ...chosen }
  if (next[option] === value) delete next[option]
  else next[option] = value
  return next
}

/** What is chosen before the shopper says anything: values of options that have only one. */
export function obvious(product: ShopProduct): Chosen {
  return Object.fromEntries(product.options.filter((one) => one.values.length === 1).map((one) => [one.id, one.values[0].id]))
}
