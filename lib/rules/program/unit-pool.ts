/** The texts of a program, each of which is there once. */
export class UnitPool {
  readonly #firsts = new Map<string, number>();
  #count = 0;

  /** The number of the first unit. */
  add(text: string): number {
    const known = this.#firsts.get(text);
    if (known !== undefined) return known;
    const first = this.#count;
    this.#firsts.set(text, first);
    this.#count += text.length;
    return first;
  }

  *units(): Generator<number> {
    for (const text of this.#firsts.keys()) {
      for (let index = 0; index < text.length; index++) yield text.charCodeAt(index);
    }
  }
}

/** FNV-1a with 32 bits, one step for each unit. */
export function hashUnits(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}
