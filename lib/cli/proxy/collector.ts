import { setFlagsFromString } from 'node:v8'

/**
 * Settings of V8's garbage collector for a process through which bodies pass. They are in buffers outside of the heap,
 * of which V8 collects 16 MB at a time, with next to nothing alive in the heap itself.
 *
 * - Helper threads for such a collection cost more than they do: half of the time that collecting takes.
 * - V8 counts buffers that it has not yet thrown away as if they filled the heap, and can fall into collecting the whole
 *   heap for every 25 MB of bodies. It may grow to four times what is in use, as V8 lets it while a process is young.
 */
export function setUpCollector(): void {
  setFlagsFromString('--no-parallel-scavenge')
  setFlagsFromString('--heap-growing-percent=300')
}
