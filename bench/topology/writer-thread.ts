/** Changes a file, or what a server answers. The texts are made before, since making a megabyte takes longer than changing it. */
import { once } from 'node:events'
import { renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { ChangingList } from './lists.js'
import type { Rate, WriterKind } from './writers.js'

const TEXTS = 50
const INTERVAL_MS = 100
const port = parentPort as NonNullable<typeof parentPort>
const { kind, rate, folder } = workerData as { kind: WriterKind; rate: Rate; folder: string }

const list = new ChangingList(rate.endpoints)
const texts = Array.from({ length: TEXTS }, () => JSON.stringify(list.next(rate.changes)))
let at = 0
const path = join(folder, 'endpoints.json')
const turn = kind === 'file' ? prepareFile() : () => {}
const source = kind === 'file' ? { file: { path } } : { http: { url: await serve(), interval: INTERVAL_MS } }

port.on('message', async (ms: number) => {
  const begun = performance.now()
  let sent = 0
  for (let now = begun; now - begun < ms; now = performance.now()) {
    for (const due = ((now - begun) * rate.updatesPerSecond) / 1000; sent < due; sent++) {
      at = (at + 1) % TEXTS
      turn()
    }
    await sleep(1)
  }
  port.postMessage({ sent })
})
port.postMessage({ source })

/** A link that is replaced, as a ConfigMap is. */
function prepareFile(): () => void {
  texts.forEach((text, i) => {
    writeFileSync(join(folder, `${i}.json`), text)
  })
  const link = join(folder, 'next')
  const next = (): void => {
    symlinkSync(`${at}.json`, link)
    renameSync(link, path)
  }
  next()
  return next
}

async function serve(): Promise<string> {
  const server = createServer((request, response) => {
    const etag = `"${at}"`
    const isKnown = request.headers['if-none-match'] === etag
    response.writeHead(isKnown ? 304 : 200, { etag, 'content-type': 'application/json' })
    response.end(isKnown ? undefined : texts[at])
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
