// Upper case as the kernel has it, and paths that are equal by it.

const separator = 0x5c;

/** Unicode's simple mappings that ECMAScript does not tell: its own upper case of these has two or three units. */
const titleCase: readonly (readonly [first: number, last: number, delta: number])[] = [
  [0x1f80, 0x1f87, 8],
  [0x1f90, 0x1f97, 8],
  [0x1fa0, 0x1fa7, 8],
  [0x1fb3, 0x1fb3, 9],
  [0x1fc3, 0x1fc3, 9],
  [0x1ff3, 0x1ff3, 9],
];

let table: Uint16Array | null = null;

/**
 * The kernel upcases one UTF-16 unit to one, whatever stands beside it and whatever the locale. Units whose upper case does not
 * come back when lower-cased (dotless i, long s, micro sign) stay as they are.
 */
function upperUnits(): Uint16Array {
  if (table !== null) return table;
  const units = new Uint16Array(0x10000);
  for (let unit = 0; unit < units.length; unit++) {
    const text = String.fromCharCode(unit);
    const upper = text.toUpperCase();
    units[unit] = upper.length === 1 && upper.toLowerCase() === text ? upper.charCodeAt(0) : unit;
  }
  for (const [first, last, delta] of titleCase) {
    for (let unit = first; unit <= last; unit++) units[unit] = unit + delta;
  }
  table = units;
  return units;
}

/** Upper case as the kernel has it. Unit for unit, so nothing is lost: embedded NULs and unpaired surrogates stay. */
export function upcase(text: string): string {
  let isAscii = true;
  for (let index = 0; index < text.length && isAscii; index++) isAscii = text.charCodeAt(index) < 0x80;
  if (isAscii) return text.toUpperCase();
  const upper = upperUnits();
  const units = Buffer.from(text, 'utf16le');
  for (let offset = 0; offset < units.length; offset += 2) {
    units.writeUInt16LE(upper[units.readUInt16LE(offset)] ?? 0, offset);
  }
  return units.toString('utf16le');
}

/**
 * Whether two paths spell the same key, in any case, with doubled or trailing separators or without. It does not know that one key
 * can have several names: compare what `canonicalKey` makes of them for that.
 */
export function equalKeys(a: string, b: string): boolean {
  if (a === b) return true;
  let i = 0;
  let j = 0;
  for (;;) {
    const isEndOfA = atEnd(a, i);
    if (isEndOfA || atEnd(b, j)) return isEndOfA && atEnd(b, j);
    const unit = a.charCodeAt(i);
    const other = b.charCodeAt(j);
    if (unit !== other && !equalUnits(unit, other)) return false;
    i = next(a, i);
    j = next(b, j);
  }
}

/** At the end, or where only separators follow. A path of separators alone is not empty. */
function atEnd(path: string, position: number): boolean {
  if (position === 0) return path === '';
  let end = position;
  while (path.charCodeAt(end) === separator) end++;
  return end === path.length;
}

function next(path: string, position: number): number {
  if (path.charCodeAt(position) !== separator) return position + 1;
  let end = position + 1;
  while (path.charCodeAt(end) === separator) end++;
  return end;
}

function equalUnits(a: number, b: number): boolean {
  const upper = upperUnits();
  return upper[a] === upper[b];
}
