/** A client that keeps requests in flight through a proxy, and reads the CPU time of the proxy's process. */
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import type { Case } from '../harness/case.js'

export type Workload = 'answers' | 'uploads' | 'small'

export interface Parameters {
  readonly port: number
  /** The proxy's process. */
  readonly pid: number
  readonly workload: Workload
  readonly concurrency: number
}

export interface Input {
  readonly ms: number
}

const UPLOAD = Buffer.alloc(100 * 1024, 'x')
/** Linux counts processor time for users in hundredths of a second, whatever the kernel's own clock. */
const TICK_US = 10_000
/** Fields 14 and 15 of /proc/PID/stat, counted from after the name, which may have spaces in it. */
const UTIME = 11

function cpuUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[UTIME]) + Number(fields[UTIME + 1])) * TICK_US
}

export function prepare({ port, pid, workload, concurrency }: Parameters): Case {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency })
  const options = {
    host: '127.0.0.1',
    port,
    agent,
    path: workload === 'answers' ? '/large' : '/',
    method: workload === 'uploads' ? 'POST' : 'GET',
    headers: workload === 'uploads' ? { 'content-length': UPLOAD.length } : {},
  }
  const send = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const sent = request(options, (response) => {
        if (response.statusCode !== 200) reject(new Error(`answered ${response.statusCode}`))
        response.resume().on('end', resolve).on('error', reject)
      })
      sent.on('error', reject)
      sent.end(workload === 'uploads' ? UPLOAD : undefined)
    })
  return {
    async slice(input) {
      const { ms } = input as Input
      let answered = 0
      const end = performance.now() + ms
      const before = cpuUs(pid)
      const lane = async (): Promise<void> => {
        while (performance.now() < end) {
          await send()
          answered++
        }
      }
      await Promise.all(Array.from({ length: concurrency }, lane))
      return { cpuUs: (cpuUs(pid) - before) / answered, perSecond: (answered / ms) * 1000 }
    },
    close: () => agent.destroy(),
  }
}
