import type { Block, LinkIn, LinkOut, MakingOut, OverviewOut, Page, PageOut, PagePreviewOut, PageRowOut, PageVersionOut, TodayOut } from '@client'
import { get, post, put, type Query } from './http'

export const listPages = () => get<{ items: PageRowOut[] }>('/pages')
export const readPage = (key: string) => get<PageOut>(`/pages/${key}`)
export const saveDraft = (key: string, blocks: Block[], version: number) => put<PageOut>(`/pages/${key}/draft`, { blocks, version })
/** Blocks as a phone shows them, with nothing kept; their shape is the shop's own. */
export const showBlocks = (key: string, blocks: Block[], lang: string) => post<PagePreviewOut>(`/pages/${key}/preview?lang=${lang}`, { blocks })
export const publishPage = (key: string, once: string) => post<PageOut>(`/pages/${key}/publish`, {}, once)
export const schedulePage = (key: string, starts_at: string, version: number) => post<PageOut>(`/pages/${key}/schedule`, { starts_at, version })
export const withdrawPage = (key: string, id: string) => post<PageOut>(`/pages/${key}/schedule/${id}/withdraw`, {})
export const listPageVersions = (key: string, query: Query) => get<Page<PageVersionOut>>(`/pages/${key}/versions`, query)
export const rollBackPage = (key: string, version_number: number, once: string) => post<PageOut>(`/pages/${key}/rollback`, { version_number }, once)

export const listLinks = (query: Query) => get<Page<LinkOut>>('/links', query)
export const addLink = (body: LinkIn, key: string) => post<LinkOut>('/links', body, key)

export const readOverview = (query: Query) => get<OverviewOut>('/boards/overview', query)
export const readToday = () => get<TodayOut>('/boards/today')
export const readMaking = () => get<MakingOut>('/boards/making')
