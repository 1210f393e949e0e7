/** Checks the texts: every text has both languages, every key the sources name exists, none lies idle, and no template holds words of its own. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SRC = fileURLToPath(new URL('../src', import.meta.url))
const CJK = /[\u3040-\u30ff\u3400-\u9fff\uff00-\uffef]/
/** Marks of the house that stay Chinese in every language, as the rail does. */
const SEALS = new Set(['TimeLine.vue', 'FormSection.vue', 'SearchPalette.vue'])
const problems = []
const texts = new Map()

function flatten(prefix, node) {
  for (const [key, value] of Object.entries(node)) {
    const path = `${prefix}.${key}`
    if (!Array.isArray(value)) flatten(path, value)
    else if (value.length !== 2 || value.some((text) => typeof text !== 'string' || !text.trim())) problems.push(`${path}: needs [zh-CN, en], both filled`)
    else {
      const slots = (text) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort().join()
      if (slots(value[0]) !== slots(value[1])) problems.push(`${path}: the two languages name different slots (${slots(value[0])} / ${slots(value[1])})`)
      if (CJK.test(value[1].replace(/[「」]/g, '')) && !path.startsWith('shell.') && !path.includes('.seal.')) problems.push(`${path}: Chinese in the English text`)
      if (/[@|]/.test(value.join(''))) problems.push(`${path}: @ and | are signs of the message format`)
      texts.set(path, value)
    }
  }
}
for (const file of readdirSync(join(SRC, 'texts'))) flatten(file.replace('.json', ''), JSON.parse(readFileSync(join(SRC, 'texts', file), 'utf8')))

const files = readdirSync(SRC, { recursive: true }).filter((name) => /\.(vue|ts)$/.test(name) && !name.endsWith('.d.ts'))
const used = new Set()
const prefixes = new Set()
for (const name of files) {
  const source = readFileSync(join(SRC, name), 'utf8')
  for (const [, key] of source.matchAll(/['"`]([a-z_]+(?:\.[a-zA-Z0-9_-]+)+)['"`]/g)) if (texts.has(key)) used.add(key)
  for (const [, call, key] of source.matchAll(/(?<![\w.])(\$?te?)\(\s*['"]([^'"]+)['"]/g)) {
    if (!call.includes('e') && !texts.has(key)) problems.push(`${name}: no text for ${key}`)
    used.add(key)
  }
  for (const [, inside] of source.matchAll(/\$?\bte?\(([^()]*\?[^()]*:[^()]*)/g)) for (const [, key] of inside.matchAll(/['"]([a-z_]+\.[\w.-]+)['"]/g)) if (!texts.has(key)) problems.push(`${name}: no text for ${key}`)
  for (const [, prefix] of source.matchAll(/`([a-z_]+(?:\.[a-z_]+)*[._])\$\{/g)) {
    prefixes.add(prefix)
    if ([...texts.keys()].every((key) => !key.startsWith(prefix)) && /\bte?\(/.test(source)) problems.push(`${name}: no texts under ${prefix}`)
  }
  if (!name.endsWith('.vue')) continue
  const template = source.slice(source.indexOf('<template>'), source.lastIndexOf('</template>')).replace(/<!--.*?-->/gs, '')
  const short = name.split('/').pop()
  template.split('\n').forEach((line) => {
    if (!SEALS.has(short) && CJK.test(line.replace(/：|，|“|”|「|」|　|'客'/g, ''))) problems.push(`${name}: words in the template: ${line.trim().slice(0, 80)}`)
    for (const [, words] of line.matchAll(/>([^<>{}]*[A-Za-z]{3,}[^<>{}]*)</g)) if (words.trim() !== 'Esc') problems.push(`${name}: words in the template: ${words.trim()}`)
  })
}
const idle = [...texts.keys()].filter((key) => !used.has(key) && ![...prefixes].some((prefix) => key.startsWith(prefix)))
for (const key of idle) problems.push(`${key}: no source names it`)

if (problems.length) {
  console.error([...new Set(problems)].join('\n'))
  process.exit(1)
}
console.log(`texts: ${texts.size} in two languages, all of them used`)
