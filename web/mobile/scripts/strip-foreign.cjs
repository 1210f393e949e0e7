/**
 * Removes addresses of other hosts from a build: uni-app's runtime names map services and pictures of its maker,
 * which this app does not use. What is not an address to load (XML namespaces, links in licence comments) stays.
 */
const fs = require('node:fs')
const path = require('node:path')
const { filesOf, FOREIGN } = require('./build-files.cjs')

const folder = path.resolve(process.argv[2])
let replaced = 0
for (const file of filesOf(folder)) {
  if (!/\.(js|css|wxss|html|wxml|json)$/.test(file)) continue
  const text = fs.readFileSync(file, 'utf8')
  const next = text.replace(FOREIGN, () => {
    replaced += 1
    return /\.(css|wxss)$/.test(file) ? 'data:,' : 'about:blank'
  })
  if (next !== text) fs.writeFileSync(file, next)
}
console.log(`${path.relative(process.cwd(), folder)}: ${replaced} foreign addresses removed`)
