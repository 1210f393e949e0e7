/** Who the visitor is to the shop: nobody until the privacy text is accepted, then a guest, then a customer. */
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { credentials, freshKey } from '@/api/request'
import * as api from '@/api/shop'
import type { ShopSessionOut } from '@client'
import { follows } from '@/tracking'
import { keep, kept, openShelf, readChoice, writeChoice } from './shelf'
import { useShop } from './shop'

type Answer = (yes: boolean) => void
const NOBODY: ShopSessionOut = { kind: 'none', token: null, csrf_token: '', customer: null, cart_quantity: 0, order_counts: {} }

export const useVisit = defineStore('visit', () => {
  const shop = useShop()
  const preview = ref(false)
  const choice = ref<'unknown' | 'accepted' | 'declined'>('unknown')
  const known = ref<ShopSessionOut>(NOBODY)
  const askingPrivacy = ref(false)
  const askingSignIn = ref(false)
  const visitor = ref('')
  const customer = computed(() => known.value.customer)
  const accepted = computed(() => choice.value === 'accepted')
  let privacyWaits: Answer[] = []
  let signInWaits: Answer[] = []
  let beginning: Promise<void> | null = null

  /** Read the choice kept on the device, come back as whoever one was, or ask for the choice. */
  function begin(): Promise<void> {
    beginning ??= start().catch((error: unknown) => {
      beginning = null
      throw error
    })
    return beginning
  }

  async function start(): Promise<void> {
    const { privacy_version } = await shop.load()
    if (preview.value) return
    const made = readChoice()
    if (!made || made.version !== privacy_version) {
      askingPrivacy.value = true
      return
    }
    choice.value = made.accepted ? 'accepted' : 'declined'
    if (!made.accepted) return
    openShelf(true)
    remember()
    take(await api.session())
  }

  /** From here on the device may keep things: who it is, and which link brought it. */
  function remember(): void {
    credentials.token = kept<string>('siyu.token') ?? ''
    visitor.value = kept<string>('siyu.visitor') ?? freshKey()
    keep('siyu.visitor', visitor.value)
    if (credentials.link) keep('siyu.link', credentials.link)
    else credentials.link = kept<string>('siyu.link') ?? ''
    follows({ visitor: visitor.value, key: shop.info?.write_key ?? '' })
  }

  function take(next: ShopSessionOut): void {
    known.value = next
    credentials.csrf = next.csrf_token
    if (accepted.value) follows({ visitor: visitor.value, customer: next.customer?.id, key: shop.info?.write_key ?? '' })
    // #ifdef MP-WEIXIN
    if (next.token) {
      credentials.token = next.token
      keep('siyu.token', next.token)
    }
    // #endif
  }

  /** The shopper's answer to the privacy prompt. */
  async function answerPrivacy(yes: boolean): Promise<void> {
    const { privacy_version } = await shop.load()
    writeChoice({ version: privacy_version, accepted: yes })
    choice.value = yes ? 'accepted' : 'declined'
    askingPrivacy.value = false
    try {
      if (yes) {
        remember()
        take(await api.beginGuest(privacy_version, credentials.link || null))
      }
    } finally {
      for (const tell of privacyWaits.splice(0)) tell(yes)
    }
  }

  /** Take back the agreement: the session ends, the device forgets. Orders stay with the shop, as the law asks. */
  async function withdraw(): Promise<void> {
    if (known.value.kind !== 'none') await api.endSession()
    follows(null)
    writeChoice({ version: shop.info?.privacy_version ?? '', accepted: false })
    choice.value = 'declined'
    forget()
  }

  function forget(): void {
    known.value = NOBODY
    credentials.csrf = ''
    credentials.token = ''
    credentials.link = accepted.value ? credentials.link : ''
    if (!accepted.value) visitor.value = ''
    keep('siyu.token', '')
  }

  async function signOut(): Promise<void> {
    await api.endSession()
    forget()
  }

  /** Whether the shopper agrees; asks when they have not. */
  function agree(): Promise<boolean> {
    if (accepted.value) return Promise.resolve(true)
    if (preview.value) return Promise.resolve(false)
    askingPrivacy.value = true
    return new Promise((tell) => privacyWaits.push(tell))
  }

  /** Be at least a guest; false when the shopper does not agree. */
  async function ensureGuest(): Promise<boolean> {
    if (!(await agree())) return false
    if (known.value.kind === 'none') take(await api.beginGuest(shop.info?.privacy_version ?? '', credentials.link || null))
    return true
  }

  /** Be a customer; opens the sign-in sheet when needed, false when it is closed again. */
  async function ensureCustomer(): Promise<boolean> {
    if (!(await ensureGuest())) return false
    if (known.value.kind === 'customer') return true
    askingSignIn.value = true
    return new Promise((tell) => signInWaits.push(tell))
  }

  function closeSignIn(done: boolean): void {
    askingSignIn.value = false
    for (const tell of signInWaits.splice(0)) tell(done)
  }

  async function verify(phone: string, code: string): Promise<void> {
    take(await api.verifyCode(phone, code))
    closeSignIn(true)
  }

  async function refresh(): Promise<void> {
    if (accepted.value) take(await api.session())
  }

  /** A link's code: sent with every request, kept only once the shopper has agreed. */
  function came(link: string): void {
    credentials.link = link.slice(0, 64)
    if (accepted.value) keep('siyu.link', credentials.link)
  }

  return {
    preview, choice, accepted, known, customer, visitor, askingPrivacy, askingSignIn, begin, answerPrivacy, withdraw,
    signOut, agree, ensureGuest, ensureCustomer, closeSignIn, verify, refresh, came, take,
  }
})
