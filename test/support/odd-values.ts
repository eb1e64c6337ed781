/** Values that nobody expects, for functions that take plain data from other threads. */

const cyclic: Record<string, unknown> = {}
cyclic.self = cyclic

const throwing = (): never => {
  throw new Error('a trap')
}
const TRAPS = ['get', 'has', 'getPrototypeOf', 'ownKeys', 'getOwnPropertyDescriptor'] as const

function revoked(target: object): unknown {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

function detached(): ArrayBuffer {
  const buffer = new ArrayBuffer(64)
  structuredClone(buffer, { transfer: [buffer] })
  return buffer
}

const growable = (bytes: number, most: number): SharedArrayBuffer =>
  new (SharedArrayBuffer as unknown as new (bytes: number, options: object) => SharedArrayBuffer)(bytes, {
    maxByteLength: most,
  })

/** Makes each anew: some of them change when they are looked at. */
export const oddValues: readonly (() => unknown)[] = [
  () => undefined,
  () => null,
  () => 0,
  () => -1,
  () => 1.5,
  () => Number.NaN,
  () => 2 ** 53,
  () => 'text',
  () => '',
  () => 10n,
  () => Symbol('symbol'),
  () => true,
  () => () => {},
  () => [],
  () => [null],
  () => new Array(2 ** 32 - 1),
  () => ({}),
  () => cyclic,
  () => Object.create(null),
  () => Object.create(SharedArrayBuffer.prototype),
  () => ({ byteLength: 4096, growable: false }),
  () => new ArrayBuffer(4096),
  () => detached(),
  () => new SharedArrayBuffer(0),
  () => new SharedArrayBuffer(8),
  () => new SharedArrayBuffer(4096),
  () => new SharedArrayBuffer(131_072),
  () => Object.defineProperty(new SharedArrayBuffer(8), 'byteLength', { get: throwing }),
  () => growable(0, 1 << 20),
  () => growable(65_536, 1 << 20),
  () => new Int32Array(new SharedArrayBuffer(64)),
  () => new Proxy({}, Object.fromEntries(TRAPS.map((trap) => [trap, throwing]))),
  () => new Proxy(new SharedArrayBuffer(4096), {}),
  () => new Proxy([], { get: (_, key) => (key === 'length' ? 2 ** 31 : undefined) }),
  () => revoked({}),
  () => revoked([]),
  () => ({
    get length() {
      return throwing()
    },
    get cells() {
      return throwing()
    },
  }),
  () => new Date(0),
  () => new Map([[1, 2]]),
]

/** A copy of plain data with something at some depth replaced. `below` draws numbers, see `seeded`. */
export function spoiled(value: unknown, odd: unknown, below: (n: number) => number): unknown {
  if (typeof value !== 'object' || value === null || value instanceof SharedArrayBuffer || below(4) === 0)
    return odd
  const keys = Object.keys(value)
  if (keys.length === 0) return odd
  const key = keys[below(keys.length)]
  const changed = spoiled((value as Record<string, unknown>)[key], odd, below)
  return Array.isArray(value) ? value.with(Number(key), changed) : { ...value, [key]: changed }
}
