/** What a phone loads before the home page shows: the entry with everything it imports, and the home page's own files. */
const fs = require('node:fs')
const path = require('node:path')
const zlib = require('node:zlib')

const LIMIT_KB = 300
const root = path.resolve(__dirname, '../dist/build/h5')
const assets = path.join(root, 'assets')
const html = fs.readFileSync(path.join(root, 'index.html'), 'utf8')
const first = new Set([...html.matchAll(/(?:src|href)="\/assets\/([^"]+)"/g)].map((match) => match[1]))
for (const name of fs.readdirSync(assets)) if (/^(pages-home-home\.|home-)/.test(name)) first.add(name)
for (const name of first) {
  if (!name.endsWith('.js')) continue
  const text = fs.readFileSync(path.join(assets, name), 'utf8')
  for (const [, other] of text.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)) first.add(other)
}
const files = [...first].filter((name) => fs.existsSync(path.join(assets, name)))
const css = fs.readdirSync(assets).filter((name) => name.endsWith('.css') && !first.has(name) && files.some((js) => name.startsWith(`${js.split('.')[0]}-`)))
const kb = [...files, ...css].reduce((sum, name) => sum + zlib.gzipSync(fs.readFileSync(path.join(assets, name))).length, 0) / 1024
console.log(`First load: ${kb.toFixed(0)} KB gzip in ${files.length + css.length} files (limit ${LIMIT_KB})`)
if (kb > LIMIT_KB) process.exit(1)
