import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { startEndpoints } from '../support/http-servers.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

it('the README’s first example runs as it stands', async () => {
  const readme = readFileSync(`${root}README.md`, 'utf8')
  const [, example] = /<!-- example: [^>]*readme\.test\.ts[^>]*-->\s*```js\n(.*?)```/s.exec(readme) ?? []
  expect(example).toContain("import { Balancer } from 'fairlead'")
  const endpoints = await startEndpoints(3)
  for (const endpoint of endpoints) {
    endpoint.handle = (request, response) =>
      response.end(JSON.stringify({ path: request.url, from: endpoint.name }))
  }
  // Only the addresses are the test's own.
  const program = endpoints.reduce(
    (text, { host }, i) => text.replace(`127.0.0.1:808${i + 1}`, host),
    example,
  )
  expect(program).not.toContain('808')
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: root,
    timeout: 15_000,
  })
  expect(stdout).toMatch(/^200 \{ path: '\/v1\/users\/1', from: '[abc]' \}/)
  expect(stdout).toContain('succeeded: 1')
})

it('the README’s example of worker threads runs as it stands', async () => {
  const readme = readFileSync(`${root}README.md`, 'utf8')
  const [, example] = /<!-- example, threads: [^>]*-->\s*```js\n(.*?)```/s.exec(readme) ?? []
  expect(example).toContain('Balancer.attach(workerData)')
  const endpoints = await startEndpoints(2)
  const program = endpoints.reduce(
    (text, { host }, i) => text.replace(`127.0.0.1:808${i + 1}`, host),
    example,
  )
  expect(program).not.toContain('808')
  // A file, for its threads to run it as well; in the package, to find it by its name.
  mkdirSync(`${root}.cache`, { recursive: true })
  const file = `${root}.cache/readme-threads-${process.pid}.mjs`
  onTestFinished(() => rmSync(file, { force: true }))
  writeFileSync(file, program)
  const { stdout } = await promisify(execFile)(process.execPath, [file], { timeout: 15_000 })
  expect(stdout).toBe('2\n')
  expect(endpoints[0].requests + endpoints[1].requests).toBe(2)
})

it('the README’s queue of requests runs as it stands', async () => {
  const readme = readFileSync(`${root}README.md`, 'utf8')
  const [, example] =
    /<!-- example: [^>]*readme\.test\.ts[^>]*-->\s*```js\n(import \{ RequestQueue.*?)```/s.exec(readme) ?? []
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', example], {
    cwd: root,
    timeout: 15_000,
  })
  expect(stdout).toBe('5\n4\n13\ncopied\n')
})
