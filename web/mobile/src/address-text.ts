/** Takes a pasted address apart: «苏晚晴 138 0571 6207 浙江省杭州市西湖区北山街道 12 号» → name, phone, region, street. */
import type { RegionOut } from '@client'

export interface AddressParts {
  recipient: string
  phone: string
  district_code: string
  region_names: string[]
  street: string
}

type Below = (parent: string) => Promise<RegionOut[]>

const PHONE = /(?:\+?86[-\s]?)?(1\d{2}[-\s]?\d{4}[-\s]?\d{4})/
const LABELS = /(收货人|收件人|姓名|联系人|手机号码|手机号|联系电话|手机|电话|所在地区|收货地址|详细地址|地址|recipient|name|phone|address)\s*[:：]/gi
/** Names that only group districts and that nobody writes on a parcel. */
const GROUPING = /^(市辖区|县|省直辖县级行政区划|自治区直辖县级行政区划)$/
const KIND = /(特别行政区|维吾尔自治区|壮族自治区|回族自治区|自治区|自治州|自治县|地区|省|市|区|县|盟|旗)$/

/** What can be told from a text; parts that cannot stay empty. `below` names the divisions under a code, "" for provinces. */
export async function addressParts(text: string, below: Below): Promise<AddressParts> {
  const phone = (PHONE.exec(text)?.[1] ?? '').replace(/\D/g, '')
  const words = text.replace(PHONE, ' ').replace(LABELS, ' ').replace(/[\s,，;；]+/g, ' ').trim()
  const found = await district(words, below)
  const start = found ? found.start : words.length
  const street = found ? words.slice(found.end).trim() : ''
  const before = words.slice(0, start).trim().split(' ').filter(isName)
  const after = found && !before.length ? street.split(' ').filter(isName).pop() : undefined
  return {
    recipient: found || phone ? (before[0] ?? after ?? '') : '',
    phone,
    district_code: found?.code ?? '',
    region_names: found?.names ?? [],
    street: after ? street.replace(after, '').trim() : street,
  }
}

function isName(word: string): boolean {
  return word.length > 1 && word.length <= 12 && !/\d|[路街道号楼室镇村]$/.test(word)
}

interface Found {
  code: string
  names: string[]
  start: number
  end: number
}

async function district(words: string, below: Below): Promise<Found | null> {
  const province = match(words, 0, await below(''))
  if (!province) return null
  return descend(words, { code: province.one.code, names: [province.one.name], start: province.at, end: province.end }, province.one, below)
}

/** From a division to the district the text goes on with; groups are looked through without being named. */
async function descend(words: string, so: Found, division: RegionOut, below: Below): Promise<Found | null> {
  if (division.is_district) return so
  const items = await below(division.code)
  const next = match(words, so.end, items.filter((one) => !GROUPING.test(one.name)))
  if (next) return descend(words, { code: next.one.code, names: [...so.names, next.one.name], start: so.start, end: next.end }, next.one, below)
  for (const group of items.filter((one) => GROUPING.test(one.name))) {
    const found = await descend(words, { ...so, code: group.code }, group, below)
    if (found) return found
  }
  return null
}

/** The division that stands first in the text after `from`, by its full name or without its kind; the longer name wins. */
function match(words: string, from: number, items: RegionOut[]): { one: RegionOut; at: number; end: number } | null {
  let best: { one: RegionOut; at: number; end: number } | null = null
  for (const one of items) {
    for (const name of [one.name, one.name.replace(KIND, '')]) {
      const at = name.length > 1 ? words.indexOf(name, from) : -1
      if (at < 0 || (from > 0 && at - from > 6)) continue
      const end = at + name.length
      if (!best || at < best.at || (at === best.at && end > best.end)) best = { one, at, end }
    }
  }
  return best
}
