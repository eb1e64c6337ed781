/** `lib/model/options.generated.ts`: the public types of a configuration with their hover texts, made from the options. */
import { ROOT } from '../../lib/configuration/parse.js'
import { RULE } from '../../lib/configuration/rule.js'
import { SERVICE } from '../../lib/configuration/service.js'
import { MONITOR } from '../../lib/network/monitor.js'
import { LINK, MEASUREMENT, NODE } from '../../lib/network/options.js'
import type { GroupOption, Option, Shape } from '../../lib/options/option.js'
import { rightOf } from '../../lib/options/right.js'
import { grouped, quoted } from '../../lib/options/words.js'
import { POLICY_LIST } from '../../lib/policy/list.js'
import { CUSTOM_POLICY } from '../../lib/policy/options.js'
import { SOURCE } from '../../lib/sources/options.js'
import { ENDPOINT } from '../../lib/topology/options.js'
import { defaultOf } from './tables.js'

const WIDTH = 110
const HEADER = `// Generated from the options beside the code that reads them. Do not edit: \`npm run build:options\` writes it anew.
import type { Dispatcher } from 'undici'
import type { DispatcherFactory } from './dispatcher.js'
import type { CustomPolicyName } from './policy.js'
import type { SubsetValue } from './request.js'
import type { SourceName } from './source-name.js'
`

/** The whole file. */
export function declarations(): string {
  const groups = [
    ENDPOINT,
    SOURCE,
    ...namedIn(SERVICE),
    SERVICE,
    RULE,
    ROOT,
    NODE,
    LINK,
    MEASUREMENT,
    MONITOR,
  ]
  return [HEADER, policyName(), policyConfig(), ...groups.map(declarationOf)].join('\n')
}

/** Groups inside of the group that have a public type. */
const namedIn = ({ shape }: GroupOption): GroupOption[] =>
  Object.values<Option>(shape).flatMap((option) =>
    option.kind === 'group' ? [...namedIn(option), ...(option.name === undefined ? [] : [option])] : [],
  )

function declarationOf(group: GroupOption): string {
  const { name, summary = '', shape } = group
  return `${comment(summary, '')}export interface ${name} ${membersOf(shape, '')}\n`
}

function membersOf(shape: Shape, indent: string): string {
  const inner = `${indent}  `
  const members = Object.entries<Option>(shape).map(([key, option]) => {
    const mark = option.required ? '' : '?'
    return `${comment(sentencesOf(option), inner)}${inner}${key}${mark}: ${typeOf(option, inner)}\n`
  })
  return `{\n${members.join('')}${indent}}`
}

function typeOf(option: Option, indent: string): string {
  if (option.ts !== undefined) return option.ts
  switch (option.kind) {
    case 'number':
      return 'number'
    case 'text':
      return 'string'
    case 'flag':
      return 'boolean'
    case 'choice':
      return option.words.map((word) => `'${word}'`).join(' | ')
    case 'exactly':
      return typeof option.value === 'string' ? `'${option.value}'` : String(option.value)
    case 'list':
      return `readonly ${inBrackets(typeOf(option.of, indent))}[]`
    case 'pair':
      return `readonly [${typeOf(option.of, indent)}, ${typeOf(option.of, indent)}]`
    case 'either':
      return option.options.map((one) => typeOf(one, indent)).join(' | ')
    case 'group': {
      const type = option.name ?? membersOf(option.shape, indent)
      if (option.orTrue !== undefined) return `boolean | ${type}`
      return option.orFalse === undefined ? type : `${type} | false`
    }
    default:
      throw new Error(`the option "${option.about}" does not say its type in TypeScript`)
  }
}

const inBrackets = (type: string): string => (/ \| |^readonly /.test(type) ? `(${type})` : type)

