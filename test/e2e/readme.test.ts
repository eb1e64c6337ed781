import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
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
