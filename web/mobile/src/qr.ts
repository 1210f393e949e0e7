/**
 * QR codes of version 1, level M (21 × 21 modules): short codes such as «482 915» for a store's scanner.
 * Source: ISO/IEC 18004:2015; byte mode, mask 0 … 7 chosen by the penalty rules of section 7.8.3.
 */
const SIZE = 21
const DATA_BYTES = 16
const CHECK_BYTES = 10
/** The longest text that fits, in bytes. */
export const QR_MOST = 14

/** Rows of modules, true = dark; null when the text is longer than `QR_MOST` ASCII characters. */
export function qrModules(text: string): boolean[][] | null {
  if (!text || text.length > QR_MOST || [...text].some((one) => one.charCodeAt(0) > 126)) return null
  const bits = toBits(codewords(text))
  let best: boolean[][] | null = null
  let least = Infinity
  for (let mask = 0; mask < 8; mask += 1) {
    const drawn = draw(bits, mask)
    const cost = penalty(drawn)
    if (cost < least) [best, least] = [drawn, cost]
  }
  return best
}

/** The code as an SVG data address, four modules of quiet zone around it. */
export function qrPicture(text: string): string {
  const modules = qrModules(text)
  if (!modules) return ''
  const side = SIZE + 8
  const path = modules.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x + 4} ${y + 4}h1v1h-1z`] : []))).join('')
  const svg = `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 ${side} ${side}' shape-rendering='crispEdges'><path fill='#fff' d='M0 0h${side}v${side}H0z'/><path fill='#1D1B18' d='${path}'/></svg>`
  return `data:image/svg+xml,${encodeURIComponent(svg)}`
}

function codewords(text: string): number[] {
  const bytes = [...text].map((one) => one.charCodeAt(0))
  // Mode 0100 and the length take 12 bits: everything after is shifted by half a byte.
  const nibbles = [4, bytes.length >> 4, bytes.length & 15, ...bytes.flatMap((one) => [one >> 4, one & 15]), 0]
  const data: number[] = []
  for (let i = 0; i + 1 < nibbles.length; i += 2) data.push((nibbles[i] << 4) | nibbles[i + 1])
  for (let pad = 0xec; data.length < DATA_BYTES; pad ^= 0xec ^ 0x11) data.push(pad)
  return [...data, ...checkBytes(data)]
}

/** Reed–Solomon remainder over GF(256) with x⁸+x⁴+x³+x²+1. */
function checkBytes(data: number[]): number[] {
  let generator = [1]
  for (let i = 0, root = 1; i < CHECK_BYTES; i += 1, root = times(root, 2)) {
    generator = [...generator, 0].map((one, at) => one ^ (at ? times(generator[at - 1], root) : 0))
  }
  const rest = [...data, ...new Array<number>(CHECK_BYTES).fill(0)]
  for (let i = 0; i < data.length; i += 1) {
    const lead = rest[i]
    generator.forEach((one, at) => (rest[i + at] ^= times(one, lead)))
  }
  return rest.slice(data.length)
}

function times(a: number, b: number): number {
  let product = 0
  for (let bit = 7; bit >= 0; bit -= 1) {
    product = (product << 1) ^ ((product >> 7) * 0x11d)
    product ^= ((b >> bit) & 1) * a
  }
  return product & 255
}

function toBits(bytes: number[]): boolean[] {
  return bytes.flatMap((one) => [7, 6, 5, 4, 3, 2, 1, 0].map((bit) => ((one >> bit) & 1) === 1))
}

const MASKS: ((x: number, y: number) => boolean)[] = [
  (x, y) => (x + y) % 2 === 0,
  (_, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
]

function draw(bits: boolean[], mask: number): boolean[][] {
  const grid: (boolean | null)[][] = Array.from({ length: SIZE }, () => new Array<boolean | null>(SIZE).fill(null))
  for (const [cx, cy] of [[3, 3], [SIZE - 4, 3], [3, SIZE - 4]]) finder(grid, cx, cy)
  for (let i = 8; i < SIZE - 8; i += 1) grid[6][i] = grid[i][6] = i % 2 === 0
  format(grid, mask)
  let at = 0
  for (let right = SIZE - 1; right > 0; right -= 2) {
    if (right === 6) right = 5
    for (let step = 0; step < SIZE; step += 1) {
      const y = ((right + 1) & 2) === 0 ? SIZE - 1 - step : step
      for (const x of [right, right - 1]) {
        if (grid[y][x] !== null) continue
        grid[y][x] = (bits[at] ?? false) !== MASKS[mask](x, y)
        at += 1
      }
    }
  }
  return grid as boolean[][]
}

function finder(grid: (boolean | null)[][], cx: number, cy: number): void {
  for (let dy = -4; dy <= 4; dy += 1) {
    for (let dx = -4; dx <= 4; dx += 1) {
      const [x, y, far] = [cx + dx, cy + dy, Math.max(Math.abs(dx), Math.abs(dy))]
      if (x >= 0 && x < SIZE && y >= 0 && y < SIZE) grid[y][x] = far !== 2 && far !== 4
    }
  }
}

/** Level and mask, protected by a BCH(15, 5) code, written twice. */
function format(grid: (boolean | null)[][], mask: number): void {
  let rest = mask
  for (let i = 0; i < 10; i += 1) rest = (rest << 1) ^ ((rest >> 9) * 0x537)
  const word = ((mask << 10) | rest) ^ 0x5412
  const bit = (i: number): boolean => ((word >> i) & 1) === 1
  for (let i = 0; i <= 5; i += 1) grid[i][8] = bit(i)
  grid[7][8] = bit(6)
  grid[8][8] = bit(7)
  grid[8][7] = bit(8)
  for (let i = 9; i < 15; i += 1) grid[8][14 - i] = bit(i)
  for (let i = 0; i < 8; i += 1) grid[8][SIZE - 1 - i] = bit(i)
  for (let i = 8; i < 15; i += 1) grid[SIZE - 15 + i][8] = bit(i)
  grid[SIZE - 8][8] = true
}

/** How hard a drawing is to read: runs, blocks, look-alikes of a finder, imbalance. */
function penalty(grid: boolean[][]): number {
  const columns = grid.map((_, x) => grid.map((row) => row[x]))
  let cost = 0
  for (const line of [...grid, ...columns]) {
    const text = line.map((dark) => (dark ? '1' : '0')).join('')
    for (const run of text.match(/0{5,}|1{5,}/g) ?? []) cost += run.length - 2
    for (const look of ['10111010000', '00001011101']) for (let i = text.indexOf(look); i >= 0; i = text.indexOf(look, i + 1)) cost += 40
  }
  for (let y = 1; y < SIZE; y += 1) {
    for (let x = 1; x < SIZE; x += 1) {
      if (grid[y][x] === grid[y - 1][x] && grid[y][x] === grid[y][x - 1] && grid[y][x] === grid[y - 1][x - 1]) cost += 3
    }
  }
  const dark = grid.flat().filter(Boolean).length / (SIZE * SIZE)
  return cost + Math.floor(Math.abs(dark * 100 - 50) / 5) * 10
}
