import { computed } from 'vue'
import { theme } from '@/state/theme'

const NAMES = ['ink-1', 'ink-2', 'ink-3', 'line-1', 'line-2', 'sheet', 'wash', 'jade-7', 'jade-text', 'd0', 'd1', 'd2', 'd3', 'd4', 'd5', 'zhu-6', 'shadow-2'] as const
export type Ink = Record<(typeof NAMES)[number] | 'sans', string>

/** The tokens as plain colours for canvas, read again whenever paper and ink change places. */
export const useInk = () =>
  computed<Ink>(() => {
    void theme.value
    const style = getComputedStyle(document.documentElement)
    return Object.fromEntries([...NAMES, 'sans'].map((name) => [name, style.getPropertyValue(`--${name}`).trim()])) as Ink
  })

/** Axes and tooltip every chart shares: hairlines, no frame, a dark zero line. */
export function frame(ink: Ink, categories: string[], label: (value: number) => string, options: { interval?: number; right?: number } = {}) {
  const text = { color: ink['ink-3'], fontSize: 11, fontFamily: ink.sans }
  return {
    animationDuration: 220,
    textStyle: { fontFamily: ink.sans },
    grid: { left: 4, right: options.right ?? 72, top: 16, bottom: 4, containLabel: true },
    xAxis: { type: 'category' as const, data: categories, boundaryGap: false, axisTick: { show: false }, axisLine: { lineStyle: { color: ink['line-2'] } }, axisLabel: { ...text, interval: options.interval ?? ('auto' as const), margin: 10 } },
    yAxis: { type: 'value' as const, splitNumber: 3, axisLabel: { ...text, formatter: label }, splitLine: { lineStyle: { color: ink['line-1'] } } },
    tooltip: {
      trigger: 'axis' as const,
      renderMode: 'richText' as const,
      backgroundColor: ink.sheet,
      borderColor: ink['line-2'],
      borderWidth: 1,
      padding: [8, 12],
      textStyle: { color: ink['ink-1'], fontSize: 12, lineHeight: 20, fontFamily: ink.sans },
      axisPointer: { lineStyle: { color: ink['line-2'] } },
    },
  }
}

/** The name of a line, standing at its end; `lift` moves it up or down when two ends lie close together. */
export const endLabel = (color: string, text: string, sans: string, lift = 0) => ({ show: true, formatter: () => text, color, fontSize: 11, fontFamily: sans, distance: 6, offset: [0, lift] })
