/** .github: the workflows call scripts that are there, may do as little as possible, and run no action that can change. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'

const ROOT = join(import.meta.dirname, '../..')
const GITHUB = join(ROOT, '.github')
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))

interface Job {
  readonly uses?: string
  readonly permissions?: Record<string, string>
  readonly 'timeout-minutes'?: number
  readonly steps?: readonly { readonly uses?: string; readonly run?: string }[]
}
interface Workflow {
  readonly permissions?: Record<string, string>
  readonly jobs: Record<string, Job>
}

const names = readdirSync(join(GITHUB, 'workflows'))
const read = (name: string): string => readFileSync(join(GITHUB, 'workflows', name), 'utf8')

/** What a workflow writes with, by job. */
const writes = ({ permissions, jobs }: Workflow): string[] =>
  Object.entries({ ...jobs, '': { permissions } }).flatMap(([job, { permissions: own = {} }]) =>
    Object.entries(own).flatMap(([name, may]) => (may === 'write' ? [`${job}: ${name}`] : [])),
  )

describe.each(names)('%s', (name) => {
  const text = read(name)
  const workflow = parse(text) as Workflow
  const jobs = Object.values(workflow.jobs)
  const steps = jobs.flatMap((job) => job.steps ?? [])

  test('calls commands of a clone that are there', () => {
    const lines = steps.flatMap(({ run = '' }) => run.split('\n'))
    const called = lines.flatMap((line) =>
      [...line.matchAll(/npm (?:run )?([\w:]+)/g)].map(([, word]) => word),
    )
    const own = called.filter((word) => !['pack', 'publish'].includes(word))
    expect(own.filter((word) => !(word in scripts))).toEqual([])
    if (lines.includes('.ci/run')) expect(existsSync(join(ROOT, '.ci/run'))).toBe(true)
    expect(own.length + lines.filter((line) => line === '.ci/run').length).toBeGreaterThan(0)
  })

  test('pins every action to a commit, and says which version that is', () => {
    const actions = text.split('\n').filter((line) => /^\s*(- )?uses: (?!\.\/)/.test(line))
    expect(actions.filter((line) => !/@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line))).toEqual([])
  })

  test('says what it may do, and what it may not go on for', () => {
    expect(workflow.permissions).toBeDefined()
    expect(writes(workflow)).toEqual(name === 'release.yml' ? ['publish: id-token'] : [])
    for (const job of jobs) if (job.uses === undefined) expect(job['timeout-minutes']).toBeGreaterThan(0)
  })
})

test('the job that may publish checks nothing out and installs nothing', () => {
  const { publish } = (parse(read('release.yml')) as Workflow).jobs
  const does = publish.steps?.map(({ uses, run }) => uses?.split('@')[0] ?? run)
  expect(does).toEqual([
    'actions/setup-node',
    'actions/download-artifact',
    'npm publish ./fairlead-*.tgz --provenance --access public',
  ])
})

test.each([
  'dependabot.yml',
  'ISSUE_TEMPLATE/bug.yml',
  'ISSUE_TEMPLATE/config.yml',
  'ISSUE_TEMPLATE/feature.yml',
])('%s can be read', (name) => {
  expect(parse(readFileSync(join(GITHUB, name), 'utf8'))).toEqual(expect.any(Object))
})

test('every Node that package.json supports is tested', () => {
  const { quick } = (
    parse(read('test.yml')) as { jobs: { quick: { strategy: { matrix: { node: number[] } } } } }
  ).jobs
  expect(quick.strategy.matrix.node).toEqual([20, 22, 24, 26])
})
