// `npm run docs:api [-- --check]`: writes what the package exports, as types, to docs/api/. With `--check` nothing is
// written: it fails where the public surface is not what those files say.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT, say } from './shell.mjs'

const ENTRIES = /** @type {const} */ ({
  fairlead: 'dist/index.d.ts',
  'fairlead-simulate': 'dist/simulate/index.d.ts',
})

const HELP = `Usage: npm run docs:api [-- --check]

Writes the public types of each entry to docs/api/. Build first: npm run build

  --check   writes nothing, and fails where the types are others than docs/api/ says
  --help    show this
`

/**
 * What is wrong with the report of each entry; none where all are as they should be.
 * @param {{ write: boolean }} how
 * @returns {Promise<string[]>}
 */
export async function apiReports({ write }) {
  const { Extractor, ExtractorConfig } = await import('@microsoft/api-extractor')
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-api-'))
  /** @type {string[]} */
  const faults = []
  try {
    mkdirSync(join(ROOT, 'docs/api'), { recursive: true })
    for (const [name, entry] of Object.entries(ENTRIES)) {
      // The extractor wants a compiler configuration of the declarations, not of the sources.
      const tsconfig = join(folder, `${name}.json`)
      writeFileSync(tsconfig, JSON.stringify(compilerOptions(entry)))
      const config = ExtractorConfig.prepare({
        configObject: configOf(name, entry, tsconfig, folder),
        configObjectFullPath: join(ROOT, 'api-extractor.json'),
        packageJsonFullPath: join(ROOT, 'package.json'),
      })
      const result = Extractor.invoke(config, {
        localBuild: write,
        messageCallback: (message) => {
          if (message.logLevel === 'error' || message.logLevel === 'warning') {
            if (isFault(message.text)) faults.push(`${name}: ${message.text}`)
          }
          message.handled = true
        },
      })
      if (result.apiReportChanged && !write)
        faults.push(`${name}: docs/api/${name}.api.md is not what is exported`)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return faults
}

/**
 * That the report was written is none, nor a member whose name says all; that an export has no docstring is one.
 * @param {string} text
 */
const isFault = (text) => !/API report|API signature|been copied|Missing documentation for "[^A-Z]/.test(text)

/** @param {string} entry */
function compilerOptions(entry) {
  return {
    compilerOptions: {
      target: 'es2023',
      lib: ['es2024', 'esnext.disposable', 'esnext.collection'],
      module: 'nodenext',
      types: ['node'],
      typeRoots: [join(ROOT, 'node_modules/@types')],
      skipLibCheck: true,
    },
    files: [join(ROOT, entry)],
  }
}

/**
 * @param {string} name
 * @param {string} entry
 * @param {string} tsconfig
 * @param {string} folder
 * @returns {import('@microsoft/api-extractor').IConfigFile}
 */
function configOf(name, entry, tsconfig, folder) {
  const none = { logLevel: /** @type {any} */ ('none') }
  return {
    projectFolder: ROOT,
    mainEntryPointFilePath: join(ROOT, entry),
    compiler: { tsconfigFilePath: tsconfig },
    apiReport: {
      enabled: true,
      reportFileName: `${name}.api.md`,
      reportFolder: join(ROOT, 'docs/api'),
      reportTempFolder: folder,
    },
    docModel: { enabled: false },
    dtsRollup: { enabled: false },
    tsdocMetadata: { enabled: false },
    newlineKind: /** @type {any} */ ('lf'),
    messages: {
      compilerMessageReporting: { default: { logLevel: /** @type {any} */ ('warning') } },
      extractorMessageReporting: {
        default: { logLevel: /** @type {any} */ ('warning') },
        // Stability is said by the version of the package, not by tags.
        'ae-missing-release-tag': none,
        // Types that others are made of are named where they are used.
        'ae-forgotten-export': none,
      },
      tsdocMessageReporting: { default: none },
    },
  }
}

if (process.argv[1] === import.meta.filename) {
  const args = process.argv.slice(2)
  if (args.includes('--help')) {
    process.stdout.write(HELP)
  } else {
    const write = !args.includes('--check')
    const faults = await apiReports({ write })
    for (const fault of faults) say(fault)
    if (faults.length > 0) process.exitCode = 1
    else say(write ? 'docs/api/ is written' : 'what is exported is what docs/api/ says')
  }
}
