import type { OrderLineOut } from '@client'

/** Pieces of a line that may still be refunded. */
export const refundable = (line: OrderLineOut) => line.quantity - line.refunded_quantity

/**
 * What refunding `quantity` more pieces gives back, out of the line's frozen paid amount: cumulative shares rounded down,
 * the last piece takes the rest, so that all refunds of a line add up to exactly what was paid for it.
 */
export function refundOf(line: OrderLineOut, quantity: number): number {
  const gone = line.refunded_quantity + quantity
  const due = gone >= line.quantity ? line.line_minor : Math.floor((line.line_minor * gone) / line.quantity)
  return Math.max(0, due - line.refunded_minor)
}
