import type {
  AuditOut, CustomerOut, CustomerRowOut, FirstPasswordOut, ForgetIn, Page, RevealOut, RoleIn, RoleListOut,
  RenewalOut, RoleOut, SealOut, StaffCreatedOut, StaffIn, StaffOut, StaffPatchIn, UnitIn, UnitOut, UnitPatchIn, VaultOut,
} from '@client'
import { find, get, patch, post, put, type Query } from './http'

export const listUnits = () => get<{ items: UnitOut[] }>('/units')
export const addUnit = (body: UnitIn, key: string) => post<UnitOut>('/units', body, key)
export const changeUnit = (id: string, body: UnitPatchIn) => patch<UnitOut>(`/units/${id}`, body)

export const listStaff = (query: Query) => get<Page<StaffOut>>('/staff', query)
export const addStaff = (body: StaffIn, key: string) => post<StaffCreatedOut>('/staff', body, key)
export const changeStaff = (id: string, body: StaffPatchIn) => patch<StaffOut>(`/staff/${id}`, body)
export const resetPassword = (id: string) => post<FirstPasswordOut>(`/staff/${id}/password`)

export const listRoles = () => get<RoleListOut>('/roles')
export const saveRole = (code: string, body: RoleIn) => put<RoleOut>(`/roles/${encodeURIComponent(code)}`, body)

export const listAudit = (query: Query) => get<Page<AuditOut>>('/audit', query)
export const readSeal = () => get<SealOut>('/audit/seal')

export const listCustomers = (query: Query) => find<Page<CustomerRowOut>>('/customers', query)
export const readCustomer = (id: string) => get<CustomerOut>(`/customers/${id}`)
export const revealField = (id: string, field: 'phone' | 'name' | 'address', reason: string) =>
  post<RevealOut>(`/customers/${id}/reveal`, { field, reason })
export const forgetCustomer = (id: string, reason: ForgetIn['reason']) => post<CustomerOut>(`/customers/${id}/forget`, { reason })
export const readVault = () => get<VaultOut>('/vault')
export const renewWrapping = () => post<RenewalOut>('/vault/renew')
