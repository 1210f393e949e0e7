import uni from '@dcloudio/vite-plugin-uni'
import { defineConfig } from 'vite'

// Messages are interpreted, never compiled with `new Function`: the shop's pages forbid it, and so does WeChat.
const define = {
  __VUE_I18N_FULL_INSTALL__: 'false',
  __VUE_I18N_LEGACY_API__: 'false',
  __INTLIFY_JIT_COMPILATION__: 'true',
  __INTLIFY_DROP_MESSAGE_COMPILER__: 'false',
  __INTLIFY_PROD_DEVTOOLS__: 'false',
}

export default defineConfig({
  plugins: [uni()],
  define,
  css: { preprocessorOptions: { scss: { silenceDeprecations: ['legacy-js-api'] } } },
  server: { proxy: { '/api': 'http://127.0.0.1:8000', '/v1': 'http://127.0.0.1:8000' } },
})
