/** The menu is the trade: one Song character per area, its pages beneath. Only what exists is listed. */
export interface MenuPage {
  key: string
  path: string
  /** Starts a named group in the section list. */
  group?: string
  /** Name of the session's count shown at the right. */
  count?: string
  /** The count means that somebody is waiting: cinnabar. */
  hot?: boolean
}
export interface Area { key: string; seal: string; pages: MenuPage[] }

export const AREAS: Area[] = [
  { key: 'overview', seal: '览', pages: [{ key: 'today', path: '/' }, { key: 'board', path: '/board' }] },
  { key: 'people', seal: '人', pages: [{ key: 'customers', path: '/customers' }] },
  {
    key: 'goods',
    seal: '货',
    pages: [
      { key: 'products', path: '/products', count: 'products' },
      { key: 'categories', path: '/categories' },
      { key: 'imports', path: '/imports' },
      { key: 'stock', path: '/stock' },
      { key: 'orders', path: '/orders', group: 'selling', count: 'orders_to_ship' },
      { key: 'freight', path: '/freight' },
    ],
  },
  { key: 'scenes', seal: '场', pages: [{ key: 'storefront', path: '/storefront' }, { key: 'links', path: '/links' }] },
  {
    key: 'platform',
    seal: '台',
    pages: [
      { key: 'units', path: '/units' },
      { key: 'staff', path: '/staff' },
      { key: 'roles', path: '/roles' },
      { key: 'jobs', path: '/jobs', group: 'running', count: 'jobs_running' },
      { key: 'parked', path: '/parked-events', count: 'parked_events', hot: true },
      { key: 'audit', path: '/audit' },
      { key: 'brand', path: '/settings', group: 'settings' },
      { key: 'me', path: '/me' },
    ],
  },
]

/** Area and page of a route by its `page` meta. */
export function findPage(key: unknown): { area: Area; page: MenuPage } | undefined {
  for (const area of AREAS) {
    const page = area.pages.find((one) => one.key === key)
    if (page) return { area, page }
  }
  return undefined
}
