// The list that one came from, to go back to.

let last = '/board'

export function rememberList(location: string) {
  if (/^\/(board|my-work|find)\b/.test(location)) last = location
}

export function lastList(): string {
  return last
}
