import { expect, it } from 'vitest'
import { LineSplitter } from '../../lib/sources/line-splitter.js'

it('splits into lines, wherever the chunks end', () => {
  const text = Buffer.from('{"a":"ü"}\n\n{"b":1}\r\n{"c":"€"}\n')
  for (let size = 1; size <= text.length; size++) {
    const splitter = new LineSplitter(100)
    const lines: string[] = []
    for (let i = 0; i < text.length; i += size) lines.push(...splitter.push(text.subarray(i, i + size)))
    expect(lines.map((line) => line.trim())).toEqual(['{"a":"ü"}', '{"b":1}', '{"c":"€"}'])
    expect(splitter.end()).toEqual([])
  }
})

it('keeps the beginning of a line, and gives it at the end', () => {
  const splitter = new LineSplitter(100)
  expect(splitter.push(Buffer.from('{"a":'))).toEqual([])
  expect(splitter.end()).toEqual(['{"a":'])
  expect(splitter.end()).toEqual([])
})

it('takes a line of the most bytes, and none that is longer', () => {
  const splitter = new LineSplitter(4)
  expect(splitter.push(Buffer.from('1234\n12'))).toEqual(['1234'])
  expect(() => splitter.push(Buffer.from('345'))).toThrow('a line of the stream has more than 4 bytes')
})
