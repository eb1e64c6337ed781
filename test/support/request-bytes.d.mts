export function lengthOf(number: number, slotBytes: number): number
export function requestOf(number: number, slotBytes: number): Uint8Array
export function numberOf(bytes: Uint8Array, slotBytes: number): number
