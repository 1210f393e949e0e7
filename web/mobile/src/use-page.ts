/** What every page does: know whether it is looked at, set its title, begin the visit. */
import { onHide, onShow } from '@dcloudio/uni-app'
import { inject, provide, ref, watch, type InjectionKey, type Ref } from 'vue'
import { useCart } from '@/stores/cart'
import { useShop } from '@/stores/shop'
import { nameTabs } from '@/tabs'

const SEEN: InjectionKey<Ref<boolean>> = Symbol('seen')

/** `title` gives the words of the title bar; `tab` marks the four pages of the tab bar. */
export function usePage(title: () => string, tab = false): { seen: Ref<boolean> } {
  const seen = ref(false)
  const shop = useShop()
  const cart = useCart()
  provide(SEEN, seen)
  function say(): void {
    const name = shop.info?.name
    const words = [title(), name].filter((one, at, all) => one && all.indexOf(one) === at).join(' · ')
    if (words && seen.value) uni.setNavigationBarTitle({ title: words })
  }
  onShow(() => {
    seen.value = true
    say()
    if (tab) {
      nameTabs()
      cart.badge()
    }
  })
  onHide(() => {
    seen.value = false
  })
  watch([title, () => shop.info?.name], say)
  return { seen }
}

/** Whether the page around this component is looked at. */
export function useSeen(): Ref<boolean> {
  return inject(SEEN, ref(true))
}
