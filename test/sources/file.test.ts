import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemTimers } from '../../lib/runtime/timers.js'
import { startFile } from '../../lib/sources/file.js'
import type { RunningSource } from '../../lib/sources/source.js'
import { until } from '../support/until.js'
import { RecordingSink } from './sink.js'

let folder: string
let path: string
let sink: RecordingSink
let source: RunningSource | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-file-'))
  path = join(folder, 'users.yaml')
  sink = new RecordingSink()
})

afterEach(() => {
  source?.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** With an interval of an hour nothing but the system's word tells of a change. */
const start = (interval = 3_600_000): void => {
  source = startFile({ path, interval }, sink, systemTimers)
}

const last = (): readonly unknown[] | undefined => sink.answers.at(-1)

it('is read, and again at once when it has been written, replaced or truncated', async () => {
  writeFileSync(path, '- http://a:1\n')
  start()
  await until(() => last()?.[0] === 'http://a:1')
  writeFileSync(path, '- http://b:1\n')
  await until(() => last()?.[0] === 'http://b:1')
  writeFileSync(`${path}.new`, '- http://c:1\n')
  renameSync(`${path}.new`, path)
  await until(() => last()?.[0] === 'http://c:1')
  truncateSync(path)
  await until(() => sink.errors.length > 0)
  expect(sink.errors[0]).toContain(`${path}: it holds no list of endpoints`)
  expect(last()).toEqual(['http://c:1'])
})

it('may be a link through a folder that is exchanged, as in a ConfigMap', async () => {
  const version = (name: string, text: string): void => {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'users.yaml'), text)
    symlinkSync(name, join(folder, '..new'))
    renameSync(join(folder, '..new'), join(folder, '..data'))
  }
  version('..1', '- http://a:1\n')
  symlinkSync(join('..data', 'users.yaml'), path)
  start()
  await until(() => last()?.[0] === 'http://a:1')
  version('..2', '- http://b:1\n')
  await until(() => last()?.[0] === 'http://b:1')
})

it('may appear later, in a folder that was not there', async () => {
  path = join(folder, 'later', 'users.json')
  start(20)
  await until(() => sink.errors.length > 0)
  expect(sink.errors[0]).toMatch(/no such file/)
  mkdirSync(join(folder, 'later'))
  writeFileSync(path, '["http://a:1"]')
  await until(() => last()?.[0] === 'http://a:1')
})

it('is found to be another one by the interval, too, and is not read while it is the same', async () => {
  writeFileSync(path, '- http://a:1\n')
  start(10)
  await until(() => sink.unchangedTimes > 3)
  expect(sink.answers).toHaveLength(1)
})

it('is read again where it was refused', async () => {
  writeFileSync(path, '- http://a:1\n')
  sink.refuses = true
  start(10)
  await new Promise((resolve) => setTimeout(resolve, 50))
  sink.refuses = false
  await until(() => sink.answers.length === 1)
})
