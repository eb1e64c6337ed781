import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { LIMITS } from '../../lib/admission/options.js'
import { parseBalancerConfig } from '../../lib/configuration/parse.js'
import { SERVICE } from '../../lib/configuration/service.js'
import { HEALTH, HTTP_CHECK } from '../../lib/health/active/options.js'
import { OUTLIER } from '../../lib/health/passive/options.js'
import { RETRY } from '../../lib/outcome/options.js'
import { POLICY_LIST } from '../../lib/policy/list.js'
import { declarations } from './declarations.js'
import { tableOf, withTables } from './tables.js'

const DOC = new URL('../../docs/configuration.md', import.meta.url)

const TYPES = new URL('../../lib/model/options.generated.ts', import.meta.url)

// After a change of an option: `npm run build:options` writes both files anew.
test('docs/configuration.md says what the options say', async () => {
  const text = await readFile(DOC, 'utf8')
  await expect(withTables(text)).toMatchFileSnapshot(DOC.pathname)
})

test('the public types and their hover texts say what the options say', async () => {
  await expect(declarations()).toMatchFileSnapshot(TYPES.pathname)
})

test('every table of the options is in the document', async () => {
  const text = await readFile(DOC, 'utf8')
  const withOptions = POLICY_LIST.filter(({ options }) => Object.keys(options).length > 0)
  for (const name of [
    'root',
    'service',
    'endpoint',
    'rule',
    'source',
    ...withOptions.map(({ name }) => `policy ${name}`),
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
    services: { users: { endpoints: ['http://a:1'], health: { http: {} }, admissionControl: true } },
  })
  const users = config.services.get('users')!
  const documented = documentedDefaults(tableOf(SERVICE))
  const numbers = (value: object, prefix: string): [string, number][] =>
    Object.entries(value).flatMap(([key, item]): [string, number][] => {
      if (typeof item === 'number') return [[prefix + key, item]]
      const isGroup = typeof item === 'object' && item !== null && !Array.isArray(item)
      return isGroup ? numbers(item, `${prefix}${key}.`) : []
    })
  const { policy: _, endpoints: __, ...rest } = users
  const resolved = numbers(rest, '')
  // Groups that are off here have no values, and what is undici's default is not passed on.
  const elsewhere = /^(client|slowStart|zoneAware|subsets|aperture)\./
  const paths = [...documented].filter(([path, text]) => /^[\d.]+/.test(text) && !elsewhere.test(path))
  expect(resolved.map(([path]) => path).sort()).toEqual(paths.map(([path]) => path).sort())
  expect(paths.length).toBeGreaterThan(25)
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
  const rows = documentedDefaults(tableOf(SERVICE))
  const sections = {
    'health.': HEALTH.shape,
    'health.http.': HTTP_CHECK.shape,
    'outlier.': OUTLIER.shape,
    'retry.': RETRY.shape,
    'retry.budget.': RETRY.shape.budget.shape,
    'limits.': LIMITS.shape,
    'limits.perEndpoint.': LIMITS.shape.perEndpoint.shape,
  }
  for (const [prefix, shape] of Object.entries(sections)) {
    for (const [key, option] of Object.entries(shape))
      if ('default' in option) expect(rows.has(prefix + key), prefix + key).toBe(true)
  }
})
