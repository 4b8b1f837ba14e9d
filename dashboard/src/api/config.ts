// Where the write API is: only the server that served us knows.

import type { PublicConfig } from './types'

export async function loadConfig(send: typeof fetch = fetch): Promise<{ writeUrl: string }> {
  const response = await send('config.json', { cache: 'no-store' })
  if (!response.ok) throw new Error(`config.json: HTTP ${response.status}`)
  const { write_api_url }: PublicConfig = await response.json()
  return { writeUrl: String(write_api_url ?? '').replace(/\/+$/, '') }
}

/** Asked once; asked again only if it could not be answered. */
export function writeUrlFromConfig(load = loadConfig): () => Promise<string> {
  let known: Promise<string> | null = null
  return () => {
    known ??= load().then(
      (config) => config.writeUrl,
      (error) => {
        known = null
        throw error
      },
    )
    return known
  }
}
