import { InvalidArgumentError } from 'commander'

/** A parser of an option's number. The bounds are inclusive; the message says them. */
export function number(min: number, max: number, kind: 'number' | 'whole number' = 'number') {
  return (text: string): number => {
    const value = Number(text)
    const fits = text.trim() !== '' && value >= min && value <= max
    if (fits && (kind === 'number' || Number.isInteger(value))) return value
    throw new InvalidArgumentError(`It takes a ${kind} from ${min} to ${max}.`)
  }
}
