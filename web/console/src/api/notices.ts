import type { NoticeOut, NoticePage, NoticePreviewOut, NoticeSettingsOut, NoticeVersionsOut } from '@client'
import { get, post, put, type Query } from './http'

const text = (kind: string, locale: string) => `/notices/kinds/${encodeURIComponent(kind)}/texts/${encodeURIComponent(locale)}`

export const readNoticeSettings = () => get<NoticeSettingsOut>('/notices/settings')
export const saveNoticeText = (kind: string, locale: string, body: { text: string | null; version: number }) => put<NoticeSettingsOut>(text(kind, locale), body)
export const previewNotice = (kind: string, locale: string, words: string) => post<NoticePreviewOut>(`${text(kind, locale)}/preview`, { text: words })
export const listNoticeVersions = (kind: string, locale: string) => get<NoticeVersionsOut>(`${text(kind, locale)}/versions`)
export const chooseNoticeChannel = (kind: string, channel: string) => put<NoticeSettingsOut>(`/notices/kinds/${encodeURIComponent(kind)}/channel`, { channel })
export const listNotices = (query: Query) => get<NoticePage>('/notices', query)
export const sendNoticeAgain = (id: string) => post<NoticeOut>(`/notices/${id}/again`)
