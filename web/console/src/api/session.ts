import type { BrandOut, BrandPatchIn, SessionOut, SignInIn, WriteKey, WriteKeyListOut } from '@client'
import { get, patch, post, remove } from './http'

export const readSession = () => get<SessionOut>('/session')
export const signIn = (body: SignInIn) => post<SessionOut>('/session', body)
export const signOut = () => remove<void>('/session')
export const changeLocale = (locale: string) => patch<SessionOut>('/session', { locale })
export const changePassword = (old_password: string, new_password: string) => post<void>('/session/password', { old_password, new_password })
export const readBrand = () => get<BrandOut>('/brand')
export const changeBrand = (body: BrandPatchIn) => patch<BrandOut>('/brand', body)

export const listWriteKeys = () => get<WriteKeyListOut>('/write-keys')
export const makeWriteKey = (name: string) => post<WriteKey>('/write-keys', { name })
export const revokeWriteKey = (name: string) => remove<void>(`/write-keys/${encodeURIComponent(name)}`)
