/** The one place the front ends import wire types from: made from the server's document, with a few short names for its parts. */
import type { PageOut, ShopPageOut } from './types.gen'

export type * from './types.gen'

/** Merchant text by locale. */
export type LocaleText = Record<string, string>
/** A page of a list; `next` is the cursor of the following one. */
export interface Page<T> { items: T[]; next: string | null }
/** One block of a page, as it is edited. */
export type Block = PageOut['draft'][number]
/** One block of a page, as a phone shows it. */
export type ShopBlock = ShopPageOut['blocks'][number]
