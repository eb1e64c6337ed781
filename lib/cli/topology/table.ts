import Table from 'cli-table3'
import type { SourceStats } from '../../observe/stats.js'
import { colors } from '../colors.js'
import type { ServiceFacts, Topology } from './facts.js'

const PLAIN = { head: [], border: [] }
/** More are counted, not listed. */
const MOST_LISTED = 50
const MS_PER_S = 1_000

/** For a terminal: each service with its sources, and a table of its endpoints. */
export const tables = (topology: Topology): string =>
  Array.from(topology, ([name, facts]) => tableOf(name, facts)).join('\n')

function tableOf(name: string, { sources, endpoints }: ServiceFacts): string {
  const lines = [colors.bold(name), ...sources.map((source) => `  ${lineOf(source)}`)]
  if (endpoints.length === 0) return `${[...lines, '  no endpoints'].join('\n')}\n`
  const table = new Table({
    head: ['endpoint', 'weight', 'priority', 'region', 'zone'],
    colAligns: ['left', 'right', 'right', 'left', 'left'],
    style: PLAIN,
  })
  for (const { id, url, weight, priority, region, zone } of endpoints.slice(0, MOST_LISTED))
    table.push([id === url ? url : `${id} (${url})`, String(weight), String(priority), region, zone])
  const names = endpoints.filter(({ host }) => !/^[\d.]+$|:/.test(host)).map(({ host }) => host)
  if (names.length > 0) lines.push(`  ${nameNote(names)}`)
  const more = endpoints.length - MOST_LISTED
  return `${[...lines, table.toString(), ...(more > 0 ? [`and ${more} more`] : [])].join('\n')}\n`
}

function lineOf({ source, endpoints, ageMs, error, heldMs }: SourceStats): string {
  const age = ageMs === undefined ? '' : `, ${(ageMs / MS_PER_S).toFixed(1)} s ago`
  const said = `${source}: ${counted(endpoints)}${age}`
  if (error !== undefined) return `${said}; ${colors.red(error)}`
  if (heldMs === undefined) return said
  const left =
    heldMs === Number.POSITIVE_INFINITY ? 'it has none' : `for ${Math.ceil(heldMs / MS_PER_S)} s yet`
  return `${said}; ${colors.yellow(`its last answer is held back: ${left}`)}`
}

/** What users of names with several addresses meet first. */
const nameNote = ([first, ...others]: readonly string[]): string =>
  `${first}${others.length > 0 ? ` and ${others.length} more` : ''}: a name is one endpoint, which Node resolves with each connection; with \`resolve: true\` each of its addresses is one`

const counted = (n: number): string => `${n} endpoint${n === 1 ? '' : 's'}`
