import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import { openAreas } from '@/shell/areas'
import { loadAllTexts } from '@/state/language'
import { may, owesSecondStep, session } from '@/state/session'

const pages: RouteRecordRaw[] = [
  { path: '', component: () => import('@/pages/home/TodayPage.vue'), meta: { page: 'today' } },
  { path: 'board', component: () => import('@/pages/home/BoardPage.vue'), meta: { page: 'board' } },
  { path: 'customers', component: () => import('@/pages/customers/CustomersPage.vue'), meta: { page: 'customers' } },
  { path: 'customers/:id', component: () => import('@/pages/customers/CustomerPage.vue'), meta: { page: 'customers', detail: 'customer' }, props: true },
  { path: 'products', component: () => import('@/pages/products/ProductsPage.vue'), meta: { page: 'products' } },
  { path: 'products/new', component: () => import('@/pages/products/ProductPage.vue'), meta: { page: 'products', detail: 'new_product' }, props: { id: null } },
  { path: 'products/:id', component: () => import('@/pages/products/ProductPage.vue'), meta: { page: 'products', detail: 'product' }, props: true },
  { path: 'categories', component: () => import('@/pages/products/CategoriesPage.vue'), meta: { page: 'categories' } },
  { path: 'imports', component: () => import('@/pages/imports/ImportsPage.vue'), meta: { page: 'imports' } },
  { path: 'imports/:id', component: () => import('@/pages/imports/ImportPage.vue'), meta: { page: 'imports', detail: 'import' }, props: true },
  { path: 'stock', component: () => import('@/pages/stock/StockPage.vue'), meta: { page: 'stock' } },
  { path: 'orders', component: () => import('@/pages/orders/OrdersPage.vue'), meta: { page: 'orders' } },
  { path: 'orders/:id', component: () => import('@/pages/orders/OrderPage.vue'), meta: { page: 'orders', detail: 'order' }, props: true },
  { path: 'freight', component: () => import('@/pages/freight/FreightPage.vue'), meta: { page: 'freight' } },
  { path: 'storefront', component: () => import('@/pages/storefront/StorefrontPage.vue'), meta: { page: 'storefront' } },
  { path: 'storefront/:pageKey', component: () => import('@/pages/storefront/EditorPage.vue'), meta: { page: 'storefront', detail: 'editor' }, props: true },
  { path: 'links', component: () => import('@/pages/links/LinksPage.vue'), meta: { page: 'links' } },
  { path: 'units', component: () => import('@/pages/platform/UnitsPage.vue'), meta: { page: 'units' } },
  { path: 'staff', component: () => import('@/pages/platform/StaffPage.vue'), meta: { page: 'staff' } },
  { path: 'roles', component: () => import('@/pages/platform/RolesPage.vue'), meta: { page: 'roles' } },
  { path: 'ledger', component: () => import('@/pages/ledger/LedgerPage.vue'), meta: { page: 'ledger' } },
  { path: 'jobs', component: () => import('@/pages/platform/JobsPage.vue'), meta: { page: 'jobs' } },
  { path: 'health', component: () => import('@/pages/platform/HealthPage.vue'), meta: { page: 'health' } },
  { path: 'parked-events', component: () => import('@/pages/platform/ParkedPage.vue'), meta: { page: 'parked' } },
  { path: 'notices', component: () => import('@/pages/notices/NoticesPage.vue'), meta: { page: 'notices' } },
  { path: 'vault', component: () => import('@/pages/customers/VaultPage.vue'), meta: { page: 'vault' } },
  { path: 'backups', component: () => import('@/pages/platform/BackupsPage.vue'), meta: { page: 'backups' } },
  { path: 'audit', component: () => import('@/pages/platform/AuditPage.vue'), meta: { page: 'audit' } },
  { path: 'settings', component: () => import('@/pages/platform/SettingsPage.vue'), meta: { page: 'brand' } },
  { path: 'effective', component: () => import('@/pages/effective/EffectivePage.vue'), meta: { page: 'effective' } },
  { path: 'me', component: () => import('@/pages/platform/MePage.vue'), meta: { page: 'me' } },
  { path: ':anything(.*)*', component: () => import('@/pages/NotFoundPage.vue') },
]

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/sign-in', component: () => import('@/pages/sign-in/SignInPage.vue'), meta: { open: true } },
    { path: '/', component: () => import('@/shell/AppShell.vue'), children: pages },
  ],
  scrollBehavior: (to, from, kept) => kept ?? (to.path === from.path ? {} : { top: 0 }),
})

router.beforeResolve(async (to) => {
  if (to.path !== '/' && !to.meta.open) await loadAllTexts()
})
router.beforeEach((to) => {
  if (!session.value && !to.meta.open) return { path: '/sign-in', query: to.fullPath === '/' ? {} : { to: to.fullPath } }
  if (session.value && to.path === '/sign-in') return { path: '/' }
  if (owesSecondStep() && to.path !== '/me') return { path: '/me' }
  if (session.value && to.path === '/' && !may('boards.view')) return { path: openAreas(may)[0]?.pages[0].path ?? '/me' }
  return true
})
