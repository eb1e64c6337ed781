/** `fairlead/simulate` as a user imports it: the compiled package, by its name. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const PROGRAM = `
import { definePolicy, simulate } from 'fairlead/simulate'
const first = definePolicy('always-the-first', { picker: ({ endpoints }) => () => endpoints[0] })
const [result] = await simulate({
  requests: 1000, load: { rate: 10 }, serviceTime: 1, endpoints: [{ count: 3, workers: 0 }], policies: [first],
})
console.log(JSON.stringify(result.endpoints.map(({ requests }) => requests)), result.shareWithin(2))`

it('runs a policy of the user’s own', async () => {
  const cwd = fileURLToPath(new URL('../../', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
    cwd,
    timeout: 15_000,
  })
  expect(stdout).toBe('[1000,0,0] 1\n')
})
