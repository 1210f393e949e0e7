function randomHex(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Gives the idempotency key of a body: the same until the body changes or the action has succeeded. */
export class ActionKey {
  private body = ''
  private key = ''

  for(body: unknown): string {
    const text = JSON.stringify(body)
    if (!this.key || text !== this.body) {
      this.body = text
      this.key = randomHex(16)
    }
    return this.key
  }

  done(): void {
    this.key = ''
  }
}

/** A fresh id for things that exist only in the browser so far (blocks, rows of a form). */
export const localId = () => randomHex(8)
