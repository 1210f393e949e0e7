/** What the shop says on the wire. Texts are in the locale asked for; amounts in minor units; instants in UTC (ISO 8601). */

export interface Problem {
  status: number
  code: string
  title: string
  detail: string
  facts: Record<string, unknown>
  errors?: { path: string; message: string }[]
}

export interface Page<T> {
  items: T[]
  next: string | null
}

export interface List<T> {
  items: T[]
}

export interface ImageOut {
  id: string
  alt: Record<string, string>
  url: string
  /** Widths in pixels ("200", "400", "800") to addresses. */
  sizes: Record<string, string>
  generated: boolean
}

export interface ShopOut {
  name: string
  slug: string
  locales: string[]
  locale: string
  currency: string
  theme_color: string
  privacy_text: string
  privacy_version: string
  service_phone: string
  is_demo: boolean
  unpaid_timeout_minutes: number
  write_key: string
  demo_inbox: boolean
}

export interface ShopSessionOut {
  kind: 'none' | 'guest' | 'customer'
  token: string | null
  csrf_token: string
  customer: { id: string; name: string; phone_masked: string; joined_at: string } | null
  cart_quantity: number
  order_counts: Record<string, number>
}

export interface LinkTarget {
  kind: 'none' | 'product' | 'category' | 'page'
  id: string
}

export interface ShopCategory {
  id: string
  parent_id: string | null
  name: string
  image: ImageOut | null
  product_count: number
}

export interface StoreOut {
  id: string
  name: string
  address: string
  phone: string
  hours: string
  district: string
  latitude: number | null
  longitude: number | null
  pick_up: boolean
}

export interface ProductCard {
  id: string
  handle: string
  title: string
  subtitle: string
  image: ImageOut | null
  price_minor: number
  price_max_minor: number
  list_price_minor: number | null
  sold_out: boolean
  only_left: number | null
}

export interface ProductCardPage extends Page<ProductCard> {
  total: number
}

export interface ShopSku {
  id: string
  code: string
  option_value_ids: string[]
  price_minor: number
  list_price_minor: number | null
  /** Pieces that can be bought now, at most 99 are told. */
  free: number
  image_id: string | null
}

export interface ShopOption {
  id: string
  name: string
  values: { id: string; name: string }[]
}

export interface ShopProduct extends ProductCard {
  description_html: string
  images: ImageOut[]
  attributes: { name: string; value: string }[]
  options: ShopOption[]
  skus: ShopSku[]
  kind: string
  pick_up_stores: number
  ship_within_hours: number
}

export interface BannerItem {
  image: ImageOut | null
  eyebrow: string
  title: string
  text: string
  link: LinkTarget
  link_text: string
}

export type BannerBlock = { type: 'banner'; id: string; items: BannerItem[] }
export type CategoriesBlock = { type: 'categories'; id: string; items: ShopCategory[] }
export type ProductsBlock = {
  type: 'product_row' | 'product_grid'
  id: string
  title: string
  more: LinkTarget
  items: ProductCard[]
}
export type TextImageBlock = {
  type: 'text_image'
  id: string
  title: string
  text: string
  image: ImageOut | null
  side: 'left' | 'right' | 'top'
}
export type StoreBlock = { type: 'store'; id: string; title: string; items: StoreOut[] }
export type ShopBlock = BannerBlock | CategoriesBlock | ProductsBlock | TextImageBlock | StoreBlock

export interface ShopPageOut {
  title: string
  blocks: ShopBlock[]
}

export interface RegionOut {
  code: string
  name: string
  is_district: boolean
}

export interface AddressIn {
  recipient: string
  phone: string
  district_code: string
  street: string
  is_default: boolean
}

export interface AddressOut extends AddressIn {
  id: string
  region_names: string[]
}

export interface CartLineOut {
  sku_id: string
  product_id: string
  title: string
  option_label: string
  image: ImageOut | null
  quantity: number
  selected: boolean
  price_minor: number
  list_price_minor: number | null
  free: number
  problem: null | 'off_sale' | 'sold_out' | 'not_enough'
}

export interface CartOut {
  lines: CartLineOut[]
  selected_quantity: number
  selected_minor: number
}

export type Delivery = 'express' | 'pick_up'

export interface QuoteIn {
  lines: { sku_id: string; quantity: number }[]
  delivery: Delivery
  district_code: string | null
  store_id: string | null
}

export interface PriceStep {
  stage: string
  label: string
  amount_minor: number
  note: string
}

export interface QuoteLineOut {
  sku_id: string
  title: string
  option_label: string
  image: ImageOut | null
  quantity: number
  unit_minor: number
  line_minor: number
}

export interface QuoteOut {
  lines: QuoteLineOut[]
  waterfall: PriceStep[]
  goods_minor: number
  freight_minor: number
  total_minor: number
  quote_hash: string
}

export interface PlaceOrderIn {
  lines: { sku_id: string; quantity: number }[]
  delivery: Delivery
  address_id: string | null
  store_id: string | null
  note: string
  expected_total_minor: number
  from_cart: boolean
  link: string | null
}

export interface PlacedOut {
  id: string
  number: string
  state: 'unpaid'
  total_minor: number
  pay_by: string
}

export type OrderState = 'unpaid' | 'paid' | 'shipped' | 'ready' | 'completed' | 'cancelled' | 'refunded'

export interface ShopOrderLine {
  title: string
  option_label: string
  image: ImageOut | null
  quantity: number
  unit_minor: number
}

export interface ShopOrderRow {
  id: string
  number: string
  state: OrderState
  placed_at: string
  pay_by: string | null
  total_minor: number
  quantity: number
  lines: ShopOrderLine[]
  delivery: Delivery
}

export interface ShopOrder extends ShopOrderRow {
  paid_at: string | null
  recipient: AddressOut | null
  pick_up_store: StoreOut | null
  pick_up_code: string | null
  waterfall: PriceStep[]
  goods_minor: number
  freight_minor: number
  paid_minor: number
  refunded_minor: number
  parcels: { carrier_name: string; tracking_number: string; shipped_at: string; signed_at: string | null }[]
  timeline: { at: string; text: string }[]
  customer_note: string
  may: ('pay' | 'cancel' | 'received')[]
}

export interface PayOut {
  payment_id: string
  cashier_url: string
}

export type PaymentState = 'started' | 'succeeded' | 'failed' | 'closed'
export type Outcome = 'pay' | 'fail' | 'delay' | 'twice'

export interface CashierOut {
  amount_minor: number
  order_number: string
  order_id: string
  state: PaymentState
  expires_at: string | null
}

export interface OutcomeOut {
  state: PaymentState
  return_url: string
}
