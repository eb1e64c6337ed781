// Makes one file of the package's entry: dist/index.js as tsc leaves it imports about ninety small modules, and reading
// those one by one takes four times as long as everything else that `import 'fairlead'` does. The other files of dist/
// stay as they are, for the command line and the types. Not minified: stack traces should be readable.
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './shell.mjs'

export async function bundleEntry() {
  const { rolldown } = await import('rolldown')
  const file = join(ROOT, 'dist/index.js')
  const build = await rolldown({
    input: file,
    platform: 'node',
    // Dependencies stay what npm installs: loaded on first use.
    external: (id) => !id.startsWith('.') && !id.startsWith('/') && !/^[A-Za-z]:\\/.test(id),
  })
  const { output } = await build.generate({ format: 'esm', comments: true })
  await build.close()
  if (output.length !== 1) throw new Error(`the entry became ${output.length} files; it must be one`)
  writeFileSync(file, output[0].code)
  // tsc's map speaks of another file now.
  rmSync(`${file}.map`, { force: true })
}
