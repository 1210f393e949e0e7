/** Bundles the plain parts of the app (no page, no `uni`) and runs tests/*.test.mjs on them with Node's own runner. */
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const esbuild = require('esbuild')

const root = path.resolve(__dirname, '..')
const out = path.join(root, 'node_modules/.cache/units')
const parts = ['qr', 'address-text', 'money', 'phone']
fs.rmSync(out, { recursive: true, force: true })
esbuild.buildSync({
  entryPoints: parts.map((name) => path.join(root, 'src', `${name}.ts`)),
  bundle: true, format: 'esm', platform: 'neutral', outdir: out, outExtension: { '.js': '.mjs' }, logLevel: 'error',
})
const tests = fs.readdirSync(path.join(root, 'tests')).filter((name) => name.endsWith('.test.mjs')).map((name) => path.join(root, 'tests', name))
process.exit(spawnSync(process.execPath, ['--test', ...tests], { stdio: 'inherit', env: { ...process.env, TZ: 'Asia/Shanghai' } }).status ?? 1)
