/**
 * Renders the compiled product page of the mini-program without WeChat's tools and taps on it:
 * the sheet of options opens and shows what can be chosen. The API answers from a table.
 */
const path = require('node:path')
const { JSDOM } = require('jsdom')

const root = path.resolve(__dirname, '../dist/build/mp-weixin')
const dom = new JSDOM('<!doctype html><html><body></body></html>', { pretendToBeVisual: true, url: 'http://localhost' })
// miniprogram-simulate expects a browser; Node's own Event classes do not fit jsdom's nodes.
for (const name of Object.getOwnPropertyNames(dom.window)) {
  if (!(name in global) || ['Event', 'CustomEvent', 'EventTarget', 'MouseEvent'].includes(name)) {
    try { global[name] = dom.window[name] } catch { /* read-only in Node, and not needed */ }
  }
}
global.window = dom.window
global.document = dom.window.document
Object.defineProperty(global, 'navigator', { value: dom.window.navigator, configurable: true })
const simulate = require('miniprogram-simulate')

const value = (id) => ({ id, name: id })
const sku = (id, option_value_ids, free) => ({ id, code: id, option_value_ids, price_minor: 1288000, list_price_minor: null, free, image_id: null })
const ANSWERS = {
  '/api/shop/shop': {
    name: '澜玉', slug: 'lanyu', locales: ['zh-CN', 'en'], locale: 'zh-CN', currency: 'CNY', theme_color: '#17624F', privacy_text: '',
    privacy_version: '1', service_phone: '', is_demo: true, unpaid_timeout_minutes: 30, write_key: 'k', demo_inbox: true,
  },
  '/api/shop/products/p1': {
    id: 'p1', handle: 'bangle', title: '冰种晴水手镯', subtitle: '', image: null, price_minor: 1288000, price_max_minor: 1288000,
    list_price_minor: null, sold_out: false, only_left: null, description_html: '<p>一镯一证</p>', images: [], attributes: [],
    options: [{ id: 'size', name: '圈口', values: [value('54'), value('56')] }, { id: 'box', name: '盒', values: [value('silk'), value('wood')] }],
    skus: [sku('a', ['54', 'silk'], 3), sku('b', ['56', 'wood'], 2), sku('c', ['54', 'wood'], 0)], kind: 'goods', pick_up_stores: 0, ship_within_hours: 48,
  },
}
const asked = []
const nothing = () => undefined
const selector = { in: () => selector, select: () => selector, selectAll: () => selector, boundingClientRect: () => selector, exec: (done) => done && done([]) }
global.wx = {
  getSystemInfoSync: () => ({ platform: 'devtools', language: 'zh_CN', windowWidth: 375, SDKVersion: '3.6.0' }),
  getAppBaseInfo: () => ({ language: 'zh_CN', SDKVersion: '3.6.0' }),
  getWindowInfo: () => ({ windowWidth: 375, windowHeight: 700, pixelRatio: 2, statusBarHeight: 20 }),
  getDeviceInfo: () => ({ platform: 'devtools' }),
  getSystemSetting: () => ({}), getAppAuthorizeSetting: () => ({}), getLaunchOptionsSync: () => ({ path: '', query: {} }),
  getEnterOptionsSync: () => ({ path: '', query: {} }), getAccountInfoSync: () => ({ miniProgram: { envVersion: 'develop' } }),
  getMenuButtonBoundingClientRect: () => ({ top: 26, left: 281, right: 368, bottom: 58, width: 87, height: 32 }),
  getExtConfigSync: () => ({ shop_origin: 'http://localhost' }),
  getStorageSync: (name) => (name === 'siyu.privacy' ? { version: '1', accepted: false } : ''),
  canIUse: () => true, onAppShow: nothing, onAppHide: nothing, onLocaleChange: nothing, setStorageSync: nothing, removeStorageSync: nothing,
  setNavigationBarTitle: nothing, setTabBarItem: nothing, setTabBarBadge: nothing, removeTabBarBadge: nothing, showToast: nothing,
  nextTick: (act) => setTimeout(act), createSelectorQuery: () => selector,
  request({ url, success, fail }) {
    const way = new URL(url).pathname
    asked.push(way)
    const data = ANSWERS[way]
    setTimeout(() => (data ? success({ statusCode: 200, data, header: {} }) : fail({ errMsg: 'no answer' })))
  },
}
global.getApp = () => global.app
global.App = (options) => { global.app = options }
global.getCurrentPages = () => []
global.Page = nothing

const wait = (ms) => new Promise((go) => setTimeout(go, ms))
function claim(holds, words) {
  if (!holds) throw new Error(words)
  console.log(`  ${words}`)
}

async function main() {
  require(path.join(root, 'app.js'))
  global.app.onLaunch({ path: 'pages/product/index', query: {} })
  const id = simulate.load(path.join(root, 'pages/product/index'), { compiler: 'official', rootPath: root })
  const page = simulate.render(id)
  const place = document.createElement('div')
  document.body.appendChild(place)
  page.attach(place)
  page.instance.onLoad({ id: 'p1' })
  page.instance.onShow?.()
  await wait(400)
  const text = () => place.textContent.replace(/\s+/g, ' ')
  claim(asked.includes('/api/shop/products/p1'), 'the page asks for its product')
  claim(text().includes('冰种晴水手镯') && text().includes('12,880'), 'title and price are shown')
  const tap = (selector, words) => {
    const found = page.querySelectorAll(selector).find((one) => one.dom.textContent.includes(words))
    if (!found) throw new Error(`Nothing to tap: ${selector} with ${words}`)
    found.dispatchEvent('tap')
  }
  tap('.btn', '放入购物袋')
  await wait(300)
  claim(text().includes('选择规格') && text().includes('圈口'), 'a tap opens the option sheet')
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error.stack)
    process.exit(1)
  },
)
