import assert from 'node:assert/strict'
import test from 'node:test'
import { bareNumber, isPhone } from '../node_modules/.cache/units/phone.mjs'

test('a number is taken as people write it', () => {
  for (const text of ['13800138000', '138 0013 8000', '138-0013-8000', '+86 13800138000', '8613800138000', '+49 (151) 12345678']) assert.ok(isPhone(text), text)
  assert.equal(bareNumber('138-0013 8000'), '13800138000')
})

test('what cannot receive a code is no number', () => {
  for (const text of ['', '1380013800', '12800138000', '138001380001', '010-12345678', '+8612345678901', '+0123456789', 'abc']) assert.ok(!isPhone(text), text)
})
