/** The child process of a case: `node child.js MODULE PARAMETERS`, driven over the IPC channel. */
import type { Answer, Case, Order, Prepare } from './case.js'

const [, , module, parameters] = process.argv

// Whatever ends the parent ends the case as well.
process.on('disconnect', () => process.exit(0))

const answer = (message: Answer): void => void process.send?.(message)
const failed = (error: unknown): void =>
  answer({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) })

async function serve(): Promise<void> {
  const { prepare } = (await import(module)) as { prepare: Prepare<unknown> }
  const prepared: Case = await prepare(JSON.parse(parameters))
  process.on('message', (order: Order) => {
    if ('slice' in order) measure(prepared, order.slice)
    else void Promise.resolve(prepared.close?.()).then(() => process.exit(0), failed)
  })
  answer({ sample: prepared.ready ?? {} })
}

function measure(prepared: Case, input: unknown): void {
  Promise.resolve()
    .then(() => prepared.slice(input))
    .then((sample) => answer({ sample }), failed)
}

serve().catch((error) => {
  failed(error)
  process.exitCode = 1
})
