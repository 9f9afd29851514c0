/** One epoll, and who is told of what is ready in it. Everything happens inside turn(). */
import { Epoll } from "./libc.ts";

/** Of one epoll_wait. */
const EVENTS = 1024;

/** Has sockets, each by a number of its own. */
export interface Owner {
  /** This socket can be read, written, or is at its end: `mask` are epoll's bits. */
  ready(index: number, mask: number): void;
}

export class Reactor {
  readonly #epoll = new Epoll(EVENTS);
  readonly #owners: Owner[] = [];

  /** @returns the number by which watch() knows it; free again after leave(). */
  join(owner: Owner): number {
    return this.#owners.push(owner) - 1;
  }

  /** The one who joined last leaves, all its sockets closed. */
  leave(owner: number): void {
    if (owner !== this.#owners.length - 1) throw new Error("Cannot leave the reactor: others joined later");
    this.#owners.pop();
  }

  watch(fd: number, mask: number, owner: number, index: number): void {
    this.#epoll.add(fd, mask, owner, index);
  }

  change(fd: number, mask: number, owner: number, index: number): void {
    this.#epoll.change(fd, mask, owner, index);
  }

  /** Tells the owners of all that is ready, waiting so long for the first. @returns how many were ready. */
  turn(timeoutMs: number): number {
    const count = this.#epoll.wait(timeoutMs);
    for (let event = 0; event < count; event++) {
      this.#owners[this.#epoll.owner(event)]!.ready(this.#epoll.index(event), this.#epoll.mask(event));
    }
    return count;
  }

  /**
   * Turns until it is so.
   *
   * @param progress A number that moves while there is hope.
   * @returns false where `progress` has stood still for `patienceMs`.
   */
  until(isSo: () => boolean, progress: () => number, patienceMs: number): boolean {
    let seen = progress();
    let end = performance.now() + patienceMs;
    while (!isSo()) {
      const left = end - performance.now();
      if (left <= 0) return false;
      this.turn(Math.ceil(left));
      const now = progress();
      if (now === seen) continue;
      seen = now;
      end = performance.now() + patienceMs;
    }
    return true;
  }
}
