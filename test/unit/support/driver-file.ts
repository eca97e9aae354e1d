// Driver files for tests: 64-bit PE files that hold nothing but what is looked at, and that tools for signing take.

export interface DriverFileOptions {
  /** IMAGE_FILE_MACHINE_*. Default: x64. */
  readonly machine?: number;
  readonly subsystem?: number;
  /** Of the version resource. */
  readonly version?: readonly [number, number, number, number];
  /** Makes one file differ from another. */
  readonly filling?: string;
}

const peOffset = 0x80;
const optional = peOffset + 24;
export const checksumOffset = optional + 64;
const securityOffset = optional + 112 + 4 * 8;

export function driverFile({ machine = 0x8664, subsystem = 1, version, filling = '' }: DriverFileOptions = {}): Buffer {
  const file = Buffer.alloc(0x600);
  file.write('MZ', 0, 'latin1');
  file.writeUInt32LE(peOffset, 0x3c);
  file.write('PE\0\0', peOffset, 'latin1');
  file.writeUInt16LE(machine, peOffset + 4);
  file.writeUInt16LE(1, peOffset + 6);
  file.writeUInt16LE(240, peOffset + 20);
  file.writeUInt16LE(0x22, peOffset + 22);
  file.writeUInt16LE(0x20b, optional);
  file.writeUInt32LE(0x1000, optional + 32);
  file.writeUInt32LE(0x200, optional + 36);
  file.writeUInt32LE(0x2000, optional + 56);
  file.writeUInt32LE(0x200, optional + 60);
  file.writeUInt16LE(subsystem, optional + 68);
  file.writeUInt32LE(16, optional + 108);
  const section = optional + 240;
  file.write('.text', section, 'latin1');
  file.writeUInt32LE(0x400, section + 8);
  file.writeUInt32LE(0x1000, section + 12);
  file.writeUInt32LE(0x400, section + 16);
  file.writeUInt32LE(0x200, section + 20);
  file.writeUInt32LE(0x60000020, section + 36);
  file.write(filling, 0x400, 'latin1');
  if (version !== undefined) {
    file.writeUInt32LE(0xfeef04bd, 0x300);
    file.writeUInt32LE(0x10000, 0x304);
    file.writeUInt32LE(version[0] * 0x10000 + version[1], 0x308);
    file.writeUInt32LE(version[2] * 0x10000 + version[3], 0x30c);
  }
  return file;
}

function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const length = content.length < 0x80 ? [content.length] : [0x82, content.length >> 8, content.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

/** With a signature of that shape that carries the certificates; nobody has signed anything. */
export function signedFile(file: Uint8Array, ...certificates: Uint8Array[]): Buffer {
  const oid = der(0x06, Buffer.from('2a864886f70d010702', 'hex'));
  const nothing = der(0x30);
  const signed = der(0x30, der(0x02, Buffer.from([1])), der(0x31), nothing, der(0xa0, ...certificates));
  const pkcs7 = der(0x30, oid, der(0xa0, signed));
  const size = 8 + pkcs7.length + ((8 - (pkcs7.length % 8)) % 8);
  const table = Buffer.alloc(size);
  table.writeUInt32LE(size, 0);
  table.writeUInt16LE(0x200, 4);
  table.writeUInt16LE(2, 6);
  pkcs7.copy(table, 8);
  const result = Buffer.concat([file, Buffer.alloc((8 - (file.length % 8)) % 8), table]);
  result.writeUInt32LE(result.length - size, securityOffset);
  result.writeUInt32LE(size, securityOffset + 4);
  result.writeUInt32LE(0x1234, checksumOffset);
  return result;
}

/** Made with: openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 36500 -subj "/CN=cmbridge test signing of tests". Its key is nowhere. */
export const testCertificate = Buffer.from(
  'MIIBqTCCAU+gAwIBAgIUO/2bjkgU85J3+w0frG+xxxgW5MowCgYIKoZIzj0EAwIwKTEnMCUGA1UEAwweY21icmlkZ2UgdGVzdCBzaWduaW5nIG9mIHRlc3RzMCAXDTI2MTIwMTAxMDMwMloYDzIxMjYxMTA3MDEwMzAyWjApMScwJQYDVQQDDB5jbWJyaWRnZSB0ZXN0IHNpZ25pbmcgb2YgdGVzdHMwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAT9LfGaxAFw9WQib5pm3qrnuX2I6kRhZuTpDD0xXglGIjOnYMF6fztDFkVOfayOlWP3U6s4m6jFyaDaidvEDZOto1MwUTAdBgNVHQ4EFgQUmv/CzP1D8Ss5ZOThOfim6bDwScYwHwYDVR0jBBgwFoAUmv/CzP1D8Ss5ZOThOfim6bDwScYwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiBGlH+baU6Ij92e0+fSnLJKPcrKEnoBuK2g+6YwcFTYfAIhAN6h3PW6dJiJaWvYioMXZZKHmlVCj0pjg/ECFQkbJOSq',
  'base64',
);