/** What an editor shows of an option: what it does, what it may be, and what holds where it is left out. */
function sentencesOf(option: Option): string {
  if (option.kind === 'group' && option.range === undefined) {
    const { about, summary, off, orFalse, orTrue } = option
    return sentences([
      about ?? summary,
      off && 'Off unless it is given.',
      orFalse && `\`false\`: ${orFalse}.`,
      orTrue && `\`true\`: ${orTrue}.`,
    ])
  }
  return sentences([option.about, rangeSentence(option), defaultSentence(option)])
}

const sentences = (parts: readonly (string | false | undefined)[]): string => parts.filter(Boolean).join(' ')

function rangeSentence(option: Option): string | undefined {
  const isInType = option.kind === 'flag' || option.kind === 'choice' || option.kind === 'exactly'
  const range = isInType ? undefined : (option.range ?? rightOf(option))
  return range && `${range[0].toUpperCase()}${range.slice(1).replace(' of %', ' of per cent')}.`
}

function defaultSentence(option: Option): string | undefined {
  const { source } = option
  const text = shownDefault(option)
  return text && `Default ${text}${source === undefined ? '' : ` (${source})`}.`
}

function shownDefault(option: Option): string | undefined {
  const { default: value, defaultText } = option
  if (typeof value !== 'number' || defaultText !== undefined) return defaultOf(option)
  return defaultOf({ ...option, defaultText: grouped(value) })
}

function policyName(): string {
  const names = POLICY_LIST.map(({ name }) => `  | '${name}'\n`).join('')
  return `/** The policies that come with fairlead; docs/policies.md compares them. */\nexport type PolicyName =\n${names}`
}

/** The options of all policies; each says which policies read it. */
function policyConfig(): string {
  const readers = new Map<string, [policy: string, option: Option][]>()
  for (const { name, options } of POLICY_LIST) {
    for (const [key, option] of Object.entries<Option>(options))
      readers.set(key, [...(readers.get(key) ?? []), [name, option]])
  }
  const members = [...readers].map(([key, of]) => {
    const [[, option]] = of
    const who = quoted(of.map(([name]) => name))
    const text = sentences([`${who}: ${option.about}`, rangeSentence(option), defaultsSentence(of)])
    return `${comment(text, '  ')}  ${key}?: ${typeOf(option, '  ')}\n`
  })
  const { options } = CUSTOM_POLICY.shape
  return `/** A policy with its options. \`name\` alone means the defaults; docs/policies.md lists every option. */
export interface PolicyConfig {
  /** The policy: one of fairlead's own, or what \`definePolicy\` returned. */
  name: PolicyName | CustomPolicyName
${members.join('')}${comment(sentencesOf(options), '  ')}  options?: ${typeOf(options, '  ')}
}
`
}

/** One default where all policies have the same, else whose is which. */
function defaultsSentence(of: readonly (readonly [policy: string, option: Option])[]): string | undefined {
  const byDefault = new Map<string, string[]>()
  for (const [name, option] of of) {
    const source = option.source === undefined ? '' : ` (${option.source})`
    const text = `${shownDefault(option)}${source}`
    byDefault.set(text, [...(byDefault.get(text) ?? []), name])
  }
  if (byDefault.size === 1) return defaultSentence(of[0][1])
  return `Default ${[...byDefault].map(([text, names]) => `${text} of ${quoted(names)}`).join('; ')}.`
}

/** A comment in lines that fit. Links lead from the documentation's folder. */
function comment(text: string, indent: string): string {
  const words = text.replace(/\[[^\]]*\]\(([^)#]*)[^)]*\)/g, 'docs/$1').split(' ')
  const lines: string[] = []
  for (const word of words) {
    const line = lines.at(-1)
    if (line !== undefined && `${indent} * ${line} ${word}`.length <= WIDTH)
      lines[lines.length - 1] += ` ${word}`
    else lines.push(word)
  }
  const [first] = lines
  if (lines.length === 1 && `${indent}/** ${first} */`.length <= WIDTH) return `${indent}/** ${first} */\n`
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}\n`).join('')}${indent} */\n`
}
