/** A child process: sends the planned load of the first two acts through one of the two clients, and says how it went. */
import { endWithParent, jobOf } from './child.js'
import { offerLoad } from './load.js'
import type { ClientJob, FromClient, ToClient } from './messages.js'
import { createSubject, request, type Subject } from './subject.js'
import { Tally } from './tally.js'

const PROGRESS_MS = 250
/** Requests of the warm-up, one after another: code is compiled and connections are open when it counts. */
const WARM_UP_REQUESTS = 300
const WARM_UP_WORK = 0.1
/** How long answers may take after the last request was sent; what is still missing then is lost. */
const LAST_ANSWER_MS = 10_000

const tell = (message: FromClient): void => void process.send?.(message)

async function run(): Promise<void> {
  const job = jobOf<ClientJob>()
  const subject = await createSubject(job.kind, job.ports, job.plan.source)
  for (let i = 0; i < WARM_UP_REQUESTS; i++) await request(subject, { method: 'GET', work: WARM_UP_WORK })
  const tally = new Tally(job.ports)
  process.on('message', (message: ToClient) => {
    if (message.type === 'phase') tally.phase = message.phase
    else void measure(job, subject, tally)
  })
  tell({ type: 'ready', engine: subject.engine })
}

async function measure(job: ClientJob, subject: Subject, tally: Tally): Promise<void> {
  tally.start()
  const tellProgress = (): void => tell({ type: 'progress', progress: tally.progress(subject.states?.()) })
  const timer = setInterval(tellProgress, PROGRESS_MS)
  await offerLoad(subject, job.plan, tally, LAST_ANSWER_MS)
  clearInterval(timer)
  tellProgress()
  tell({ type: 'result', result: tally.result(job.kind) })
}

endWithParent()
void run()
