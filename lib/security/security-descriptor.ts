// Security descriptors in events.

import { sidText } from './sid.js';
import { writeSddl } from './sddl-write.js';

/** A self-relative security descriptor as it was captured. */
export interface SecurityDescriptor {
  /** As Windows writes it; null when the descriptor is cut short or damaged. */
  readonly sddl: string | null;
  readonly bytes: Uint8Array;
  /** `S-1-...`; null when the descriptor has none, or damaged ones. */
  // @json sid
  readonly owner: string | null;
  // @json sid
  readonly group: string | null;
  /** `bytes` is only the start of it. */
  readonly truncated: boolean;
  /** The caller's memory could not be read. */
  readonly fault: boolean;
}

export interface CapturedDescriptor {
  readonly bytes: Uint8Array;
  readonly truncated: boolean;
  readonly fault: boolean;
}

/** Never throws: what is damaged is null. */
export function decodeSecurityDescriptor({ bytes, truncated, fault }: CapturedDescriptor): SecurityDescriptor {
  return {
    sddl: writeSddl(bytes),
    bytes,
    owner: sidAt(bytes, 4),
    group: sidAt(bytes, 8),
    truncated,
    fault,
  };
}

function sidAt(bytes: Uint8Array, field: number): string | null {
  if (bytes.byteLength < 20) return null;
  const offset = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(field, true);
  return offset < 20 ? null : sidText(bytes, offset);
}
