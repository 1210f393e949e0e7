/** Pasted addresses, as people really write them. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { addressParts } from '../node_modules/.cache/units/address-text.mjs'

const TREE = {
  '': [['330000', '浙江省'], ['110000', '北京市'], ['650000', '新疆维吾尔自治区'], ['500000', '重庆市']],
  330000: [['330100', '杭州市'], ['330200', '宁波市']],
  330100: [['330102', '上城区', true], ['330106', '西湖区', true]],
  330200: [['330203', '海曙区', true]],
  110000: [['110100', '市辖区']],
  110100: [['110105', '朝阳区', true]],
  650000: [['650100', '乌鲁木齐市']],
  650100: [['650102', '天山区', true]],
  500000: [['500100', '市辖区'], ['500200', '县']],
  500100: [['500103', '渝中区', true]],
  500200: [['500229', '城口县', true]],
}
const below = async (parent) => (TREE[parent] ?? []).map(([code, name, is_district = false]) => ({ code, name, is_district }))
const parts = (text) => addressParts(text, below)

test('name, phone, region and street in any usual order', async () => {
  const wanted = { recipient: '苏晚晴', phone: '13805716207', district_code: '330106', region_names: ['浙江省', '杭州市', '西湖区'], street: '北山街道 12 号' }
  for (const text of [
    '苏晚晴 138 0571 6207 浙江省杭州市西湖区北山街道 12 号',
    '收货人：苏晚晴\n手机号：138-0571-6207\n所在地区：浙江省 杭州市 西湖区\n详细地址：北山街道 12 号',
    '苏晚晴，+86 13805716207，浙江省杭州市西湖区北山街道 12 号',
  ]) assert.deepEqual(await parts(text), wanted, text)
})

test('divisions without their kind are found, and the name may stand at the end', async () => {
  const found = await parts('浙江杭州西湖文三路 100 号 张伟 13900000001')
  assert.equal(found.district_code, '330106')
  assert.equal(found.recipient, '张伟')
  assert.equal(found.street, '文三路 100 号')
})

test('in a municipality the grouping level is passed through without being named', async () => {
  const beijing = await parts('王芳 13900000001 北京市朝阳区建国路 87 号')
  assert.deepEqual([beijing.district_code, beijing.region_names], ['110105', ['北京市', '朝阳区']])
  const county = await parts('王芳 13900000001 重庆市城口县葛城街道 1 号')
  assert.deepEqual([county.district_code, county.region_names], ['500229', ['重庆市', '城口县']])
})

test('an autonomous region goes by its short name too', async () => {
  const found = await parts('阿依 13900000001 新疆乌鲁木齐市天山区解放路 3 号')
  assert.equal(found.district_code, '650102')
  assert.equal(found.street, '解放路 3 号')
})

test('what cannot be told stays empty', async () => {
  assert.deepEqual(await parts('明天下午到'), { recipient: '', phone: '', district_code: '', region_names: [], street: '' })
  const phone = await parts('李雷 13900000001')
  assert.deepEqual([phone.recipient, phone.phone, phone.district_code], ['李雷', '13900000001', ''])
})
