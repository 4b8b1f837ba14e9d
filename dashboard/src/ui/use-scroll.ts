// Each page is found again as it was left; a page that is new begins at its top.

import { useLayoutEffect } from 'react'

const left = new Map<string, number>()

export function useScroll(location: string) {
  useLayoutEffect(() => {
    scrollTo(0, left.get(location) ?? 0)
    const remember = () => left.set(location, scrollY)
    addEventListener('scroll', remember, { passive: true })
    return () => removeEventListener('scroll', remember)
  }, [location])
}
