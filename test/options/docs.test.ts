import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { parseBalancerConfig } from '../../lib/configuration/parse.js'
import {
  ENDPOINT_LIMITS_DEFAULTS,
  HEALTH_DEFAULTS,
  HTTP_CHECK_DEFAULTS,
  LIMITS_DEFAULTS,
  OUTLIER_DEFAULTS,
  POLICY_DEFAULTS,
  RETRY_BUDGET_DEFAULTS,
  RETRY_DEFAULTS,
} from '../../lib/options/defaults.js'
import { loadSchemas } from '../../lib/options/schema.js'
import { tableOf, withTables } from './tables.js'

const DOC = new URL('../../docs/configuration.md', import.meta.url)

// After a change of the schema: `npx vitest run test/options/docs.test.ts --update` writes the tables anew.
test('docs/configuration.md says what the schema says', async () => {
  const text = await readFile(DOC, 'utf8')
  await expect(withTables(text)).toMatchFileSnapshot(DOC.pathname)
})

test('every table of the schema is in the document', async () => {
  const text = await readFile(DOC, 'utf8')
  const withOptions = Object.entries(POLICY_DEFAULTS).filter(([, options]) => Object.keys(options).length > 0)
  for (const name of [
    'root',
    'service',
    'endpoint',
    'rule',
    ...withOptions.map(([policy]) => `policy ${policy}`),
  ]) {
    expect(text).toContain(`<!-- options: ${name} -->`)
  }
})

/** The default column of a table, by option. */
function documentedDefaults(table: string): Map<string, string> {
  const rows = table.split('\n').slice(2)
  return new Map(
    rows.map((row) => {
      const cells = row.split(/(?<!\\)\|/).map((cell) => cell.trim())
      return [cells[1].replaceAll('`', ''), cells[5].replaceAll('`', '')]
    }),
  )
}

test('the documented defaults are those that a resolved configuration has', () => {
  const config = parseBalancerConfig({
    services: { users: { endpoints: ['http://a:1'], health: { http: {} } } },
  })
  const users = config.services.get('users')!
  const documented = documentedDefaults(tableOf(loadSchemas().service))
  const numbers = (value: object, prefix: string): [string, number][] =>
    Object.entries(value).flatMap(([key, item]): [string, number][] => {
      if (typeof item === 'number') return [[prefix + key, item]]
      const isGroup = typeof item === 'object' && item !== null && !Array.isArray(item)
      return isGroup ? numbers(item, `${prefix}${key}.`) : []
    })
  const { policy: _, endpoints: __, ...rest } = users
  const resolved = numbers(rest, '')
  expect(resolved.length).toBe(5 + 14 + 6 + 2 + 2)
  for (const [path, value] of resolved)
    expect([path, Number.parseFloat(documented.get(path) ?? '')]).toEqual([path, value])
  expect(documented.get('policy')).toBe(`'${users.policy.name}'`)
  expect(documented.get('client.host')).toBe(`'${users.client.host}'`)
  expect(documented.get('retry.methods')).toBe(users.retry.methods.join(', '))
  expect(documented.get('retry.statuses')).toBe(`[${users.retry.statuses.join(', ')}]`)
  expect(documented.get('health.http.expect')).toBe(JSON.stringify(users.health!.http!.expect))
  expect(documented.get('health.http.path')).toBe(users.health!.http!.path)
  expect(documented.get('health.http.method')).toBe(users.health!.http!.method)
})

test('the table has every option that has a default', () => {
  const rows = documentedDefaults(tableOf(loadSchemas().service))
  const sections = {
    'health.': HEALTH_DEFAULTS,
    'health.http.': HTTP_CHECK_DEFAULTS,
    'outlier.': OUTLIER_DEFAULTS,
    'retry.': RETRY_DEFAULTS,
    'retry.budget.': RETRY_BUDGET_DEFAULTS,
    'limits.': LIMITS_DEFAULTS,
    'limits.perEndpoint.': ENDPOINT_LIMITS_DEFAULTS,
  }
  for (const [prefix, defaults] of Object.entries(sections)) {
    for (const key of Object.keys(defaults)) expect(rows.has(prefix + key), prefix + key).toBe(true)
  }
})
