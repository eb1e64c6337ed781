// `npm run lint`, and `npm run format` (--write): TypeScript and JSON by Biome, C++ by clang-format, and the generated
// layout header against its source.
import { existsSync } from 'node:fs'
import { bin, run, say } from './shell.mjs'
import { filesBelow } from './stamp.mjs'

const write = process.argv.includes('--write')

// The layouts are as their generator writes them.
const cpp = filesBelow(['src', 'binding', 'test/native', 'bench/native']).filter(
  (file) => /\.(cpp|hpp)$/.test(file) && !/^src\/(ticket_queue_)?layout\.hpp$/.test(file),
)

/** @type {[string, string[]][]} */
const checks = [
  ['biome', [bin('@biomejs/biome'), 'check', ...(write ? ['--write'] : ['--error-on-warnings'])]],
]
if (cpp.length > 0) {
  const mode = write ? ['-i'] : ['--dry-run', '-Werror']
  checks.push(['clang-format', [bin('clang-format-node', 'clang-format'), '--style=file', ...mode, ...cpp]])
}
if (existsSync('dist/engine/layout.js') && !write) {
  checks.push(['layout', ['scripts/generate-layout.mjs', '--check']])
}

for (const [name, args] of checks) {
  const { code } = await run(process.execPath, args)
  if (code === 0) continue
  say(`lint: ${name} found faults${write ? '' : '; `npm run format` mends what can be mended'}`)
  process.exitCode = 1
}
