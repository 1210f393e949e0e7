/** Numbers that can receive a code, by the shop's own rule: mainland mobiles, and others with + and their country code. */

const MAINLAND = /^(?:\+?86)?1[3-9]\d{9}$/
const ELSEWHERE = /^\+(?!86)[1-9]\d{6,14}$/

/** The number without what people write between its digits. */
export function bareNumber(text: string): string {
  return text.replace(/[\s\-()]/g, '')
}

export function isPhone(text: string): boolean {
  const number = bareNumber(text)
  return MAINLAND.test(number) || ELSEWHERE.test(number)
}
