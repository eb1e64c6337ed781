// Prints the table of limiters under overload (docs/decisions/0019-concurrency-limit.md): bundles the model and runs it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { rolldown } from 'rolldown'

const folder = mkdtempSync(join(tmpdir(), 'fairlead-overload-'))
try {
  const input = fileURLToPath(new URL('../test/admission/overload/table.ts', import.meta.url))
  const file = join(folder, 'table.mjs')
  const bundle = await rolldown({ input, platform: 'node', logLevel: 'silent' })
  await bundle.write({ file, format: 'esm' })
  await import(pathToFileURL(file).href)
} finally {
  rmSync(folder, { recursive: true })
}
