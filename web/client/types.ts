// Shapes on the wire between the server and its front ends; names equal the OpenAPI component names.
// Times are ISO-8601 UTC, days YYYY-MM-DD in the brand's time zone, amounts integer minor units (*_minor).
export type LocaleText = Record<string, string>
export interface Problem { type: string; title: string; status: number; code: string; detail: string; facts: Record<string, unknown>; errors?: { path: string; message: string }[]; request_id: string }
export interface Page<T> { items: T[]; next: string | null }
export interface ImageOut { id: string; alt: LocaleText; url: string; sizes: Record<string, string>; generated: boolean } // sizes "200","400","800" -> absolute URL of WebP on the media origin


// ---------- console: session, staff, brand ----------
export interface SignInIn { login: string; password: string }
export interface SessionOut { staff: { id: string; name: string; login: string; roles: string[]; permissions: string[]; unit_id: string; unit_name: LocaleText; locale: string }
  brand: BrandOut; csrf_token: string; profile: 'demo' | 'production'; now: string; counts: Record<string, number> } // counts for section list: products, orders_to_ship, parked_events, jobs_running
export interface BrandOut { id: string; slug: string; name: LocaleText; currency: string; time_zone: string; locales: string[]; default_locale: string; is_demo: boolean; shop_url: string; theme_color: string; privacy: LocaleText; service_phone: string; unpaid_timeout_minutes: number; privacy_version: string; write_key: string }
export interface UnitOut { id: string; parent_id: string | null; kind: 'hq' | 'region' | 'dealer' | 'franchisee' | 'store'; code: string; name: LocaleText; path: string; store: StoreDetail | null; closed: boolean }
export interface StoreDetail { address: string; district_code: string; phone: string; hours: LocaleText; latitude: number | null; longitude: number | null; pick_up: boolean }
export interface StaffOut { id: string; login: string; name: string; roles: string[]; unit_id: string; unit_name: LocaleText; active: boolean; last_seen_at: string | null }
export interface RoleOut { code: string; name: LocaleText; permissions: string[]; masks: string[]; built_in: boolean; staff_count: number } // masks: fields hidden: phone,address,recipient,cost
export interface AuditOut { id: string; at: string; actor_id: string | null; actor_name: string; action: string; subject_kind: string; subject_id: string | null; subject_label: string; facts: Record<string, unknown>; request_id: string }


