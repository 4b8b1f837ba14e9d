// Where the token lives: in this tab, until it is closed. It arrives pasted, or behind the `#` of the address that
// `cargo xtask up` prints; there it must not stay, for addresses end up in histories and screenshots.

const KEY = 'mes.token'

export function tokenFromAddress(hash: string): string | null {
  return /^#\/?token=([^&]+)/.exec(hash)?.[1] ?? null
}

/** Takes the token out of the address, if there is one. */
export function takeTokenFromAddress(): string | null {
  const token = tokenFromAddress(location.hash)
  if (token) history.replaceState(null, '', `${location.pathname}${location.search}#/`)
  return token ? decodeURIComponent(token) : null
}

export const savedToken = {
  get: () => sessionStorage.getItem(KEY),
  set: (token: string) => sessionStorage.setItem(KEY, token),
  clear: () => sessionStorage.removeItem(KEY),
}
