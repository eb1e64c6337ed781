/** A child process: sends the planned load through one of the two clients, and says how it went. */
import type { Dispatcher } from 'undici'
import { loadUndici } from '../../runtime/lazy.js'
import { endWithParent, jobOf } from './child.js'
import { offerLoad } from './load.js'
import type { ClientJob, FromClient, ToClient } from './messages.js'
import { ENDPOINT_NAMES, type EndpointName } from './script.js'
import { Tally } from './tally.js'

const PROGRESS_MS = 250
/** Requests of the warm-up, one after another: code is compiled and connections are open when it counts. */
const WARM_UP_REQUESTS = 300
/** How long answers may take after the last request was sent; what is still missing then is lost. */
const LAST_ANSWER_MS = 10_000

interface Client {
  readonly dispatcher: Dispatcher
  readonly engine?: { readonly kind: string; readonly reason?: string }
  states?(): Record<EndpointName, string>
}

const tell = (message: FromClient): void => void process.send?.(message)

/** Both as their users have them: every option at its default. */
async function createClient({ kind, ports }: ClientJob): Promise<Client> {
  const endpoints = ENDPOINT_NAMES.map((id) => ({ id, url: `http://127.0.0.1:${ports[id]}` }))
  if (kind === 'balanced-pool') {
    const { BalancedPool } = loadUndici()
    return { dispatcher: new BalancedPool(endpoints.map(({ url }) => url)) }
  }
  const [{ Balancer }, { engine }] = await Promise.all([
    import('../../clients/balancer.js'),
    import('../../engine/index.js'),
  ])
  const balancer = new Balancer({ services: { demo: { endpoints } } })
  await balancer.start()
  const states = () => {
    const known = balancer.stats().services['demo'].endpoints
    return Object.fromEntries(ENDPOINT_NAMES.map((id) => [id, known[id].state])) as Record<
      EndpointName,
      string
    >
  }
  return { dispatcher: balancer.dispatcher(), engine, states }
}

async function run(): Promise<void> {
  const job = jobOf<ClientJob>()
  const { dispatcher, engine, states } = await createClient(job)
  for (let i = 0; i < WARM_UP_REQUESTS; i++) {
    const { body } = await dispatcher.request({ origin: 'http://demo', path: '/?work=0.1', method: 'GET' })
    await body.dump()
  }
  const tally = new Tally(job.ports)
  process.on('message', (message: ToClient) => {
    if (message.type === 'phase') tally.phase = message.phase
    else void measure(job, dispatcher, tally, states)
  })
  tell({ type: 'ready', engine })
}

async function measure(
  job: ClientJob,
  dispatcher: Dispatcher,
  tally: Tally,
  states: Client['states'],
): Promise<void> {
  tally.start()
  const timer = setInterval(
    () => tell({ type: 'progress', progress: tally.progress(states?.()) }),
    PROGRESS_MS,
  )
  await offerLoad(dispatcher, job.plan, tally, LAST_ANSWER_MS)
  clearInterval(timer)
  tell({ type: 'progress', progress: tally.progress(states?.()) })
  tell({ type: 'result', result: tally.result(job.kind) })
}

endWithParent()
void run()
