// The hash of a text, by which the driver finds it.

/** FNV-1a with 32 bits, one step for each unit. */
export function hashUnits(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}
