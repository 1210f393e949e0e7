import type { Directive } from 'vue'

/** `null` takes an attribute away, `undefined` leaves it as it is. */
type Attributes = Record<string, string | null | undefined>

function write(element: HTMLElement, attributes: Attributes): void {
  const field = element.querySelector('input, textarea')
  // The kit's stepper has buttons without names.
  for (const [part, sign] of [['decrease', '−'], ['increase', '+']]) element.querySelector(`.t-input-number__${part}`)?.setAttribute('aria-label', sign)
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null) field?.removeAttribute(name)
    else if (field && value !== undefined && field.getAttribute(name) !== value) field.setAttribute(name, value)
  }
}

/** Puts attributes on the native field inside a kit's input, which keeps them on its frame: `id`, `aria-label`, `inputmode`. */
export const inner: Directive<HTMLElement, Attributes> = {
  mounted: (element, { value }) => write(element, value),
  updated: (element, { value }) => write(element, value),
}
