/** Orders from the parent to its child processes over the IPC channel: one message each way. */

export interface Order {
  readonly id: number
  readonly name: string
  readonly input?: unknown
}

export type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string }

/** The id of a reply that nobody asked for: the child is ready, or could not become it. */
export const READY = 0

export type Orders = Readonly<Record<string, (input: never) => unknown>>

/** For a child: carries out the parent's orders until the parent ends. */
export function obey(orders: Orders): void {
  // Whatever ends the parent ends its children.
  process.on('disconnect', () => process.exit(0))
  process.on('message', async ({ id, name, input }: Order) => {
    try {
      reply({ id, result: await orders[name](input as never) })
    } catch (error) {
      reply({ id, error: textOf(error) })
    }
  })
  reply({ id: READY, result: undefined })
}

export function failToStart(error: unknown): void {
  reply({ id: READY, error: textOf(error) })
  process.exitCode = 1
}

const reply = (message: Reply): void => void process.send?.(message)
const textOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error)
