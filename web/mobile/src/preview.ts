/** The console's page editor shows its draft here: blocks come by message, only from the origin that was named. */
import type { ShopBlock } from '@client'

export const MESSAGE = 'siyu.preview'

/** Listen to the editor around this frame and tell it that we are ready. Returns what stops it. */
export function listenToConsole(from: string, show: (blocks: ShopBlock[]) => void): () => void {
  // #ifdef H5
  if (!/^https?:\/\//.test(from) || window.parent === window) return () => undefined
  const hear = (event: MessageEvent): void => {
    if (event.origin !== from || event.source !== window.parent) return
    const said = event.data as { type?: string; blocks?: ShopBlock[] } | null
    if (said?.type === MESSAGE && Array.isArray(said.blocks)) show(said.blocks)
  }
  window.addEventListener('message', hear)
  window.parent.postMessage({ type: `${MESSAGE}.ready` }, from)
  return () => window.removeEventListener('message', hear)
  // #endif
  // #ifdef MP-WEIXIN
  return () => undefined
  // #endif
}
