/**
 * The shipped sources, rewritten so that they pause before each access to shared memory: every function that makes one, or
 * calls one that does, becomes a generator. Nothing else about them changes, so what is checked is what is shipped.
 *
 * - `Atomics.f(...)` and calls of own functions: `(yield* $run(...))`, which delegates where the call gave a generator.
 * - the same as a statement of its own: `(yield* $forget(...))`, since what the thread does next cannot depend on the result.
 * - `array[i]`, read or written: `(yield* $get(array, i))`, `(yield* $set(array, i, value))`, `(yield* $change(array, i, '+', value))`.
 *
 * Private fields get a `_` for their `#`, so that a thread's own state can be seen. Constructors, getters and module code stay
 * as they are; they touch nothing that changes.
 */
import { fileURLToPath } from 'node:url'
import MagicString from 'magic-string'
import { rolldown } from 'rolldown'
import { parseAst } from 'rolldown/parseAst'

interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  // biome-ignore lint/suspicious/noExplicitAny: the fields of forty kinds of nodes
  readonly [field: string]: any
}

/** A change of the sources: what stands there once, and what shall stand there instead. */
export type Mutation = readonly [before: string, after: string]

const bundled = new Map<string, Promise<string>>()

/** One script of all modules, in the CommonJS way. */
async function bundle(entry: string): Promise<string> {
  const build = await rolldown({
    input: fileURLToPath(new URL(entry, import.meta.url)),
    platform: 'node',
    treeshake: { moduleSideEffects: true },
    external: [/^node:/],
  })
  const { output } = await build.generate({ format: 'cjs', exports: 'named' })
  await build.close()
  return output[0].code
}

/** The script that `instantiate` runs. Throws where a mutation does not find its place. @param entry a file of this folder */
export async function pausingCode(
  mutations: readonly Mutation[] = [],
  entry = './entry.ts',
): Promise<string> {
  let script = bundled.get(entry)
  if (script === undefined) bundled.set(entry, (script = bundle(entry)))
  let code = await script
  for (const [before, after] of mutations) {
    const places = code.split(before).length - 1
    if (places !== 1) throw new Error(`mutation: ${places} places instead of 1 have: ${before}`)
    code = code.replace(before, () => after)
  }
  return rewrite(code)
}

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'])

function* childrenOf(node: Node): Generator<Node> {
  for (const value of Object.values(node)) {
    if (Array.isArray(value)) {
      for (const one of value) if (typeof one?.type === 'string') yield one
    } else if (typeof value?.type === 'string') yield value
  }
}

/** A function of the sources, and the name under which it is called. */
interface Found {
  readonly node: Node
  readonly name: string | undefined
  /** What is in it, without the functions in it. */
  readonly own: Node[]
  readonly inner: Found[]
  /** It has to stay as it is. */
  readonly isFixed: boolean
  /** A method's key, before which its asterisk goes. */
  readonly key?: Node
}

const nameOf = (node: Node | null | undefined): string | undefined =>
  node?.type === 'Identifier' || node?.type === 'PrivateIdentifier' ? (node.name as string) : undefined

function functionsIn(node: Node, parent: Node | undefined, into: Found[], own: Node[]): void {
  if (!FUNCTIONS.has(node.type)) {
    own.push(node)
    for (const child of childrenOf(node)) functionsIn(child, node, into, own)
    return
  }
  const isMethod = parent?.type === 'MethodDefinition' || (parent?.type === 'Property' && parent.method)
  const name =
    nameOf(node.id) ??
    (parent?.type === 'VariableDeclarator' ? nameOf(parent.id) : undefined) ??
    (isMethod || parent?.type === 'PropertyDefinition' ? nameOf(parent?.key) : undefined)
  const isFixed = parent?.type === 'MethodDefinition' && parent.kind !== 'method'
  const found: Found = { node, name, own: [], inner: [], isFixed, key: isMethod ? parent?.key : undefined }
  into.push(found)
  for (const child of childrenOf(node)) functionsIn(child, node, found.inner, found.own)
}

const all = (found: readonly Found[]): Found[] => found.flatMap((one) => [one, ...all(one.inner)])

const isAtomics = ({ callee }: Node): boolean =>
  callee.type === 'MemberExpression' && nameOf(callee.object) === 'Atomics'

const isElement = (node: Node): boolean => node.type === 'MemberExpression' && node.computed

