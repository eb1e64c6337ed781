/** `fairlead doctor`: what runs here, why, and whether it works. */
import { fallbackFactory } from '../../engine/fallback/index.js'
import type { Engine } from '../../engine/index.js'
import { LAYOUT_VERSION, layoutFingerprint } from '../../engine/layout.js'
import { EXIT } from '../report.js'
import { adviceFor } from './advice.js'
import { type BinaryFindings, inspectBinary, type UsableBinary } from './binary.js'
import { hostNameText } from './host-name-text.js'
import type { HostName } from './host-names.js'
import { platformFindings } from './platform.js'
import { type CheckedEngine, type CheckResult, selfCheck } from './self-check.js'

export interface Report {
  readonly wanted: string
  /** Undefined where the engine that was asked for cannot be had. */
  readonly engine: Engine | undefined
  readonly engineError?: string
  readonly platform: ReturnType<typeof platformFindings>
  readonly layout: { readonly version: number; readonly fingerprint: string }
  readonly binary: BinaryFindings
  /** What would make the native engine available, where it is not. */
  readonly advice?: string
  readonly selfCheck: readonly CheckResult[]
  /** Of the configuration, where there is one. */
  readonly hostNames?: readonly HostName[]
  readonly ok: boolean
}

/**
 * Runs it; the exit code.
 * @param file a configuration, whose host names are looked up
 * @throws ConfigFileError
 */
export async function runDoctor(json: boolean, file?: string): Promise<number> {
  const engines = await examine()
  // Checking a configuration loads the engine: without one the report is all there is.
  const report =
    file === undefined || engines.engine === undefined
      ? engines
      : { ...engines, hostNames: await (await import('./host-names.js')).hostNamesIn(file) }
  process.stdout.write(json ? `${JSON.stringify(report, undefined, 2)}\n` : text(report))
  return report.ok ? EXIT.OK : EXIT.FAILED
}

async function examine(): Promise<Report> {
  // The report says it better than the warning that the fallback's choice emits.
  process.removeAllListeners('warning')
  const { engine, error } = await selectEngine()
  const { findings: binary, usable } = inspectBinary()
  const checks = selfCheck(await enginesHere(engine, usable))
  return {
    wanted: process.env['FAIRLEAD_ENGINE'] || 'auto',
    engine,
    ...(error === undefined ? {} : { engineError: error }),
    platform: platformFindings(),
    layout: { version: LAYOUT_VERSION, fingerprint: layoutFingerprint().toString(16) },
    binary,
    ...(binary.fault === undefined ? {} : { advice: adviceFor() }),
    selfCheck: checks,
    ok: engine !== undefined && checks.every(({ faults }) => faults.length === 0),
  }
}

/** The engine that runs, then the other where it is there as well. */
async function enginesHere(
  engine: Engine | undefined,
  usable: UsableBinary | undefined,
): Promise<CheckedEngine[]> {
  const queues = engine === undefined ? undefined : await import('./queue-check.js')
  const engines: CheckedEngine[] = [
    { kind: 'fallback', factory: fallbackFactory, checkQueue: queues?.fallbackQueueCheck },
  ]
  if (usable !== undefined) {
    const { factory, addon } = usable
    engines.push({ kind: 'native', factory, checkQueue: queues && (() => queues.nativeQueueCheck(addon)) })
  }
  return engine?.kind === 'native' ? engines.reverse() : engines
}

/** The choice is made when the module loads, and throws where FAIRLEAD_ENGINE cannot be met. */
async function selectEngine(): Promise<{ engine?: Engine; error?: string }> {
  try {
    const { engine } = await import('../../engine/index.js')
    return { engine }
  } catch (error) {
    return { error: (error as Error).message }
  }
}

function text({
  wanted,
  engine,
  engineError,
  platform,
  layout,
  binary,
  advice,
  selfCheck,
  hostNames,
  ok,
}: Report): string {
  const { libc, node, nodeApi } = platform
  const rows: [string, string][] = [
    ['engine', engine === undefined ? `none: ${engineError}` : engine.kind],
    ...(engine?.reason === undefined ? [] : [['why', engine.reason] as [string, string]]),
    ['asked for', `FAIRLEAD_ENGINE=${wanted}`],
    ['platform', `${platform.platform}-${platform.arch}${libc === undefined ? '' : `, ${libc}`}`],
    ['Node', `${node}, Node-API ${nodeApi}`],
    ['layout', `version ${layout.version}, fingerprint ${layout.fingerprint}`],
    ['binary', binary.path ?? 'none'],
  ]
  if (binary.path !== undefined) rows.push(['hash', binary.hash])
  if (binary.fault !== undefined) rows.push(['binary fault', binary.fault])
  if (binary.built !== undefined) {
    const { boost, compiler, layoutVersion, layoutFingerprint: fingerprint } = binary.built
    rows.push([
      'built with',
      `compiler ${compiler}, Boost ${boost}, layout version ${layoutVersion}, fingerprint ${fingerprint}`,
    ])
  }
  for (const { engine: kind, picks, queueChecked, faults } of selfCheck) {
    const result =
      faults.length === 0
        ? `passed: ${picks.toLocaleString('en-US')} picks${queueChecked ? ', queue round trips' : ''}`
        : `FAILED: ${faults.join('; ')}`
    rows.push([`check of ${kind}`, result])
  }
  if (advice !== undefined) rows.push(['to get native', advice])
  const width = Math.max(...rows.map(([name]) => name.length))
  const lines = rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`)
  const verdict = ok ? `The ${engine?.kind} engine runs, and works.` : 'Something is wrong: see above.'
  return `${lines.join('\n')}\n\n${verdict}\n${hostNames === undefined ? '' : `\n${namesText(hostNames)}`}`
}

function namesText(names: readonly HostName[]): string {
  if (names.length === 0) return 'No endpoint of the configuration is written with a host name.\n'
  return `Endpoints that are written with a host name:\n${names.map((name) => `  ${hostNameText(name)}\n`).join('')}`
}
