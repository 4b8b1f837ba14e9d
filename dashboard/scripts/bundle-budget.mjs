// Fails when what a browser must fetch first has grown beyond its budget.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const BUDGET = 150_000
const assets = fileURLToPath(new URL('../dist/assets', import.meta.url))

const sizes = readdirSync(assets).map((file) => gzipSync(readFileSync(join(assets, file))).length)
const total = sizes.reduce((sum, size) => sum + size, 0)
const told = `${Math.round(total / 1000)} kB of ${BUDGET / 1000} kB, compressed`
if (total > BUDGET) {
  console.error(`the bundle is too large: ${told}`)
  process.exitCode = 1
} else {
  console.log(`bundle: ${told}`)
}