function rewrite(code: string): string {
  const found: Found[] = []
  const outer: Node[] = []
  functionsIn(parseAst(code) as unknown as Node, undefined, found, outer)
  const functions = all(found).filter(({ isFixed }) => !isFixed)

  // By name: a call that pauses needlessly costs a little time only.
  const names = new Set<string>()
  const pausing = new Set<Found>()
  const pauses = ({ own }: Found): boolean =>
    own.some((node) => {
      if (isElement(node)) return true
      if (node.type !== 'CallExpression') return false
      const { callee } = node
      if (isAtomics(node)) return true
      const name = nameOf(callee) ?? nameOf(callee.property)
      return name !== undefined && names.has(name)
    })
  for (let grown = true; grown; ) {
    grown = false
    for (const one of functions) {
      if (pausing.has(one) || !(pauses(one) || one.inner.some((inner) => pausing.has(inner)))) continue
      pausing.add(one)
      if (one.name !== undefined) names.add(one.name)
      grown = true
    }
  }

  const text = new MagicString(code)
  for (const { type, start } of all(found)
    .flatMap(({ own }) => own)
    .concat(outer)) {
    if (type === 'PrivateIdentifier') text.overwrite(start, start + 1, '_')
  }
  // From the inside out, so that what is put around an expression stands around what was put into it.
  for (const one of functions.reverse()) {
    if (!pausing.has(one)) continue
    const targets = new Set(one.own.map(targetOf))
    const unused = new Set(one.own.map(unusedOf))
    for (const node of one.own.reverse()) {
      if (!(isElement(node) && targets.has(node))) access(text, node, unused.has(node))
    }
    mark(text, one)
  }
  return text.toString()
}

/** What an assignment or update writes to. */
const targetOf = ({ type, left, argument }: Node): Node | undefined =>
  type === 'AssignmentExpression' ? left : type === 'UpdateExpression' ? argument : undefined

/** The call of a statement that is nothing else, and so learns nothing by it. */
const unusedOf = ({ type, expression }: Node): Node | undefined =>
  type === 'ExpressionStatement' && expression.type === 'CallExpression' ? expression : undefined

/** Makes a function a generator. */
function mark(text: MagicString, { node, key }: Found): void {
  if (key !== undefined) {
    text.prependRight(key.start, '*')
  } else if (node.type === 'ArrowFunctionExpression') {
    const [first] = node.params
    const begin = first === undefined ? node.start : first.start
    const last = node.params.at(-1)
    const end = last === undefined ? node.start : last.end
    const parameters = first === undefined ? '' : text.original.slice(begin, end)
    const isBlock = node.body.type === 'BlockStatement'
    text.overwrite(node.start, node.body.start, `(function*(${parameters}) ${isBlock ? '' : '{ return '}`)
    text.appendLeft(node.end, `${isBlock ? '' : ' }'}).bind(this)`)
  } else {
    text.overwrite(node.start, node.start + 'function'.length, 'function*')
  }
}

function access(text: MagicString, node: Node, isUnused: boolean): void {
  const wrap = (target: Node, before: string, after: string): void => {
    text.prependRight(target.start, before)
    text.appendLeft(target.end, after)
  }
  const subscript = (member: Node, end: string): void => {
    text.overwrite(member.object.end, member.property.start, ', ')
    text.overwrite(member.property.end, member.end, end)
  }
  if (node.type === 'CallExpression') {
    // `super(...)` is in constructors only.
    wrap(node, isUnused && isAtomics(node) ? '(yield* $forget(' : '(yield* $run(', '))')
  } else if (node.type === 'AssignmentExpression' && isElement(node.left)) {
    const { left, right, operator } = node
    const isPlain = operator === '='
    text.prependRight(node.start, isPlain ? '(yield* $set(' : '(yield* $change(')
    subscript(left, '')
    text.overwrite(left.end, right.start, isPlain ? ', ' : `, '${operator.slice(0, -1)}', `)
    text.appendLeft(node.end, '))')
  } else if (node.type === 'UpdateExpression' && isElement(node.argument)) {
    if (node.prefix) throw new Error('a prefix update of an element: not known here')
    text.prependRight(node.start, '(yield* $change(')
    subscript(node.argument, '')
    text.overwrite(node.argument.end, node.end, `, '${node.operator[0]}', 1))`)
  } else if (isElement(node)) {
    text.prependRight(node.start, '(yield* $get(')
    subscript(node, '))')
  }
}
