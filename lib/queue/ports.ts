/** This thread's ends of queues, and what they do when a thread ends. */
import { onThreadEnd } from '../runtime/thread-ends.js'
import type { QueueMemory } from './memory.js'
import type { QueuePort } from './port.js'

/** What a port does when a thread ends. */
type PortOfThread = Pick<QueuePort<never, never>, 'reap' | 'leave'>

/** This thread's ports by queue, so that all objects of one queue in one thread are the same producer. */
const ports = new Map<string, WeakRef<PortOfThread>>()
const forgotten = new FinalizationRegistry<string>((id) => {
  if (ports.get(id)?.deref() === undefined) ports.delete(id)
})

let isListening = false

/** This thread's port of the queue in `memory`; made by `create` where it has none yet. */
export function portOf<Port extends PortOfThread>(memory: QueueMemory, create: () => Port): Port {
  // A queue is of one kind, and so are its ports; not so where two queues bear one id, which only damage brings about.
  const id = `${memory.kind.name} ${memory.id}`
  const known = ports.get(id)?.deref() as Port | undefined
  if (known !== undefined) return known
  // Accepted items of a thread that ends by process.exit() within a turn are published then.
  if (!isListening) {
    isListening = true
    process.on('exit', leaveAll)
    onThreadEnd(() => {
      for (const one of ports.values()) one.deref()?.reap()
    })
  }
  const port = create()
  ports.set(id, new WeakRef<PortOfThread>(port))
  forgotten.register(port, id)
  // Threads may have ended while nobody had the queue open who could hear it.
  port.reap()
  return port
}

function leaveAll(): void {
  for (const port of ports.values()) port.deref()?.leave()
}
