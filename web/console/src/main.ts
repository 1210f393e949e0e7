import { QueryClient, VueQueryPlugin } from '@tanstack/vue-query'
import { createApp } from 'vue'
import 'tdesign-vue-next/es/style/index.css'
import './styles/tokens.css'
import './styles/ink.css'
import './styles/kit.css'
import App from './App.vue'
import { ApiProblem, whenSignedOut } from './api/http'
import { router } from './router'
import { firstLocale, i18n, showLocale } from './state/language'
import { dropSession, resumeSession, session } from './state/session'
import { firstTheme, showTheme } from './state/theme'
import { inner } from './use/inner'

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (failures, problem) => failures < 2 && problem instanceof ApiProblem && (problem.status === 0 || problem.status >= 500),
    },
  },
})

whenSignedOut(() => {
  if (!session.value) return // several requests may learn of it at once
  dropSession()
  queries.clear()
  void router.push({ path: '/sign-in', query: { to: router.currentRoute.value.fullPath } })
})

async function start(): Promise<void> {
  showTheme(firstTheme())
  await showLocale(firstLocale())
  let silent: unknown = null
  try {
    await resumeSession()
  } catch (problem) {
    silent = problem
  }
  const app = createApp(App, { silent })
  app.use(i18n).use(VueQueryPlugin, { queryClient: queries }).use(router).directive('inner', inner).mount('#app')
}

void start()
