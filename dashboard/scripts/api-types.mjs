// Makes src/api/generated/*.ts from docs/api/*.json, or with --check says whether they are fresh.
// openapi-typescript lives in tools/, with the TypeScript that it needs; it is installed there on first use.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const dashboard = dirname(dirname(fileURLToPath(import.meta.url)))
const tools = join(dashboard, 'tools')
const documents = join(dashboard, '..', 'docs', 'api')
const generated = join(dashboard, 'src', 'api', 'generated')
const APIS = ['write-api', 'read-api']

function generator() {
  const program = join(tools, 'node_modules', 'openapi-typescript', 'bin', 'cli.js')
  if (!existsSync(program)) {
    execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: tools, stdio: 'inherit' })
  }
  return program
}

function generate(into) {
  mkdirSync(into, { recursive: true })
  for (const api of APIS) {
    const [from, to] = [join(documents, `${api}.json`), join(into, `${api}.ts`)]
    execFileSync(process.execPath, [generator(), from, '--output', to, '--alphabetize'], {
      cwd: tools,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  }
}

function stale(into) {
  const text = (folder, api) => {
    const file = join(folder, `${api}.ts`)
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  }
  return APIS.filter((api) => text(into, api) !== text(generated, api))
}

if (process.argv.includes('--check')) {
  const into = mkdtempSync(join(tmpdir(), 'api-types-'))
  try {
    generate(into)
    const old = stale(into)
    if (old.length > 0) {
      console.error(`src/api/generated is stale for ${old.join(', ')}: run "npm run api-types"`)
      process.exitCode = 1
    }
  } finally {
    rmSync(into, { recursive: true })
  }
} else {
  generate(generated)
}
