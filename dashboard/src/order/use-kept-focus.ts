// The button that was pressed may be gone when its work is done; whoever uses the keyboard goes on at the next one.

import { useEffect, useRef } from 'react'

export function useKeptFocus(version: number) {
  const buttons = useRef<HTMLDivElement>(null)
  const inside = useRef(false)
  useEffect(() => {
    const lost = version > 0 && inside.current && document.activeElement === document.body
    if (lost) buttons.current?.querySelector('button')?.focus()
  }, [version])
  return {
    ref: buttons,
    onFocus: () => {
      inside.current = true
    },
    onBlur: () => {
      inside.current = false
    },
  }
}
