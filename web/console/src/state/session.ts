import type { BrandOut, SessionOut } from '@client'
import { computed, shallowRef } from 'vue'
import { ApiProblem, setCsrfToken } from '@/api/http'
import { readSession } from '@/api/session'
import { LOCALES, showLocale, type Locale } from './language'

export const session = shallowRef<SessionOut | null>(null)
export const brand = computed<BrandOut | null>(() => session.value?.brand ?? null)
export const timeZone = computed(() => brand.value?.time_zone ?? 'Asia/Shanghai')

let clockShift = 0
let person = ''

/** Who is signed in, or was last: unsaved work is given back to the same person only. */
export const lastPerson = () => person

/** Takes over a session the server answered with. */
export function takeSession(next: SessionOut): void {
  session.value = next
  person = next.staff.id
  clockShift = new Date(next.now).getTime() - Date.now()
  setCsrfToken(next.csrf_token)
}

export function dropSession(): void {
  session.value = null
  setCsrfToken('')
}

/** Milliseconds of the server's clock now; the demo's clock may be set to another day. */
export const serverNow = () => Date.now() + clockShift

/** Reads who is signed in; resolves to false if nobody is. Raises ApiProblem if the server does not answer. */
export async function resumeSession(): Promise<boolean> {
  try {
    takeSession(await readSession())
  } catch (problem) {
    if (problem instanceof ApiProblem && problem.status === 401) return false
    throw problem
  }
  const wanted = session.value?.staff.locale as Locale | undefined
  if (wanted && LOCALES.includes(wanted)) await showLocale(wanted)
  return true
}

/** True if a role of the signed-in person grants the permission. */
export const may = (permission: string) => session.value?.staff.permissions.includes(permission) ?? false

/** True as long as the brand asks for a second step and the signed-in person has none: only their own page opens. */
export const owesSecondStep = () => !!session.value && session.value.brand.second_step_required && !session.value.staff.second_step

/** Replaces the brand inside the session after it was edited. */
export function takeBrand(next: BrandOut): void {
  if (session.value) session.value = { ...session.value, brand: next }
}
