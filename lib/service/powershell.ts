// Signing with what Windows has: Windows PowerShell and its cmdlets.

import { win32 } from 'node:path';
import { CmBridgeError, invalidArgument } from '../base/errors.js';
import { loadNative } from '../native/native-loader.js';
import { runTool } from './run-tool.js';
import { SIGN_SCRIPT } from './sign-script.js';
import type { SigningCertificate } from './sign.js';

export async function signWithPowerShell(file: string, certificate: SigningCertificate | null): Promise<void> {
  if (certificate !== null && !('thumbprint' in certificate)) {
    throw invalidArgument('On Windows a certificate is named by its thumbprint, and lies in a store of certificates');
  }
  const { windows } = loadNative();
  if (windows === null) throw new CmBridgeError('CMB_NOT_SUPPORTED', 'Windows PowerShell is part of Windows');
  const program = win32.join(windows.systemRoot(), 'System32', 'WindowsPowerShell', 'v1.0', 'powershell.exe');
  // PowerShell 7 sets PSModulePath for the programs that it starts, and with its modules Windows PowerShell does not find its own.
  const inherited = Object.entries(process.env).filter(([name]) => name.toLowerCase() !== 'psmodulepath');
  const env = {
    ...Object.fromEntries(inherited),
    CMBRIDGE_FILE: file,
    CMBRIDGE_THUMBPRINT: certificate?.thumbprint ?? '',
  };
  const script = Buffer.from(SIGN_SCRIPT, 'utf16le').toString('base64');
  const args = ['-NoProfile', '-NonInteractive', '-ExecutionPolicy', 'Bypass', '-EncodedCommand', script];
  const { code, errors } = await runTool(program, args, { env }).catch((cause: unknown) => {
    throw new CmBridgeError('CMB_SIGNING_FAILED', `Windows PowerShell (${program}) does not start`, { cause });
  });
  if (code !== 0) throw new CmBridgeError('CMB_SIGNING_FAILED', `Windows PowerShell could not sign: ${plain(errors)}`);
}

/** Errors of an encoded command come as CLIXML. */
export function plain(errors: string): string {
  if (!errors.startsWith('#< CLIXML')) return errors.trim();
  const texts = [...errors.matchAll(/<S S="Error">([^<]*)<\/S>/g)].map(([, text = '']) => text);
  return texts
    .join('')
    .replaceAll('_x000D__x000A_', '\n')
    .replaceAll('&gt;', '>')
    .replaceAll('&lt;', '<')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&')
    .trim();
}
