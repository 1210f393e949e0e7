/** Reads the drawn codes back by the standard's own steps, written anew: format word, mask, zigzag, Reed–Solomon, bytes. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { QR_MOST, qrModules, qrPicture } from '../node_modules/.cache/units/qr.mjs'

const SIZE = 21
const MASKS = [
  (r, c) => (r + c) % 2, (r) => r % 2, (_, c) => c % 3, (r, c) => (r + c) % 3, (r, c) => (Math.floor(r / 2) + Math.floor(c / 3)) % 2,
  (r, c) => ((r * c) % 2) + ((r * c) % 3), (r, c) => (((r * c) % 2) + ((r * c) % 3)) % 2, (r, c) => (((r + c) % 2) + ((r * c) % 3)) % 2,
]

/** The two copies of the 15 format bits, most significant first. */
function formats(rows) {
  const first = [...[0, 1, 2, 3, 4, 5, 7].map((c) => rows[8][c]), rows[8][8], ...[7, 5, 4, 3, 2, 1, 0].map((r) => rows[r][8])]
  const second = [...[20, 19, 18, 17, 16, 15, 14].map((r) => rows[r][8]), ...[13, 14, 15, 16, 17, 18, 19, 20].map((c) => rows[8][c])]
  return [first, second].map((bits) => bits.reduce((word, bit) => word * 2 + (bit ? 1 : 0), 0) ^ 0b101010000010010)
}
const isFunction = (r, c) => (r < 9 && c < 9) || (r < 9 && c > 12) || (r > 12 && c < 9) || r === 6 || c === 6

function codewords(rows, mask) {
  const bits = []
  let upward = true
  for (let right = 20; right > 0; right -= 2) {
    if (right === 6) right = 5
    for (let step = 0; step < SIZE; step += 1) {
      const r = upward ? 20 - step : step
      for (const c of [right, right - 1]) if (!isFunction(r, c)) bits.push(rows[r][c] !== (MASKS[mask](r, c) === 0) ? 1 : 0)
    }
    upward = !upward
  }
  return Array.from({ length: 26 }, (_, i) => bits.slice(i * 8, i * 8 + 8).reduce((byte, bit) => byte * 2 + bit, 0))
}

const EXP = [1]
for (let i = 1; i < 255; i += 1) EXP.push(EXP[i - 1] * 2 > 255 ? (EXP[i - 1] * 2) ^ 285 : EXP[i - 1] * 2)
const times = (a, b) => (a && b ? EXP[(EXP.indexOf(a) + EXP.indexOf(b)) % 255] : 0)
const syndromes = (words) => Array.from({ length: 10 }, (_, i) => words.reduce((sum, word) => times(sum, EXP[i]) ^ word, 0))

function read(text) {
  const rows = qrModules(text)
  const [one, two] = formats(rows)
  assert.equal(one, two, 'both format words say the same')
  assert.equal(one >> 13, 0, 'level M')
  const mask = (one >> 10) & 7
  const words = codewords(rows, mask)
  assert.deepEqual(syndromes(words), new Array(10).fill(0), 'no error is left for Reed–Solomon')
  assert.equal(words[0] >> 4, 4, 'byte mode')
  const length = ((words[0] & 15) << 4) | (words[1] >> 4)
  return String.fromCharCode(...Array.from({ length }, (_, i) => ((words[i + 1] & 15) << 4) | (words[i + 2] >> 4)))
}

test('every code that a store may show is read back as it was written', () => {
  for (const text of ['482 915', '000000', '7', 'A-1', 'x'.repeat(QR_MOST)]) assert.equal(read(text), text)
})

test('the three finders and the timing lines stand where a scanner looks for them', () => {
  const rows = qrModules('482 915')
  const ring = [true, true, true, true, true, true, true]
  for (const [r, c] of [[0, 0], [0, 14], [14, 0]]) assert.deepEqual(rows[r].slice(c, c + 7), ring)
  assert.deepEqual(rows[6].slice(8, 13), [true, false, true, false, true])
  assert.deepEqual(rows.slice(8, 13).map((row) => row[6]), [true, false, true, false, true])
  assert.equal(rows[13][8], true, 'the dark module')
})

test('what does not fit gives no code instead of a wrong one', () => {
  for (const text of ['', 'x'.repeat(QR_MOST + 1), '取货码']) {
    assert.equal(qrModules(text), null)
    assert.equal(qrPicture(text), '')
  }
})

test('the picture has a quiet zone of four modules', () => {
  const svg = decodeURIComponent(qrPicture('482 915').slice('data:image/svg+xml,'.length))
  assert.match(svg, /viewBox='0 0 29 29'/)
  const places = [...svg.matchAll(/M(\d+) (\d+)h1v1/g)].flatMap(([, x, y]) => [Number(x), Number(y)])
  assert.equal(Math.min(...places), 4)
  assert.equal(Math.max(...places), 24)
})
