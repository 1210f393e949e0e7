import type { DatedSettingOut, DatedSettingsOut, DatedValueIn, DatedValuePage } from '@client'
import { get, post, type Query } from './http'

export const listDatedSettings = () => get<DatedSettingsOut>('/effective')
export const listDatedValues = (code: string, query: Query) => get<DatedValuePage>(`/effective/${encodeURIComponent(code)}/history`, query)
export const setDatedValue = (code: string, body: DatedValueIn) => post<DatedSettingOut>(`/effective/${encodeURIComponent(code)}`, body)
export const withdrawDatedValue = (code: string, id: string, version: number) => post<DatedSettingOut>(`/effective/${encodeURIComponent(code)}/${id}/withdraw`, { version })
