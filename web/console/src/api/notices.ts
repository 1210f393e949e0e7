import type { NoticeOut, NoticePage, NoticePreviewOut, NoticeSettingsOut, NoticeVersionsOut } from '@client'
import { get, post, put, type Query } from './http'


export const readNoticeSettings = () => get<NoticeSettingsOut>('/notices/settings')
export const saveNoticeText = (kind: string, locale: string, body: { text: string | null; version: number }) => put<NoticeSettingsOut>(`/notices/kinds/${encodeURIComponent(kind)}/texts/${encodeURIComponent(locale)}`, body)
export const previewNotice = (kind: string, locale: string, words: string) => post<NoticePreviewOut>(`/notices/kinds/${encodeURIComponent(kind)}/texts/${encodeURIComponent(locale)}/preview`, { text: words })
export const listNoticeVersions = (kind: string, locale: string) => get<NoticeVersionsOut>(`/notices/kinds/${encodeURIComponent(kind)}/texts/${encodeURIComponent(locale)}/versions`)
export const chooseNoticeChannel = (kind: string, channel: string) => put<NoticeSettingsOut>(`/notices/kinds/${encodeURIComponent(kind)}/channel`, { channel })
export const listNotices = (query: Query) => get<NoticePage>('/notices', query)
export const sendNoticeAgain = (id: string) => post<NoticeOut>(`/notices/${id}/again`)
