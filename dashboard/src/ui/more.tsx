// The rest of a list, when somebody asks for it.

import { useI18n } from '../i18n/i18n'

interface Paged {
  hasNextPage: boolean
  isFetchingNextPage: boolean
  fetchNextPage(): unknown
}

export function More({ list }: { list: Paged }) {
  const { t } = useI18n()
  if (!list.hasNextPage) return null
  return (
    <button
      type="button"
      className="more"
      disabled={list.isFetchingNextPage}
      onClick={() => list.fetchNextPage()}
    >
      {list.isFetchingNextPage ? t('board.loading') : t('board.more')}
    </button>
  )
}
