/** The built mini-program holds together: pages and components exist, it is small enough, and nothing names another host. */
const fs = require('node:fs')
const path = require('node:path')
const { filesOf, FOREIGN } = require('./build-files.cjs')

const LIMIT = 1.5 * 1024 * 1024
const root = path.resolve(__dirname, '../dist/build/mp-weixin')
const wrong = []
const app = JSON.parse(fs.readFileSync(path.join(root, 'app.json'), 'utf8'))
const has = (base, ...kinds) => kinds.every((kind) => fs.existsSync(`${base}.${kind}`))

for (const page of app.pages) if (!has(path.join(root, page), 'js', 'json', 'wxml')) wrong.push(`Page ${page} is not whole`)
for (const tab of app.tabBar.list) {
  if (!app.pages.includes(tab.pagePath)) wrong.push(`Tab ${tab.pagePath} is no page`)
  for (const icon of [tab.iconPath, tab.selectedIconPath]) if (!fs.existsSync(path.join(root, icon))) wrong.push(`Tab icon ${icon} is missing`)
}
const files = filesOf(root)
for (const file of files.filter((name) => name.endsWith('.json'))) {
  const { usingComponents = {} } = JSON.parse(fs.readFileSync(file, 'utf8'))
  for (const [tag, where] of Object.entries(usingComponents)) {
    const base = where.startsWith('/') ? path.join(root, where) : path.join(path.dirname(file), where)
    if (!has(base, 'js', 'json', 'wxml')) wrong.push(`${path.relative(root, file)}: ${tag} leads to ${where}, which is not whole`)
  }
}
const bytes = files.reduce((sum, file) => sum + fs.statSync(file).size, 0)
if (bytes > LIMIT) wrong.push(`The package has ${bytes} bytes, more than ${LIMIT}`)
for (const folder of [root, path.resolve(root, '../h5')]) {
  if (!fs.existsSync(folder)) continue
  for (const file of filesOf(folder).filter((name) => /\.(js|css|wxss|html|wxml|json)$/.test(name))) {
    for (const found of fs.readFileSync(file, 'utf8').match(FOREIGN) ?? []) wrong.push(`${path.relative(folder, file)} names ${found}`)
  }
}
for (const file of files.filter((name) => name.endsWith('.js'))) {
  if (/new Function\(|\beval\(/.test(fs.readFileSync(file, 'utf8'))) wrong.push(`${path.relative(root, file)} makes code from text, which WeChat forbids`)
}
if (wrong.length) {
  console.error(wrong.join('\n'))
  process.exit(1)
}
console.log(`Mini-program: ${app.pages.length} pages, ${(bytes / 1024).toFixed(0)} KB`)
