// Value names and values as a line of text shows them.

import type { RegistryValue } from '../registry/registry-value.js';

export function formatValueName(name: string | null): string {
  if (name === null) return '?';
  return name === '' ? '(Default)' : JSON.stringify(name);
}

export function formatValue(value: RegistryValue): string {
  if (value.fault) return `${value.type} (unreadable)`;
  const more = value.truncated ? ` … (${value.size} bytes)` : '';
  if (value.malformed) return `${value.type} malformed ${hex(value.bytes)}${more}`;
  switch (value.type) {
    case 'REG_DWORD':
    case 'REG_DWORD_BIG_ENDIAN':
      return `${value.type} 0x${value.data.toString(16).padStart(8, '0')} (${value.data})`;
    case 'REG_QWORD':
      return `${value.type} 0x${value.data.toString(16).padStart(16, '0')} (${value.data})`;
    case 'REG_SZ':
    case 'REG_EXPAND_SZ':
    case 'REG_LINK':
    case 'REG_MULTI_SZ':
      return `${value.type} ${JSON.stringify(value.data)}${more}`;
    default:
      return `${value.type} ${hex(value.bytes)}${more}`.trimEnd();
  }
}

function hex(bytes: Uint8Array): string {
  const shown = Buffer.from(bytes.subarray(0, 32))
    .toString('hex')
    .replace(/..(?=.)/g, '$& ');
  return bytes.byteLength > 32 ? `${shown} …` : shown;
}