// ---------- console: jobs, parked events, files ----------
export interface JobOut { id: string; kind: string; title: LocaleText; state: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled'; step: LocaleText; done: number; total: number | null; rate_per_s: number | null; eta_s: number | null; failed: number; has_report: boolean; error: string | null; result: Record<string, unknown>; created_by: string; created_at: string; started_at: string | null; finished_at: string | null }
export interface ParkedOut { listener: string; subject: string; kind: string; first_seq: number; events: number; error: string; attempts: number; parked_at: string; subject_label: string }


// ---------- console: catalogue ----------
export interface ProductRowOut { id: string; handle: string; title: LocaleText; status: ProductStatus; image: ImageOut | null; sku_count: number; price_min_minor: number; price_max_minor: number; free: number; category_name: LocaleText | null; updated_at: string; on_sale_at: string | null; off_at: string | null }
export type ProductStatus = 'draft' | 'scheduled' | 'on_sale' | 'off'
export interface ProductPageOut { items: ProductRowOut[]; next: string | null; counts: Record<string, number> } // counts by status + all
export interface ProductOut { id: string; version: number; handle: string; title: LocaleText; subtitle: LocaleText; description_html: LocaleText; status: ProductStatus; on_sale_at: string | null; off_at: string | null; category_ids: string[]; tags: string[]; attributes: { name: LocaleText; value: LocaleText }[]; options: OptionOut[]; skus: SkuOut[]; images: ImageOut[]; kind: 'goods' | 'service'; freight_template_id: string | null; created_at: string; updated_at: string }
export interface OptionOut { id: string; name: LocaleText; values: { id: string; name: LocaleText }[] }
export interface SkuOut { id: string; code: string; option_value_ids: string[]; price_minor: number; list_price_minor: number | null; weight_g: number; barcode: string; image_id: string | null; on_hand: number; reserved: number; free: number; active: boolean }
export interface ProductIn { version: number; handle: string; title: LocaleText; subtitle: LocaleText; description_html: LocaleText; status: ProductStatus; on_sale_at: string | null; off_at: string | null; category_ids: string[]; tags: string[]; attributes: { name: LocaleText; value: LocaleText }[]; options: { name: LocaleText; values: LocaleText[] }[]; skus: { code: string; option_values: number[]; price_minor: number; list_price_minor: number | null; weight_g: number; barcode: string; on_hand?: number }[]; image_ids: string[]; kind: 'goods' | 'service'; freight_template_id: string | null } // option_values: index into each option's values
export interface CategoryOut { id: string; parent_id: string | null; name: LocaleText; position: number; product_count: number; image: ImageOut | null }
export interface ImportOut { id: string; filename: string; bytes: number; format: 'shopify' | 'siyu' | 'litemall' | 'table'; header: string[]; sample: string[][]; mapping: MappingField[]; job: JobOut | null; created_at: string }
export interface MappingField { target: string; column: string | null; constant: string | null } // targets: handle,title,title_en,description,category,sku,price,list_price,stock,weight_g,barcode,images,status,tags,option1_name,option1_value…
export interface ImportPreviewOut { products: { handle: string; title: LocaleText; variants: number; price_min_minor: number; price_max_minor: number; change: 'new' | 'updated' | 'unchanged' }[]; rejected: RejectedOut[]; rows_read: number }
export interface RejectedOut { line: number; column: string; code: string; reason: LocaleText; value: string }
export interface ImportResult { rows: number; products: number; variants: number; images: number; updated: number; unchanged: number; rejected: RejectedOut[] }


// ---------- console: stock ----------
export interface LocationOut { id: string; name: LocaleText; kind: 'warehouse' | 'store'; unit_id: string; sells_online: boolean }
export interface StockRowOut { sku_id: string; code: string; product_id: string; title: LocaleText; option_label: LocaleText; image: ImageOut | null; location_id: string; location_name: LocaleText; on_hand: number; reserved: number; free: number; safety: number; updated_at: string }
export interface MovementOut { id: string; at: string; kind: 'counted' | 'received' | 'reserved' | 'released' | 'shipped' | 'returned' | 'imported'; delta_on_hand: number; delta_reserved: number; on_hand_after: number; reserved_after: number; order_id: string | null; order_number: string | null; reason: string; actor_name: string }


// ---------- console: orders ----------
export type OrderState = 'unpaid' | 'paid' | 'shipped' | 'ready' | 'completed' | 'cancelled' | 'refunded' // paid = to ship; ready = to pick up; shipped covers partially shipped via parcels
export interface OrderRowOut { id: string; number: string; state: OrderState; placed_at: string; paid_at: string | null; customer_name: string; customer_id: string; total_minor: number; refunded_minor: number; quantity: number; first_title: LocaleText; images: ImageOut[]; source: string; store_name: LocaleText | null; delivery: 'express' | 'pick_up'; ship_by: string | null }
export interface OrderPageOut { items: OrderRowOut[]; next: string | null; counts: Record<string, number> }
export interface OrderOut { id: string; number: string; state: OrderState; version: number; placed_at: string; pay_by: string | null; paid_at: string | null; completed_at: string | null; cancelled_at: string | null; cancel_reason: string; ship_by: string | null
  customer: { id: string; name: string; phone_masked: string; orders: number; spent_minor: number } | null
  delivery: 'express' | 'pick_up'; recipient: AddressOut | null; pick_up_store: StoreOut | null; pick_up_code: string | null
  lines: OrderLineOut[]; waterfall: WaterfallStep[]; goods_minor: number; freight_minor: number; total_minor: number; paid_minor: number; refunded_minor: number; currency: string
  parcels: ParcelOut[]; payments: PaymentOut[]; refunds: RefundOut[]; timeline: TimelineItem[]; notes: { at: string; by: string; text: string }[]; customer_note: string
  source: string; scene: string; store_name: LocaleText | null; guide_name: string | null; may: string[] } // may: actions allowed now: ship, pick_up, cancel, refund, change_price, note, change_address
export interface OrderLineOut { id: string; sku_id: string; product_id: string; code: string; title: LocaleText; option_label: LocaleText; image: ImageOut | null; quantity: number; list_minor: number; unit_minor: number; line_minor: number; steps: { stage: string; amount_minor: number }[]; refunded_quantity: number; refunded_minor: number; shipped_quantity: number }
export interface WaterfallStep { stage: 'list' | 'channel' | 'member' | 'campaign' | 'line_promotion' | 'order_promotion' | 'coupon' | 'tender' | 'freight' | 'manual' | 'rounding' | 'total'; label: LocaleText; amount_minor: number; rule: string; note: LocaleText }
export interface ParcelOut { id: string; carrier: string; carrier_name: LocaleText; tracking_number: string; lines: { line_id: string; quantity: number }[]; shipped_at: string; signed_at: string | null }
export interface PaymentOut { id: string; provider: string; amount_minor: number; state: 'started' | 'succeeded' | 'failed' | 'closed'; provider_reference: string; at: string }
export interface RefundOut { id: string; amount_minor: number; reason: string; state: 'agreed' | 'sent' | 'succeeded' | 'failed'; at: string; lines: { line_id: string; quantity: number; amount_minor: number }[]; by: string }
export interface TimelineItem { at: string; kind: string; text: LocaleText; source: 'money' | 'touch' | 'behaviour' | 'system' | 'staff'; actor: string }
export interface CarrierOut { code: string; name: LocaleText } // GET /api/console/carriers
export interface FreightTemplate { id: string; name: LocaleText; is_default: boolean; rules: { region_codes: string[]; first_g: number; first_minor: number; next_g: number; next_minor: number; free_from_minor: number | null }[] } // region_codes: 2/4/6-digit prefixes; [] = everywhere


// ---------- console: customers ----------
export interface CustomerRowOut { id: string; seq: number; name: string; phone_masked: string; joined_at: string; orders: number; spent_minor: number; last_order_at: string | null; source: string; store_name: LocaleText | null }
export interface CustomerOut extends CustomerRowOut { addresses: AddressOut[]; recent_orders: OrderRowOut[]; timeline: TimelineItem[] }


// ---------- console: storefront ----------
export interface PageOut { key: string; title: LocaleText; draft: Block[]; draft_version: number; draft_saved_at: string; published: Block[]; published_number: number | null; published_at: string | null; preview_url: string; pictures: Record<string, ImageOut> }
export interface PageVersionOut { number: number; published_at: string; published_by: string; blocks: number }
export type Block =
  | { type: 'banner'; id: string; items: { image: ImageOut | null; image_id: string | null; eyebrow: LocaleText; title: LocaleText; text: LocaleText; link: LinkTarget; link_text: LocaleText }[] }
  | { type: 'categories'; id: string; category_ids: string[] }
  | { type: 'product_row'; id: string; title: LocaleText; source: ProductSource }
  | { type: 'product_grid'; id: string; title: LocaleText; source: ProductSource }
  | { type: 'text_image'; id: string; title: LocaleText; text: LocaleText; image_id: string | null; image: ImageOut | null; side: 'left' | 'right' | 'top' }
  | { type: 'store'; id: string; title: LocaleText; unit_ids: string[] }
export interface LinkTarget { kind: 'none' | 'product' | 'category' | 'page'; id: string }
export interface ProductSource { kind: 'ids' | 'category' | 'newest'; ids: string[]; category_id: string | null; limit: number }
export interface LinkOut { id: string; code: string; url: string; target: LinkTarget; target_label: LocaleText; source: string; scene: string; store_name: LocaleText | null; guide_name: string | null; note: string; visits: number; orders: number; created_at: string }


// ---------- console: boards ----------
export interface OverviewOut { from: string; to: string; computed_at: string; lag_s: number; empty: boolean
  metrics: MetricOut[]; days: { day: string; net_minor: number; paid_orders: number; customers: number; visits: number }[]; previous_days: { day: string; net_minor: number }[]
  funnel: { step: 'visit' | 'product' | 'cart' | 'order' | 'paid'; count: number; rate_bp: number | null }[]
  by_source: { source: string; net_minor: number; paid_orders: number; visits: number }[]; by_store: { store_id: string; name: LocaleText; net_minor: number; paid_orders: number }[]
  top_products: { product_id: string; title: LocaleText; image: ImageOut | null; quantity: number; net_minor: number }[] }
export interface MetricOut { key: 'net_sales' | 'paid_orders' | 'customers' | 'average_order' | 'conversion' | 'refund_rate'; value: number; previous: number | null; unit: 'minor' | 'count' | 'bp'; definition: LocaleText; spark: number[] }
export interface TodayOut { now: string; net_minor: number; previous_net_minor: number; paid_orders: number; average_minor: number; hours: { hour: number; net_minor: number | null; previous_minor: number }[]; todo: { kind: string; count: number; level: 'zhu' | 'zhe'; title: LocaleText; text: LocaleText; path: string }[] }

// ---------- addresses and stores (shared with the shop) ----------
export interface StoreOut { id: string; name: string; address: string; phone: string; hours: string; district: string; latitude: number | null; longitude: number | null; pick_up: boolean }
export interface AddressIn { recipient: string; phone: string; district_code: string; street: string; is_default: boolean }
export interface AddressOut { id: string; recipient: string; phone: string; district_code: string; region_names: string[]; street: string; is_default: boolean }

// ---------- bodies the console sends ----------
export type BrandPatchIn = Partial<Pick<BrandOut, 'name' | 'theme_color' | 'privacy' | 'service_phone' | 'unpaid_timeout_minutes' | 'locales' | 'default_locale'>>
export interface UnitIn { parent_id: string; kind: Exclude<UnitOut['kind'], 'hq'>; code: string; name: LocaleText; store: StoreDetail | null }
export interface UnitPatchIn { parent_id?: string | null; code?: string; name?: LocaleText; store?: StoreDetail | null; closed?: boolean }
export interface StaffIn { login: string; name: string; password?: string; roles: string[]; unit_id: string }
export interface StaffPatchIn { name?: string; roles?: string[]; unit_id?: string; active?: boolean }
export interface RoleIn { name: LocaleText; permissions: string[]; masks: string[] }
export interface PermissionOut { key: string; name: LocaleText }
export interface CategoryIn { parent_id: string | null; name: LocaleText; position: number; image_id?: string | null }
export interface ParcelIn { lines: { line_id: string; quantity: number }[]; carrier: string; tracking_number: string }
export interface RefundIn { lines: { line_id: string; quantity: number }[]; freight_minor: number; reason: string; restock: boolean }
export interface PriceChangeIn { line_id: string; new_minor: number; reason: string }
export interface AdjustIn { sku_id: string; location_id: string; delta?: number; counted?: number; reason: string }
export interface SavedViewOut { id: string; name: string; query: Record<string, string> }
export interface LinkIn { target: LinkTarget; source: string; scene: string; store_id?: string | null; staff_id?: string | null; note: string }
export interface PageRowOut { key: string; title: LocaleText; published_number: number | null; published_at: string | null; draft_saved_at: string; changed: boolean }
export interface SavedMapping { name: string; mapping: MappingField[] }
