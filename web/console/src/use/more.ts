import { useInfiniteQuery } from '@tanstack/vue-query'
import { computed, toValue, type MaybeRefOrGetter } from 'vue'
import type { Query } from '@/api/http'

interface Paged<T> { items: T[]; next: string | null }

/** A list read page after page by its cursor; the first page of new filters replaces the old rows only once it is there. */
export function useMore<T, P extends Paged<T>>(key: string, query: MaybeRefOrGetter<Query>, read: (query: Query) => Promise<P & Paged<T>>, options: { limit?: number; enabled?: MaybeRefOrGetter<boolean>; refetchInterval?: number } = {}) {
  const limit = options.limit ?? 40
  const answer = useInfiniteQuery({
    queryKey: [key, computed(() => toValue(query))],
    queryFn: ({ pageParam }) => read({ ...toValue(query), cursor: pageParam, limit }),
    initialPageParam: null as string | null,
    getNextPageParam: (last: Paged<T>) => last.next,
    placeholderData: (before) => before,
    enabled: computed(() => toValue(options.enabled) ?? true),
    refetchInterval: options.refetchInterval,
  })
  return {
    rows: computed<T[]>(() => answer.data.value?.pages.flatMap((page) => page.items) ?? []),
    first: computed<P | undefined>(() => answer.data.value?.pages[0] as P | undefined),
    loading: answer.isPending,
    refreshing: answer.isPlaceholderData,
    error: answer.error,
    hasMore: answer.hasNextPage,
    loadingMore: answer.isFetchingNextPage,
    more: () => answer.fetchNextPage(),
    reload: () => answer.refetch(),
  }
}
