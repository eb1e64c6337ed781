/** The tables of `docs/configuration.md`, made from the schemas that check a configuration. */

import type * as zod from 'zod/mini'
import type { OptionDoc } from '../../lib/options/fields.js'
import { loadSchemas } from '../../lib/options/schema.js'
import { loadZod } from '../../lib/runtime/lazy.js'

interface JsonNode extends OptionDoc {
  readonly type?: string
  readonly properties?: Record<string, JsonNode>
  readonly required?: string[]
  readonly anyOf?: JsonNode[]
}

type Schema = zod.core.$ZodType

/** One row for each option below `schema`, nested ones by dotted path. */
export function tableOf(schema: Schema): string {
  const { docs } = loadSchemas().kinds
  const node = loadZod().toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    metadata: docs,
  }) as unknown as JsonNode
  const rows = rowsOf(node, '')
  return [
    '| Option | Type | Unit | Range | Default | Source | What it does |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n')
}

function rowsOf(node: JsonNode, prefix: string): string[] {
  const shape =
    node.properties ?? node.anyOf?.find((branch) => branch.properties !== undefined)?.properties ?? {}
  return Object.entries(shape).flatMap(([key, option]) => {
    const path = prefix + key
    // An option that says something of itself is a row; an object that does not is a group of rows.
    if (option.about === undefined) return rowsOf(option, `${path}.`)
    const required = node.required?.includes(key) === true
    if (required !== (option.default === undefined))
      throw new Error(`${path}: required and default do not go together`)
    const cells = [
      `\`${path}\``,
      option.type,
      option.unit,
      option.range,
      option.default ?? 'required',
      option.source,
      option.about,
    ]
    return [`| ${cells.map((cell) => (cell ?? '').replace(/\|/g, '\\|')).join(' | ')} |`]
  })
}

/** The text with what stands between each `<!-- options: NAME -->` and `<!-- end -->` made anew. */
export function withTables(text: string): string {
  const { root, service, endpoint, rule, policies } = loadSchemas()
  const tables: Record<string, Schema> = { root, service, endpoint, rule }
  for (const [name, schema] of Object.entries(policies)) tables[`policy ${name}`] = schema
  return text.replace(
    /(<!-- options: (.*?) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, open: string, name: string, close: string) => {
      if (!Object.hasOwn(tables, name)) throw new Error(`there is no table "${name}"`)
      return `${open}${tableOf(tables[name])}\n${close}`
    },
  )
}
