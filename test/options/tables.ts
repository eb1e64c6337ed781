/** The tables of `docs/configuration.md`, made from the options that a configuration is checked against. */
import { ROOT } from '../../lib/configuration/parse.js'
import { RULE } from '../../lib/configuration/rule.js'
import { SERVICE } from '../../lib/configuration/service.js'
import { MONITOR } from '../../lib/network/monitor.js'
import { LINK, MEASUREMENT, NODE } from '../../lib/network/options.js'
import type { GroupOption, Option, Shape } from '../../lib/options/option.js'
import { rangeOf, rightOf } from '../../lib/options/right.js'
import { quoted } from '../../lib/options/words.js'
import { POLICY_OPTIONS } from '../../lib/policy/options.js'
import { SOURCE } from '../../lib/sources/options.js'
import { ENDPOINT } from '../../lib/topology/options.js'

/** The documented groups by the name of their table. */
export const TABLES: Readonly<Record<string, GroupOption>> = {
  root: ROOT,
  service: SERVICE,
  endpoint: ENDPOINT,
  rule: RULE,
  source: SOURCE,
  node: NODE,
  link: LINK,
  monitor: MONITOR,
  measurement: MEASUREMENT,
  ...Object.fromEntries([...POLICY_OPTIONS].map(([name, options]) => [`policy ${name}`, options])),
}

/** One row for each option of the group, nested ones by dotted path. */
export function tableOf({ shape }: GroupOption): string {
  return [
    '| Option | Type | Unit | Range | Default | Source | What it does |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rowsOf(shape, ''),
  ].join('\n')
}

function rowsOf(shape: Shape, prefix: string): string[] {
  return Object.entries<Option>(shape).flatMap(([key, option]) => {
    const path = prefix + key
    // A group that says what it may be is a row; one that does not is a group of rows.
    if (option.kind === 'group' && option.range === undefined) {
      const rows = rowsOf(option.shape, `${path}.`)
      return option.orTrue === undefined ? rows : [switchRow(path, option), ...rows]
    }
    const byDefault = defaultOf(option)
    if ((option.required === true) === (byDefault !== undefined))
      throw new Error(`${path}: it is required or says its default, one of the two`)
    if (option.about === undefined) throw new Error(`${path}: it does not say what it does`)
    const cells = [
      `\`${path}\``,
      typeOf(option),
      option.unit,
      option.range ?? documentedRange(option),
      byDefault ?? 'required',
      option.source,
      option.about,
    ]
    return [`| ${cells.map((cell) => (cell ?? '').replace(/\|/g, '\\|')).join(' | ')} |`]
  })
}

/** Of a group that `true` switches on. */
const switchRow = (path: string, { orTrue, summary }: GroupOption): string =>
  `| \`${path}\` | boolean or object |  | \`true\`: ${orTrue}; or some of those | off |  | ${summary} |`

function typeOf(option: Option): string | undefined {
  if (option.type !== undefined) return option.type
  switch (option.kind) {
    case 'number':
      return option.integer ? 'integer' : 'number'
    case 'text':
    case 'choice':
      return 'string'
    case 'flag':
      return 'boolean'
    case 'list':
      return 'array'
    default:
      return undefined
  }
}

function documentedRange(option: Option): string {
  if (option.kind === 'number') return rangeOf(option)
  return option.kind === 'choice' ? quoted(option.words) : rightOf(option)
}

/** What holds where an option is left out; undefined where it is required. */
export function defaultOf(option: Option): string | undefined {
  const value = option.defaultText ?? textOf(option.default)
  return value === undefined || option.unless === undefined ? value : `${value}, ${option.unless}`
}

function textOf(value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) {
    const items = value.join(', ')
    return value.every((item) => typeof item === 'number') ? `\`[${items}]\`` : `\`${items}\``
  }
  return `\`${String(value)}\``
}

/** The text with what stands between each `<!-- options: NAME -->` and `<!-- end -->` made anew. */
export function withTables(text: string): string {
  return text.replace(
    /(<!-- options: (.*?) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, open: string, name: string, close: string) => {
      if (!Object.hasOwn(TABLES, name)) throw new Error(`there is no table "${name}"`)
      return `${open}${tableOf(TABLES[name])}\n${close}`
    },
  )
}
