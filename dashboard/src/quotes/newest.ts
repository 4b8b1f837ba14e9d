// An answer may come from a replica that is behind what was shown.

import type { Quote } from '../api/types'

export function newest(known: Quote | undefined, said: Quote): Quote {
  return known && known.revision > said.revision ? known : said
}
