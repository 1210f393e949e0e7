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
  /** Any one of these permissions opens the page; none named: open to all. */
  needs?: string[]
}
export interface Area { key: string; seal: string; pages: MenuPage[] }

export const AREAS: Area[] = [
  { key: 'overview', seal: '览', pages: [{ key: 'today', path: '/', needs: ['boards.view'] }, { key: 'board', path: '/board', needs: ['boards.view'] }] },
  { key: 'people', seal: '人', pages: [{ key: 'customers', path: '/customers', needs: ['customers.view'] }, { key: 'notices', path: '/notices', needs: ['notices.view'] }, { key: 'vault', path: '/vault', needs: ['vault.manage'] }] },
  {
    key: 'goods',
    seal: '货',
    pages: [
      { key: 'products', path: '/products', count: 'products', needs: ['products.view'] },
      { key: 'categories', path: '/categories', needs: ['products.view'] },
      { key: 'imports', path: '/imports', needs: ['products.import'] },
      { key: 'stock', path: '/stock', needs: ['stock.view'] },
      { key: 'orders', path: '/orders', group: 'selling', count: 'orders_to_ship', needs: ['orders.view'] },
      { key: 'freight', path: '/freight', needs: ['pricing.view'] },
    ],
  },
  { key: 'scenes', seal: '场', pages: [{ key: 'storefront', path: '/storefront', needs: ['pages.view'] }, { key: 'links', path: '/links', needs: ['links.view'] }] },
  {
    key: 'platform',
    seal: '台',
    pages: [
      { key: 'units', path: '/units', needs: ['staff.view', 'units.edit'] },
      { key: 'staff', path: '/staff', needs: ['staff.view'] },
      { key: 'roles', path: '/roles', needs: ['staff.view'] },
      { key: 'ledger', path: '/ledger', group: 'money', needs: ['ledger.view'] },
      { key: 'health', path: '/health', group: 'running', needs: ['health.view'] },
      { key: 'jobs', path: '/jobs', count: 'jobs_running', needs: ['jobs.view'] },
      { key: 'parked', path: '/parked-events', count: 'parked_events', hot: true, needs: ['events.repair'] },
      { key: 'backups', path: '/backups', needs: ['backups.view'] },
      { key: 'audit', path: '/audit', needs: ['audit.view'] },
      { key: 'brand', path: '/settings', group: 'settings', needs: ['settings.edit'] },
      { key: 'effective', path: '/effective', needs: ['effective.view'] },
      { key: 'me', path: '/me' },
    ],
  },
]

/** The areas and pages a person with these permissions may open. */
export function openAreas(may: (permission: string) => boolean): Area[] {
  return AREAS.map((area) => ({ ...area, pages: area.pages.filter((page) => !page.needs || page.needs.some(may)) })).filter((area) => area.pages.length)
}

/** Area and page of a route by its `page` meta. */
export function findPage(key: unknown): { area: Area; page: MenuPage } | undefined {
  for (const area of AREAS) {
    const page = area.pages.find((one) => one.key === key)
    if (page) return { area, page }
  }
  return undefined
}
