import assert from 'node:assert/strict'
import test from 'node:test'
import { day, left, moment, money, moneyParts } from '../node_modules/.cache/units/money.mjs'

test('amounts are grouped, keep their cents and have a real minus', () => {
  assert.equal(money(123456), '¥1,234.56')
  assert.equal(money(-1203), '−¥12.03')
  assert.equal(money(5), '¥0.05')
  assert.equal(money(100000000, 'HKD'), 'HK$1,000,000.00')
})

test('no fen is lost: nothing, one fen, millions', () => {
  for (const [minor, words] of [[0, '¥0.00'], [1, '¥0.01'], [99, '¥0.99'], [100, '¥1.00'], [123456789, '¥1,234,567.89'], [-123456789, '−¥1,234,567.89'], [1_000_000_000_001, '¥10,000,000,000.01']]) {
    const { sign, whole, cents } = moneyParts(minor)
    assert.equal(money(minor), words)
    assert.equal(sign + whole + cents, words)
  }
})

test('the year is told only when it is not this one', () => {
  const now = new Date('2026-11-22T08:00:00Z')
  assert.equal(day('2026-11-24T01:00:00Z', 'zh-CN', now), '11 月 24 日')
  assert.equal(day('2025-11-24T01:00:00Z', 'en', now), '24 Nov 2025')
  assert.equal(moment('2026-11-24T01:05:00Z', 'zh-CN', now), '11 月 24 日 09:05')
})

test('time that is left never goes below zero', () => {
  const now = Date.parse('2026-11-22T08:00:00Z')
  assert.equal(left('2026-11-22T08:14:05Z', now), '14:05')
  assert.equal(left('2026-11-22T09:14:05Z', now), '1:14:05')
  assert.equal(left('2026-11-22T07:00:00Z', now), '0:00')
})
