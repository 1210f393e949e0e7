/** One door to the shop's API over `uni.request`: cookie and CSRF token on H5, bearer token in the mini-program. */
import type { Problem } from '@client'

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface Ask {
  query?: Record<string, string | number | boolean | null | undefined>
  body?: unknown
  /** Idempotency-Key: the same for every attempt at the same act. */
  key?: string
}

/** What every request carries; filled by the stores, empty until the shopper has agreed to be known. */
export const credentials = { csrf: '', token: '', link: '', locale: '' }

/** The shop said no, or could not be reached (`code` "network"). */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail || problem.code)
  }
  get code(): string {
    return this.problem.code
  }
}

/** Where the shop lives: the page's own origin on H5; in the mini-program its build or its ext.json says so. */
export function origin(): string {
  // #ifdef H5
  return ''
  // #endif
  // #ifdef MP-WEIXIN
  const ext = (uni as unknown as { getExtConfigSync?: () => { shop_origin?: string } }).getExtConfigSync?.() ?? {}
  return import.meta.env.VITE_SHOP_ORIGIN || ext.shop_origin || ''
  // #endif
}

/** Ask the shop. Rejects with `Refused`. A stale CSRF token is renewed once. */
export async function ask<T>(method: Method, path: string, asked: Ask = {}): Promise<T> {
  try {
    return await send<T>(method, path, asked)
  } catch (error) {
    if (!(error instanceof Refused) || error.code !== 'http.csrf_failed') throw error
    credentials.csrf = (await send<{ csrf_token: string }>('GET', '/session', {})).csrf_token
    return send<T>(method, path, asked)
  }
}

function send<T>(method: Method, path: string, { query, body, key }: Ask): Promise<T> {
  return new Promise((resolve, reject) => {
    uni.request({
      url: `${origin()}/api/shop${path}${queryString({ ...query, lang: credentials.locale })}`,
      method: method as 'GET',
      data: body as Record<string, unknown>,
      header: headers(method, key),
      timeout: 15_000,
      success: ({ statusCode, data }) => {
        if (statusCode >= 200 && statusCode < 300) resolve(data as T)
        else reject(new Refused(asProblem(statusCode, data)))
      },
      fail: () => reject(new Refused(unreachable())),
    })
  })
}

function headers(method: Method, key?: string): Record<string, string> {
  const out: Record<string, string> = { Accept: 'application/json' }
  if (method !== 'GET') out['Content-Type'] = 'application/json'
  if (credentials.token) out.Authorization = `Bearer ${credentials.token}`
  else if (credentials.csrf && method !== 'GET') out['X-CSRF-Token'] = credentials.csrf
  if (credentials.link) out['X-Siyu-Link'] = credentials.link
  if (key) out['Idempotency-Key'] = key
  return out
}

function queryString(query: NonNullable<Ask['query']>): string {
  const pairs = Object.entries(query)
    .filter(([, value]) => value !== null && value !== undefined && value !== '')
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
  return pairs.length ? `?${pairs.join('&')}` : ''
}

function asProblem(status: number, data: unknown): Problem {
  const said = (typeof data === 'string' ? parsed(data) : data) as Partial<Problem> | null
  return {
    type: said?.type ?? '',
    status,
    code: said?.code ?? (status >= 500 ? 'http.broken' : 'http.refused'),
    title: said?.title ?? '',
    detail: said?.detail ?? '',
    facts: said?.facts ?? {},
    errors: said?.errors ?? [],
    request_id: said?.request_id ?? '',
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function unreachable(): Problem {
  return { type: '', status: 0, code: 'network', title: '', detail: '', facts: {}, errors: [], request_id: '' }
}

/** A fresh Idempotency-Key or message id; 32 hex digits. */
export function freshKey(): string {
  let key = ''
  for (let i = 0; i < 32; i += 1) key += Math.floor(Math.random() * 16).toString(16)
  return key
}
