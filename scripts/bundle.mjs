// Makes one file of the package's entry, dist/index.js. As tsc leaves it, it imports about ninety small modules, and
// reading those one by one takes four times as long as everything else that `import 'fairlead'` does. The other files of
// dist/ stay tsc's, for the command line and the types. Not minified: stack traces should be readable.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './shell.mjs'

export async function bundleEntry() {
  const { rolldown } = await import('rolldown')
  const build = await rolldown({
    input: join(ROOT, 'lib/index.ts'),
    platform: 'node',
    resolve: { extensionAlias: { '.js': ['.ts'] } },
    // Dependencies stay what npm installs, loaded on first use.
    external: (id) => !id.startsWith('.') && !id.startsWith(ROOT),
  })
  const file = join(ROOT, 'dist/index.js')
  // Comments would be a third of it; they are in the modules beside it, and in the types.
  const { output } = await build.generate({ file, format: 'esm', sourcemap: true, comments: false })
  await build.close()
  const [entry, ...others] = output.filter(({ type }) => type === 'chunk')
  if (entry === undefined || others.length > 0)
    throw new Error(`the entry became ${others.length + 1} files; it must be one`)
  writeFileSync(
    file,
    `${entry.code.trimEnd().replace(/\n\/\/# sourceMappingURL=.*$/, '')}\n//# sourceMappingURL=index.js.map\n`,
  )
  // Names and lines for stack traces. The text itself would be a fifth of the tarball, and what runs is readable as it is.
  const map = JSON.parse(entry.map?.toString() ?? '{}')
  delete map.sourcesContent
  writeFileSync(`${file}.map`, JSON.stringify(map))
}
