const channels = (hex: string) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16))

/** WCAG contrast of white on the colour, 1 to 21. */
export function contrastWithWhite(hex: string): number {
  const [r, g, b] = channels(hex).map((value) => {
    const share = value / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 1.05 / (0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05)
}

/** The same hue, darkened until white text on it reaches 4.5. */
export function darkenUntilReadable(hex: string): string {
  let colour = hex
  for (let step = 0; step < 60 && contrastWithWhite(colour) < 4.5; step += 1) {
    colour = `#${channels(colour).map((value) => Math.floor(value * 0.97).toString(16).padStart(2, '0')).join('')}`
  }
  return colour
}
