/** What the visitor did, in Segment's form, in batches. Nothing is queued before the shopper has agreed. */
import { credentials, freshKey, origin } from '@/api/request'

const FLUSH_MS = 3_000
const MOST = 50

interface Message {
  type: 'track' | 'page'
  messageId: string
  timestamp: string
  anonymousId: string
  userId?: string
  event?: string
  name?: string
  properties: Record<string, string | number>
  context: { link?: string; page: { path: string } }
}

/** Whose acts may be told, and by which key; null until the shopper has agreed. */
let who: { visitor: string; customer?: string; key: string } | null = null
let queue: Message[] = []
let timer: ReturnType<typeof setTimeout> | null = null

/** Something was done, e.g. `Product Viewed`. */
export function track(event: string, properties: Record<string, string | number> = {}): void {
  push('track', event, properties)
}

/** A page was seen, e.g. `Home Viewed`. */
export function pageSeen(name: string, properties: Record<string, string | number> = {}): void {
  push('page', name, properties)
}

/** From now on tell what this visitor does; null forgets who it was and what was not sent yet. */
export function follows(next: typeof who): void {
  who = next
  if (next) return
  queue = []
  if (timer) clearTimeout(timer)
  timer = null
}

function push(type: Message['type'], name: string, properties: Message['properties']): void {
  if (!who) return
  const page = getCurrentPages().slice(-1)[0]
  queue.push({
    type,
    messageId: freshKey(),
    timestamp: new Date().toISOString(),
    anonymousId: who.visitor,
    userId: who.customer,
    [type === 'track' ? 'event' : 'name']: name,
    properties,
    context: { link: credentials.link || undefined, page: { path: `/${page?.route ?? ''}` } },
  })
  if (queue.length > MOST) queue.shift()
  timer ??= setTimeout(() => flush(), FLUSH_MS)
}

/** Send what waits; a busy server gets it again later, a refusal drops it. `leaving`: the page is about to go. */
export function flush(leaving = false): void {
  if (timer) clearTimeout(timer)
  timer = null
  if (!queue.length || !who) return
  const batch = queue.splice(0)
  const url = `${origin()}/v1/batch`
  const header = { 'Content-Type': 'application/json', Authorization: `Basic ${base64(`${who.key}:`)}` }
  const data = { batch, sentAt: new Date().toISOString() }
  // #ifdef H5
  if (leaving) {
    // Only `keepalive` outlives the page; nobody is left to hear the answer.
    fetch(url, { method: 'POST', headers: header, body: JSON.stringify(data), keepalive: true }).catch(() => undefined)
    return
  }
  // #endif
  uni.request({
    url,
    method: 'POST',
    header,
    data,
    success: ({ statusCode }) => {
      if (statusCode >= 500 || statusCode === 429) again(batch)
    },
    fail: () => again(batch),
  })
}

function again(batch: Message[]): void {
  if (!who) return
  queue = [...batch, ...queue].slice(-MOST)
  timer ??= setTimeout(() => flush(), FLUSH_MS * 5)
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** Base 64 of ASCII; the mini-program has no `btoa`. */
function base64(text: string): string {
  let out = ''
  for (let i = 0; i < text.length; i += 3) {
    const [a, b, c] = [text.charCodeAt(i), text.charCodeAt(i + 1), text.charCodeAt(i + 2)]
    out += LETTERS[a >> 2] + LETTERS[((a & 3) << 4) | ((b || 0) >> 4)]
    out += Number.isNaN(b) ? '=' : LETTERS[((b & 15) << 2) | ((c || 0) >> 6)]
    out += Number.isNaN(c) ? '=' : LETTERS[c & 63]
  }
  return out
}
