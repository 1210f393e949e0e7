import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import Components from 'unplugin-vue-components/vite'
import { TDesignResolver } from 'unplugin-vue-components/resolvers'
import { defineConfig, type Plugin } from 'vite'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

type Pairs = { [key: string]: Pairs | [string, string] }
const LOCALES = ['zh-CN', 'en']
/** Texts of pages that nobody meets first: loaded with the first page other than home. */
const LATER = ['audit', 'backups', 'effective', 'freight', 'imports', 'ledger', 'notices', 'vault']

function oneLanguage(pairs: Pairs, index: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(pairs).map(([key, value]) => [key, Array.isArray(value) ? value[index] : oneLanguage(value, index)]),
  )
}

/** `virtual:texts/zh-CN`, `virtual:texts/en` and the same with `/later`: one language out of src/texts/*.json, where each text is a [zh, en] pair. */
function texts(): Plugin {
  const folder = path('./src/texts')
  return {
    name: 'siyu-texts',
    resolveId: (id) => (id.startsWith('virtual:texts/') ? `\0${id}` : undefined),
    load(id) {
      if (!id.startsWith('\0virtual:texts/')) return undefined
      const [locale, later] = id.slice('\0virtual:texts/'.length).split('/')
      const index = LOCALES.indexOf(locale)
      const all: Record<string, unknown> = {}
      for (const file of readdirSync(folder).sort()) {
        const name = file.replace('.json', '')
        if (LATER.includes(name) !== (later === 'later')) continue
        this.addWatchFile(`${folder}/${file}`)
        all[name] = oneLanguage(JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')) as Pairs, index)
      }
      return `export default ${JSON.stringify(all)}`
    },
  }
}

export default defineConfig({
  plugins: [
    vue(),
    texts(),
    Components({ dirs: ['src/ui'], dts: 'src/components.d.ts', resolvers: [TDesignResolver({ library: 'vue-next' })] }),
  ],
  resolve: { alias: { '@client': path('../client/index.ts'), '@': path('./src') } },
  define: {
    __VUE_I18N_FULL_INSTALL__: false,
    __VUE_I18N_LEGACY_API__: false,
    __INTLIFY_PROD_DEVTOOLS__: false,
    __INTLIFY_JIT_COMPILATION__: true,
    __INTLIFY_DROP_MESSAGE_COMPILER__: false,
    __VUE_PROD_DEVTOOLS__: false,
  },
  build: { target: 'es2022', assetsInlineLimit: 0, chunkSizeWarningLimit: 700, manifest: true, modulePreload: { polyfill: false } },
  server: {
    port: 5173,
    proxy: { '/api': 'http://localhost:8000', '/media': 'http://localhost:8000' },
  },
})
