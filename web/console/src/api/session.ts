import type { BrandOut, BrandPatchIn, DeviceListOut, RecoveryCodesOut, SecondStepBegunOut, SecondStepOut, SessionOut, SignInIn, WriteKey, WriteKeyListOut } from '@client'
import { get, patch, post, remove } from './http'

export const readSession = () => get<SessionOut>('/session')
export const signIn = (body: SignInIn) => post<SessionOut>('/session', body)
export const signOut = () => remove<void>('/session')
export const changeLocale = (locale: string) => patch<SessionOut>('/session', { locale })
export const changePassword = (old_password: string, new_password: string) => post<void>('/session/password', { old_password, new_password })

export const readSecondStep = () => get<SecondStepOut>('/session/second-step')
export const beginSecondStep = (password: string) => post<SecondStepBegunOut>('/session/second-step', { password })
export const confirmSecondStep = (code: string) => post<RecoveryCodesOut>('/session/second-step/confirm', { code })
export const renewRecoveryCodes = (code: string) => post<RecoveryCodesOut>('/session/second-step/recovery-codes', { code })
export const turnSecondStepOff = (code: string) => post<void>('/session/second-step/off', { code })
export const resetSecondStep = (staffId: string) => remove<void>(`/staff/${staffId}/second-step`)

/** Signed-in browsers: one's own, or those of a staff member. */
export const listSessions = (staffId?: string) => (staffId ? get<DeviceListOut>(`/staff/${staffId}/sessions`) : get<DeviceListOut>('/sessions'))
export const endSession = (id: string, staffId?: string) => (staffId ? remove<void>(`/staff/${staffId}/sessions/${id}`) : remove<void>(`/sessions/${id}`))
/** Ends all of a staff member's, or all of one's own but this one. */
export const endSessions = (staffId?: string) => (staffId ? remove<void>(`/staff/${staffId}/sessions`) : remove<void>('/sessions'))

export const readBrand = () => get<BrandOut>('/brand')
export const changeBrand = (body: BrandPatchIn) => patch<BrandOut>('/brand', body)

export const listWriteKeys = () => get<WriteKeyListOut>('/write-keys')
export const makeWriteKey = (name: string) => post<WriteKey>('/write-keys', { name })
export const revokeWriteKey = (name: string) => remove<void>(`/write-keys/${encodeURIComponent(name)}`)
