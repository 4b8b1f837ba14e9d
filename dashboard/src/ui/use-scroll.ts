// Where one is on a page, and where one comes to on the next.

import { useEffect, useLayoutEffect, useRef } from 'react'

const left = new Map<string, number>()

/** Each page is found again as it was left; a page that is new begins at its top. */
export function useScroll(location: string) {
  useLayoutEffect(() => {
    scrollTo(0, left.get(location) ?? 0)
    const remember = () => left.set(location, scrollY)
    addEventListener('scroll', remember, { passive: true })
    return () => removeEventListener('scroll', remember)
  }, [location])
}

/** Another kind of page takes the focus, so that the keyboard and screen readers go on in it. */
export function useFocusOnPage(location: string) {
  const page = location.split('/')[1]
  const before = useRef(page)
  useEffect(() => {
    if (before.current !== page) document.getElementById('content')?.focus({ preventScroll: true })
    before.current = page
  }, [page])
}
