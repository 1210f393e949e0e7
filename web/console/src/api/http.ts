import type { Flaw, Problem } from '@client'

/** A refusal or failure of the server, or of the way to it; `code` is stable and picks the words a person reads. */
export class ApiProblem extends Error {
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly facts: Record<string, unknown>
  readonly fields: Flaw[]
  readonly requestId: string
  /** True if the request was a write, so that the page can say what became of it. */
  readonly write: boolean

  constructor(problem: Partial<Problem>, write: boolean) {
    super(problem.detail || problem.title || problem.code || 'problem')
    this.status = problem.status ?? 0
    this.code = problem.code ?? 'http.unknown'
    this.detail = problem.detail ?? problem.title ?? ''
    this.facts = problem.facts ?? {}
    this.fields = problem.errors ?? []
    this.requestId = problem.request_id ?? ''
    this.write = write
  }
}

export type Query = Record<string, string | number | boolean | null | undefined>

export interface CallOptions {
  query?: Query
  body?: unknown
  form?: FormData
  /** Same key and same body give the same answer, however often it is sent. */
  key?: string
  /** Words about people: sent in a header, because addresses end up in logs. */
  search?: string
  signal?: AbortSignal
}

const ROOT = '/api/console'
let csrfToken = ''
let onSignedOut: () => void = () => undefined

/** Remembers the token every unsafe request must carry. */
export function setCsrfToken(token: string): void {
  csrfToken = token
}

/** Calls `listener` whenever the server says the session is over. */
export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener
}

/** Path with the filled filters only: empty, null and undefined leave the address. */
export function withQuery(path: string, query?: Query): string {
  const pairs = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null && value !== '')
  if (!pairs.length) return path
  return `${path}?${new URLSearchParams(pairs.map(([key, value]) => [key, String(value)]))}`
}

async function problemOf(response: Response, write: boolean): Promise<ApiProblem> {
  const fallback = { status: response.status, code: `http.${response.status}`, detail: response.statusText }
  if (!response.headers.get('content-type')?.includes('json')) return new ApiProblem(fallback, write)
  return new ApiProblem({ ...fallback, ...((await response.json()) as Partial<Problem>) }, write)
}

/** Sends one request to the console's API; resolves to the JSON answer. Raises ApiProblem on every refusal. */
export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
  const write = method !== 'GET'
  const headers: Record<string, string> = { accept: 'application/json' }
  if (options.body !== undefined) headers['content-type'] = 'application/json'
  if (write && csrfToken) headers['x-csrf-token'] = csrfToken
  if (options.key) headers['idempotency-key'] = options.key
  if (options.search) headers['x-search'] = encodeURIComponent(options.search)
  let response: Response
  try {
    response = await fetch(ROOT + withQuery(path, options.query), {
      method,
      headers,
      credentials: 'same-origin',
      body: options.form ?? (options.body === undefined ? undefined : JSON.stringify(options.body)),
      signal: options.signal,
    })
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause
    throw new ApiProblem({ code: 'client.no_answer', detail: String(cause) }, write)
  }
  if (!response.ok) {
    if (response.status === 401 && path !== '/session') onSignedOut()
    throw await problemOf(response, write)
  }
  if (response.status === 204 || response.headers.get('content-length') === '0') return undefined as T
  return (await response.json()) as T
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal) => call<T>('GET', path, { query, signal })
/** A list of people or their orders; `q` of the query is what is searched for. */
export const find = <T>(path: string, { q, ...query }: Query) => call<T>('GET', path, { query, search: String(q ?? '') })
export const post = <T>(path: string, body?: unknown, key?: string) => call<T>('POST', path, { body: body ?? {}, key })
export const put = <T>(path: string, body: unknown) => call<T>('PUT', path, { body })
export const patch = <T>(path: string, body: unknown) => call<T>('PATCH', path, { body })
export const remove = <T>(path: string, query?: Query) => call<T>('DELETE', path, { query })

/** Uploads one file as multipart field `file`. */
export function upload<T>(path: string, file: File, key?: string): Promise<T> {
  const form = new FormData()
  form.set('file', file)
  return call<T>('POST', path, { form, key })
}

/** Address of a file the browser downloads itself. */
export const fileAddress = (path: string) => ROOT + path
