// Arrays of structures, and how they are put behind a header.

const alignment = 8;

/** A growing array of structures of one size. */
export class Section {
  readonly #size: number;
  #view = new DataView(new ArrayBuffer(1024));
  #count = 0;

  constructor(size: number) {
    this.#size = size;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.#view.buffer, 0, this.#count * this.#size);
  }

  /** The fields of the new structure are 0 unless `write` sets them. */
  add(write: (view: DataView, offset: number) => void): void {
    const offset = this.#count * this.#size;
    if (offset + this.#size > this.#view.byteLength) {
      const bytes = new Uint8Array(this.#view.byteLength * 2);
      bytes.set(this.bytes);
      this.#view = new DataView(bytes.buffer);
    }
    this.#count++;
    write(this.#view, offset);
  }
}

export function sectionOf<T>(
  size: number,
  entries: Iterable<T>,
  write: (view: DataView, offset: number, entry: T) => void,
): Section {
  const section = new Section(size);
  for (const entry of entries) {
    section.add((view, offset) => {
      write(view, offset, entry);
    });
  }
  return section;
}

export interface PlacedSection {
  /** Where the header has the section's count. */
  readonly countAt: number;
  readonly section: Section;
}

/** Puts the sections one behind the other behind a header of `headerSize` bytes. */
export function writeSections(headerSize: number, sections: readonly PlacedSection[]): Uint8Array {
  const size = sections.reduce((end, { section }) => align(end + section.bytes.byteLength), headerSize);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let end = headerSize;
  for (const { countAt, section } of sections) {
    view.setUint32(countAt, section.count, true);
    bytes.set(section.bytes, end);
    end = align(end + section.bytes.byteLength);
  }
  return bytes;
}

function align(offset: number): number {
  return Math.ceil(offset / alignment) * alignment;
}
