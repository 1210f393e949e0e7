/** The shop's endpoints, one function each. All reject with `Refused`. */
import { ask } from './request'
import type {
  AddressIn, AddressListOut, AddressOut, CartOut, CashierOut, CashierOutcome, CodeSentOut, DemoInboxOut, OutcomeOut, PayOut, PickUpStoresOut, PlacedOut, PlaceOrderIn,
  ProductCardPage, QuoteIn, QuoteOut, RegionListOut, ShopCategoriesOut, ShopOrder, ShopOrderPage, ShopOut, ShopPageOut, ShopProduct,
  ShopSessionOut, StoresOut,
} from '@client'

const id = encodeURIComponent

export const shop = () => ask<ShopOut>('GET', '/shop')
export const homePage = () => ask<ShopPageOut>('GET', '/pages/home')
export const categories = () => ask<ShopCategoriesOut>('GET', '/categories')
export const stores = (pickUp?: boolean) => ask<StoresOut>('GET', '/stores', { query: { pick_up: pickUp } })

/** Stores that hand out orders, with what each has too few of; those that have everything come first. */
export const pickUpStores = (lines: { sku_id: string; quantity: number }[]) =>
  ask<PickUpStoresOut>('POST', '/stores/pick-up', { body: { lines } })

export interface ProductsAsked {
  q?: string
  category_id?: string
  sort?: 'newest' | 'price_up' | 'price_down'
  cursor?: string | null
  limit?: number
}
export const products = (asked: ProductsAsked) => ask<ProductCardPage>('GET', '/products', { query: { ...asked } })
export const product = (idOrHandle: string) => ask<ShopProduct>('GET', `/products/${id(idOrHandle)}`)

export const session = () => ask<ShopSessionOut>('GET', '/session')
export const beginGuest = (privacy_version: string, link: string | null) =>
  ask<ShopSessionOut>('POST', '/session/guest', { body: { privacy_version, link } })
export const sendCode = (phone: string) => ask<CodeSentOut>('POST', '/session/code', { body: { phone } })
export const verifyCode = (phone: string, code: string) =>
  ask<ShopSessionOut>('POST', '/session/verify', { body: { phone, code } })
export const endSession = () => ask<void>('DELETE', '/session')
export const changeMe = (body: { name?: string; locale?: string }) => ask<ShopSessionOut>('PATCH', '/me', { body })
export const demoInbox = (phone: string) =>
  ask<DemoInboxOut>('GET', '/demo-inbox', { query: { phone } })

export const regions = (parent: string) => ask<RegionListOut>('GET', '/regions', { query: { parent } })
export const addresses = () => ask<AddressListOut>('GET', '/addresses')
export const addAddress = (body: AddressIn, key: string) => ask<AddressOut>('POST', '/addresses', { body, key })
export const changeAddress = (which: string, body: AddressIn) => ask<AddressOut>('PUT', `/addresses/${id(which)}`, { body })
export const dropAddress = (which: string) => ask<void>('DELETE', `/addresses/${id(which)}`)

export const cart = () => ask<CartOut>('GET', '/cart')
export const addToCart = (sku_id: string, quantity: number) => ask<CartOut>('POST', '/cart/add', { body: { sku_id, quantity } })
export const setInCart = (sku_id: string, quantity: number, selected: boolean) =>
  ask<CartOut>('PUT', `/cart/${id(sku_id)}`, { body: { quantity, selected } })

export const quote = (body: QuoteIn) => ask<QuoteOut>('POST', '/quote', { body })
export const placeOrder = (body: PlaceOrderIn, key: string) => ask<PlacedOut>('POST', '/orders', { body, key })
export const orders = (state: string, cursor?: string | null) =>
  ask<ShopOrderPage>('GET', '/orders', { query: { state, cursor, limit: 10 } })
export const order = (which: string) => ask<ShopOrder>('GET', `/orders/${id(which)}`)
export const cancelOrder = (which: string, reason: string) =>
  ask<ShopOrder>('POST', `/orders/${id(which)}/cancel`, { body: { reason } })
export const confirmReceipt = (which: string) => ask<ShopOrder>('POST', `/orders/${id(which)}/received`)
export const pay = (which: string, key: string) => ask<PayOut>('POST', `/orders/${id(which)}/pay`, { key })
export const cashier = (payment: string) => ask<CashierOut>('GET', `/cashier/${id(payment)}`)
export const chooseOutcome = (payment: string, outcome: CashierOutcome) =>
  ask<OutcomeOut>('POST', `/cashier/${id(payment)}`, { body: { outcome } })
