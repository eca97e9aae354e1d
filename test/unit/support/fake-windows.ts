// A Windows for tests of the service room: services, a registry, stores of certificates, and a kernel that loads or refuses.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NativeRegistryValue, NativeService, NativeServices, NativeWindows } from '../../../lib/native/native.js';
import type { Driver } from '../../../lib/driver/driver.js';
import { CmBridgeError } from '../../../lib/base/errors.js';
import { parseSddl } from '../../../lib/security/sddl.js';
import { SERVICE_KEY, type ServiceContext } from '../../../lib/service/context.js';
import { readImage } from '../../../lib/service/pe-image.js';
import { signedFile, testCertificate } from './driver-file.js';

/** Calls of Windows end later, as rejections when they fail. */
async function later<T>(act: () => T): Promise<T> {
  await Promise.resolve();
  return act();
}

const running = 4;
const stopped = 1;
export const thumbprint = createHash('sha1').update(testCertificate).digest('hex');

export function windowsError(code: number): Error {
  return Object.assign(new Error(`it failed with error ${code}`), { windowsError: code });
}

export const safeFolder = 'O:BAD:(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)';

export class FakeWindows implements NativeWindows {
  readonly folder = mkdtempSync(join(tmpdir(), 'cmbridge-service-'));
  readonly root = mkdtempSync(join(tmpdir(), 'cmbridge-package-'));
  readonly registry = new Map<string, NativeRegistryValue>();
  readonly stores = new Map<string, Set<string>>();
  readonly folders = new Map<string, string>();
  service: NativeService | null = null;
  elevated = true;
  machine = 0x8664;
  options: number | null = 3;
  /** The hash of what is loaded, which a file that is exchanged does not change. */
  loaded: string | null = null;
  /** What the kernel says to a file: 0, or an error of Windows. */
  verdict: (file: Buffer) => number = () => 0;
  usage = { sessions: 0, registrations: 0 };
  /** So many calls that change something are done; the next one fails, once. */
  failAfter: number | null = null;
  changes = 0;

  readonly services: NativeServices = {
    query: () => later(() => this.service),
    create: (_name, config) =>
      later(() => {
        this.#change();
        if (this.service !== null) throw windowsError(1073);
        this.service = { ...config, type: 1, state: stopped, exitCode: 0 };
      }),
    change: (_name, config) =>
      later(() => {
        this.#change();
        this.service = { ...this.#service(), ...config };
      }),
    start: () =>
      later(() => {
        this.#change();
        const { path } = this.#service();
        if (!existsSync(path)) throw windowsError(2);
        const file = readFileSync(path);
        const refusal = this.verdict(file);
        if (refusal !== 0) throw windowsError(refusal);
        this.loaded = readImage(file, path).hash;
        this.service = { ...this.#service(), state: running };
      }),
    stop: () =>
      later(() => {
        this.#change();
        this.loaded = null;
        this.service = { ...this.#service(), state: stopped };
      }),
    delete: () =>
      later(() => {
        this.#change();
        this.#service();
        this.service = null;
        for (const name of this.registry.keys()) if (name.startsWith(SERVICE_KEY)) this.registry.delete(name);
      }),
  };

  #service(): NativeService {
    if (this.service === null) throw windowsError(1060);
    return this.service;
  }

  #change(): void {
    if (this.failAfter !== null && this.changes === this.failAfter) {
      this.failAfter = null;
      throw windowsError(5);
    }
    this.changes++;
  }

  isElevated = () => this.elevated;
  systemRoot = () => '/windows';
  nativeMachine = () => this.machine;
  codeIntegrityOptions = () => this.options;
  fileSecurity = (path: string) => parseSddl(this.folders.get(path) ?? safeFolder);

  readRegistry = (key: string, name: string) => this.registry.get(`${key}\\:${name}`) ?? null;

  registryKeys = (key: string) => {
    const below = [...this.registry.keys()].filter(
      (name) => name.startsWith(`${key}\\`) && !name.startsWith(`${key}\\:`),
    );
    return below.length === 0
      ? null
      : [...new Set(below.map((name) => name.slice(key.length + 1).split('\\')[0] ?? ''))];
  };

  writeRegistry = (key: string, name: string, type: number, data: Uint8Array) => {
    this.#change();
    this.registry.set(`${key}\\:${name}`, { type, data });
  };

  setText(key: string, name: string, text: string): void {
    this.registry.set(`${key}\\:${name}`, { type: 1, data: Buffer.from(`${text}\0`, 'utf16le') });
  }

  setNumber(key: string, name: string, value: number): void {
    const data = Buffer.alloc(4);
    data.writeUInt32LE(value);
    this.registry.set(`${key}\\:${name}`, { type: 4, data });
  }

  hasCertificate = (store: string, hash: Uint8Array) =>
    this.stores.get(store)?.has(Buffer.from(hash).toString('hex')) === true;

  addCertificate = (store: string, certificate: Uint8Array) => {
    this.#change();
    const hash = createHash('sha1').update(certificate).digest('hex');
    this.stores.set(store, new Set([...(this.stores.get(store) ?? []), hash]));
  };

  removeCertificate = (store: string, hash: Uint8Array) => {
    this.stores.get(store)?.delete(Buffer.from(hash).toString('hex'));
  };

  /** All that an installation may change. */
  snapshot(): unknown {
    const files = readdirSync(this.folder).map((name) => [
      name,
      readFileSync(join(this.folder, name)).toString('base64'),
    ]);
    const registry = [...this.registry].map(([name, { data }]) => [name, Buffer.from(data).toString('hex')]).sort();
    const stores = [...this.stores].flatMap(([name, hashes]) => [...hashes].map((hash) => `${name} ${hash}`)).sort();
    return structuredClone({ service: this.service, loaded: this.loaded, files, registry, stores });
  }

  writePackageDriver(bytes: Uint8Array, machine = 'x64'): void {
    const folder = join(this.root, 'prebuilds', `win32-${machine}`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'cmbridge.sys'), bytes);
  }

  context(): ServiceContext {
    return {
      windows: this,
      systemRoot: '/windows',
      packageRoot: this.root,
      packageVersion: '0.1.0',
      sign: (file) =>
        later(() => {
          const signed = signedFile(readFileSync(file), testCertificate);
          writeFileSync(file, signed);
          return { thumbprint, subject: 'CN=cmbridge test signing of tests', hash: readImage(signed, file).hash };
        }),
      open: () => later(() => this.#open()),
      delay: () => Promise.resolve(),
    };
  }

  #open(): Driver {
    if (this.loaded === null) throw new CmBridgeError('CMB_DRIVER_NOT_FOUND', 'no device');
    const { sessions, registrations } = this.usage;
    const driver = {
      protocol: { major: 1, minor: 0 },
      statistics: () => Promise.resolve({ sessions: sessions + 1, registrations }),
      close: () => Promise.resolve(),
      registerCallback: () => Promise.resolve({ unregister: () => Promise.resolve() }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    return driver as unknown as Driver;
  }

  [Symbol.dispose](): void {
    for (const folder of [this.folder, this.root]) rmSync(folder, { recursive: true, force: true });
  }
}
