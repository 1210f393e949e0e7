import type { AddressIn, AddressOut, CarrierOut, FreightTemplate, OrderOut, OrderPageOut, ParcelIn, PriceChangeIn, RefundIn, SavedViewOut } from '@client'
import { find, get, patch, post, put, remove, type Query } from './http'

export const listOrders = (query: Query) => find<OrderPageOut>('/orders', query)
export const readOrder = (id: string) => get<OrderOut>(`/orders/${id}`)
/** Where the order goes in full, for a form that needs it; who looked is written down. */
export const openRecipient = (id: string) => post<AddressOut>(`/orders/${id}/recipient`)
export const shipParcel = (id: string, body: ParcelIn, key: string) => post<OrderOut>(`/orders/${id}/parcels`, body, key)
export const changeParcel = (id: string, carrier: string, tracking_number: string) => patch<OrderOut>(`/parcels/${id}`, { carrier, tracking_number })
export const signParcel = (id: string, key: string) => post<OrderOut>(`/parcels/${id}/signed`, {}, key)
export const verifyPickUp = (id: string, code: string, key: string) => post<OrderOut>(`/orders/${id}/pick-up`, { code }, key)
export const cancelOrder = (id: string, reason: string, key: string) => post<OrderOut>(`/orders/${id}/cancel`, { reason }, key)
export const refundOrder = (id: string, body: RefundIn, key: string) => post<OrderOut>(`/orders/${id}/refunds`, body, key)
export const sendRefundAgain = (id: string, refund: string, key: string) => post<OrderOut>(`/orders/${id}/refunds/${refund}/again`, {}, key)
export const changePrice = (id: string, body: PriceChangeIn, key: string) => post<OrderOut>(`/orders/${id}/price`, body, key)
export const addNote = (id: string, text: string, key: string) => post<OrderOut>(`/orders/${id}/notes`, { text }, key)
export const changeAddress = (id: string, body: AddressIn) => patch<OrderOut>(`/orders/${id}/address`, body)

export const listViews = (page: string) => get<{ items: SavedViewOut[] }>('/views', { page })
export const addView = (page: string, name: string, query: Record<string, string>, key: string) =>
  post<SavedViewOut>('/views', { page, name, query }, key)
export const dropView = (id: string) => remove<void>(`/views/${id}`)

export const listCarriers = () => get<{ items: CarrierOut[] }>('/carriers')
export const listFreight = () => get<{ items: FreightTemplate[] }>('/freight-templates')
export const addFreight = (body: Omit<FreightTemplate, 'id'>, key: string) => post<FreightTemplate>('/freight-templates', body, key)
export const saveFreight = (id: string, body: Omit<FreightTemplate, 'id'>) => put<FreightTemplate>(`/freight-templates/${id}`, body)
