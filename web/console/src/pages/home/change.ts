import type { MetricOut } from '@client'
import { count, money, percent } from '@/use/say'

/** A metric's figure in its unit. */
export function figure(value: number, unit: MetricOut['unit']): string {
  if (unit === 'minor') return money(value)
  return unit === 'bp' ? percent(value) : count(value)
}

export interface Change { mark: '▲' | '▼' | '▬'; size: number | null; points: boolean }

/** Direction and size against the period before: per cent, for rates percentage points; size null if nothing can be compared. */
export function change(value: number, previous: number | null, unit: MetricOut['unit'] = 'count'): Change {
  if (previous === null) return { mark: '▬', size: null, points: false }
  const by = value - previous
  const mark = by > 0 ? '▲' : by < 0 ? '▼' : '▬'
  if (unit === 'bp') return { mark, size: Math.abs(by) / 100, points: true }
  return { mark, size: previous === 0 ? null : (Math.abs(by) / Math.abs(previous)) * 100, points: false }
}
