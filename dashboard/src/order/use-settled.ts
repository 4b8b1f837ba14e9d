// A button that has just changed its meaning does not listen for a moment: the second half of a double click on
// "Take" must not say "Made".

import { useEffect, useState } from 'react'

const MOMENT_MS = 700

export function useSettled(version: number): boolean {
  const [seen, setSeen] = useState(version)
  useEffect(() => {
    if (seen === version) return
    const timer = setTimeout(() => setSeen(version), MOMENT_MS)
    return () => clearTimeout(timer)
  }, [seen, version])
  return seen === version
}
