/** Adds up what a first visit to the home page loads, gzipped, and fails above the budget; also looks for foreign hosts in the build. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const BUDGET_KB = 350
const DIST = fileURLToPath(new URL('../dist', import.meta.url))
const manifest = JSON.parse(readFileSync(join(DIST, '.vite/manifest.json'), 'utf8'))
const FIRST = ['index.html', 'src/shell/AppShell.vue', 'src/pages/home/TodayPage.vue', 'src/charts/ChartBox.vue']
const files = new Set(['index.html'])
const seen = new Set()

function take(key) {
  if (seen.has(key)) return
  seen.add(key)
  const chunk = manifest[key]
  if (!chunk) throw new Error(`${key} is not in the build`)
  files.add(chunk.file)
  for (const file of chunk.css ?? []) files.add(file)
  for (const next of chunk.imports ?? []) take(next)
}
for (const key of FIRST) take(key)
const texts = Object.entries(manifest).filter(([key]) => key.includes('virtual:texts/') && !key.endsWith('/later'))
if (texts.length !== 2) throw new Error(`expected two languages, found ${texts.length}`)
const size = (file) => gzipSync(readFileSync(join(DIST, file)), { level: 9 }).length
files.add(texts.map(([, chunk]) => chunk.file).sort((a, b) => size(b) - size(a))[0])

const sizes = [...files].map((file) => [file, size(file)]).sort((a, b) => b[1] - a[1])
const total = sizes.reduce((sum, [, bytes]) => sum + bytes, 0) / 1024
for (const [file, bytes] of sizes.slice(0, 12)) console.log(`${(bytes / 1024).toFixed(1).padStart(8)} KB  ${file}`)
console.log(`${total.toFixed(1).padStart(8)} KB  first load of the home page, budget ${BUDGET_KB} KB`)

/** Addresses that are only names: XML namespaces and links in messages of libraries. None of them is ever fetched. */
const NAMES = /^(www\.w3\.org|vuejs\.org|router\.vuejs\.org|vue-i18n\.intlify\.dev|github\.com|echarts\.apache\.org|tanstack\.com|day\.js\.org|tdesign\.tencent\.com)$/
const foreign = new Set()
for (const file of readdirSync(DIST, { recursive: true })) {
  if (!/\.(js|css|html|svg)$/.test(file)) continue
  for (const [, host] of readFileSync(join(DIST, file), 'utf8').matchAll(/(?:https?:)?\/\/([a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,})(?=[/"'`)\s])/gi)) if (!NAMES.test(host)) foreign.add(`${host} in ${file}`)
}
if (foreign.size) console.error(`foreign hosts:\n${[...foreign].join('\n')}`)
process.exit(total > BUDGET_KB || foreign.size ? 1 : 0)
