/** H5: everything that can be tapped can be reached by Tab and pressed with Enter or Space, and says what it is. */

const ROLES = ['button', 'link', 'tab', 'radio', 'checkbox', 'switch']
/** What uni-app leaves on a field's frame, and belongs on the field. */
const OF_FIELDS = ['aria-label', 'aria-invalid', 'aria-describedby']
const WANTED = ROLES.map((role) => `[role="${role}"]:not([tabindex])`).join(',')

export function makeReachable(): void {
  dress()
  new MutationObserver(dress).observe(document.body, { childList: true, subtree: true, attributeFilter: ['role', ...OF_FIELDS] })
  document.addEventListener('keydown', press)
}

function dress(): void {
  document.querySelectorAll('.uni-tabbar:not([role])').forEach((bar) => bar.setAttribute('role', 'navigation'))
  document.querySelectorAll('.uni-tabbar__item:not([role])').forEach((item) => item.setAttribute('role', 'link'))
  document.querySelectorAll('uni-button:not([role])').forEach((button) => button.setAttribute('role', 'button'))
  // uni-app keeps what is said of a field on its frame, and gives pictures none: the frame of a picture has said it already.
  for (const name of OF_FIELDS) {
    document.querySelectorAll(`uni-input[${name}], uni-textarea[${name}]`).forEach((frame) => {
      frame.querySelector('input, textarea')?.setAttribute(name, frame.getAttribute(name) ?? '')
      frame.removeAttribute(name)
    })
  }
  document.querySelectorAll('img:not([alt])').forEach((picture) => picture.setAttribute('alt', ''))
  document.querySelectorAll<HTMLElement>(WANTED).forEach((element) => {
    element.tabIndex = 0
  })
}

function press(event: KeyboardEvent): void {
  const element = event.target as HTMLElement | null
  if (!element || (event.key !== 'Enter' && event.key !== ' ')) return
  if (!ROLES.includes(element.getAttribute('role') ?? '') || element.getAttribute('aria-disabled') === 'true') return
  event.preventDefault()
  element.click()
}
