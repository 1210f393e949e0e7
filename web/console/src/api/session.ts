import type { BrandOut, BrandPatchIn, SessionOut, SignInIn } from '@client'
import { get, patch, post, remove } from './http'

export const readSession = () => get<SessionOut>('/session')
export const signIn = (body: SignInIn) => post<SessionOut>('/session', body)
export const signOut = () => remove<void>('/session')
export const changeLocale = (locale: string) => patch<SessionOut>('/session', { locale })
export const changePassword = (old_password: string, new_password: string) => post<void>('/session/password', { old_password, new_password })
export const readBrand = () => get<BrandOut>('/brand')
export const changeBrand = (body: BrandPatchIn) => patch<BrandOut>('/brand', body)
