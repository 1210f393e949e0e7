/** Both languages have the same keys and the same parameters, every key that templates name exists, and no Chinese stands in templates. */
const fs = require('node:fs')
const path = require('node:path')
const { filesOf } = require('./build-files.cjs')

const root = path.resolve(__dirname, '../src')
const wrong = []
const zh = flat(JSON.parse(fs.readFileSync(path.join(root, 'i18n/zh-CN.json'), 'utf8')))
const en = flat(JSON.parse(fs.readFileSync(path.join(root, 'i18n/en.json'), 'utf8')))

function flat(tree, before = '') {
  return Object.entries(tree).reduce((all, [key, value]) => {
    const name = before ? `${before}.${key}` : key
    return typeof value === 'string' ? { ...all, [name]: value } : { ...all, ...flat(value, name) }
  }, {})
}
const parameters = (text) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort().join()

for (const key of new Set([...Object.keys(zh), ...Object.keys(en)])) {
  if (!zh[key] || !en[key]) wrong.push(`${key}: only in one language`)
  else if (parameters(zh[key]) !== parameters(en[key])) wrong.push(`${key}: other parameters`)
}
for (const file of filesOf(root).filter((name) => /\.(vue|ts)$/.test(name))) {
  const text = fs.readFileSync(file, 'utf8')
  const name = path.relative(root, file)
  for (const [, key] of text.matchAll(/\bt\(\s*'([\w.-]+)'/g)) if (!zh[key]) wrong.push(`${name}: ${key} does not exist`)
  for (const [, key] of text.matchAll(/\$t\(\s*'([\w.-]+)'/g)) if (!zh[key]) wrong.push(`${name}: ${key} does not exist`)
  for (const [, start] of text.matchAll(/\bt\(\s*`([\w.]+)\$\{/g)) {
    if (!Object.keys(zh).some((key) => key.startsWith(start))) wrong.push(`${name}: ${start}… does not exist`)
  }
  const template = /<template>([\s\S]*)<\/template>/.exec(file.endsWith('.vue') ? text : '')?.[1] ?? ''
  const found = template.match(/[\u4e00-\u9fff]+/g)
  if (found) wrong.push(`${name}: ${found.join(' ')} in the template`)
}
if (wrong.length) {
  console.error(wrong.join('\n'))
  process.exit(1)
}
console.log(`${Object.keys(zh).length} texts in both languages`)
