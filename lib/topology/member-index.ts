import type { Endpoint } from '../model/index.js'
import type { Member } from './member.js'

/** The members of a service by what tells them apart: among ten thousand, one is found without looking at the others. */
export class MemberIndex {
  readonly #byId = new Map<string, Member>()
  readonly #byUrl = new Map<string, Member>()

  replace(members: readonly Member[]): void {
    this.#byId.clear()
    this.#byUrl.clear()
    for (const member of members) this.add(member)
  }

  add(member: Member): void {
    this.#byId.set(member.endpoint.id, member)
    this.#byUrl.set(member.endpoint.url, member)
  }

  remove({ endpoint }: Member): void {
    this.#byId.delete(endpoint.id)
    this.#byUrl.delete(endpoint.url)
  }

  find(id: string): Member | undefined {
    return this.#byId.get(id)
  }

  /** The member that has the id or the address of `endpoint`. */
  twinOf({ id, url }: Endpoint): Member | undefined {
    return this.#byId.get(id) ?? this.#byUrl.get(url)
  }
}
