// What Windows demands of a driver: test signing, Secure Boot, memory integrity, and policies.

import { readdirSync } from 'node:fs';
import { win32 } from 'node:path';
import type { ServiceContext } from '../context.js';
import { registryNumber } from '../record.js';
import { finding, type Finding } from './finding.js';

/** CODEINTEGRITY_OPTION_*, as the reference page of NtQuerySystemInformation has them. */
const option = { enabled: 0x1, testSign: 0x2, userMode: 0x4, userModeAudit: 0x8, hvci: 0x400, hvciAudit: 0x800 };

const secureBootKey = 'SYSTEM\\CurrentControlSet\\Control\\SecureBoot\\State';
const hvciKey = 'SYSTEM\\CurrentControlSet\\Control\\DeviceGuard\\Scenarios\\HypervisorEnforcedCodeIntegrity';
const policyKey = 'SYSTEM\\CurrentControlSet\\Control\\CI\\Policy';

function isSecureBoot({ windows }: ServiceContext): boolean | null {
  const value = registryNumber(windows, secureBootKey, 'UEFISecureBootEnabled');
  return value === null ? null : value !== 0;
}

/** `for tests`: the driver that is to run has no other signature. `accepted`: it runs. */
export type DriverSigning = 'for tests' | 'other' | 'accepted';

export function testSigning(context: ServiceContext, signing: DriverSigning): Finding {
  const options = context.windows.codeIntegrityOptions();
  if (options === null) return finding('test-signing', 'warning', 'Windows does not tell whether test signing is on.');
  const details = { codeIntegrityOptions: options };
  if ((options & option.testSign) !== 0) {
    return finding(
      'test-signing',
      'ok',
      'Test signing is on: drivers that any certificate has signed are loaded.',
      null,
      details,
    );
  }
  if ((options & option.enabled) === 0) {
    return finding('test-signing', 'note', 'Windows does not check signatures of drivers at all.', null, details);
  }
  if (signing !== 'for tests') {
    const text = `Test signing is off, and the installed driver ${signing === 'accepted' ? 'runs all the same' : 'is not signed for tests'}.`;
    return finding('test-signing', 'ok', text, null, details);
  }
  const next =
    isSecureBoot(context) === true
      ? 'Turn Secure Boot off in the settings of the (virtual) machine; then bcdedit /set testsigning on, and restart Windows'
      : 'bcdedit /set testsigning on, and restart Windows';
  return finding(
    'test-signing',
    'problem',
    'Test signing is off: a driver with a test signature is not loaded.',
    next,
    details,
  );
}

export function secureBoot(context: ServiceContext): Finding {
  const on = isSecureBoot(context);
  if (on === null) return finding('secure-boot', 'ok', 'This machine has no Secure Boot.');
  if (!on) return finding('secure-boot', 'ok', 'Secure Boot is off.');
  return finding(
    'secure-boot',
    'note',
    'Secure Boot is on: test signing cannot be turned on so, and only drivers that Microsoft has signed are loaded.',
    'For a test signature, turn it off in the settings of the (virtual) machine',
  );
}

export function memoryIntegrity({ windows }: ServiceContext): Finding {
  const options = windows.codeIntegrityOptions() ?? 0;
  const runs = (options & option.hvci) !== 0;
  const wanted = registryNumber(windows, hvciKey, 'Enabled') === 1;
  const details = { runs, wanted, isAudit: (options & option.hvciAudit) !== 0 };
  if (!runs && !wanted) return finding('memory-integrity', 'ok', 'Memory integrity (HVCI) is off.', null, details);
  if (!runs) {
    return finding(
      'memory-integrity',
      'note',
      'Memory integrity (HVCI) is to be on after the next restart.',
      null,
      details,
    );
  }
  return finding(
    'memory-integrity',
    'note',
    'Memory integrity (HVCI) is on. The driver has no section that is writable and executable, as it demands; its signature it checks all the same.',
    null,
    details,
  );
}

export function smartAppControl({ windows }: ServiceContext): Finding {
  const state = registryNumber(windows, policyKey, 'VerifiedAndReputablePolicyState');
  if (state === null || state === 0)
    return finding('smart-app-control', 'ok', 'Smart App Control is off.', null, { state });
  if (state === 2) {
    return finding(
      'smart-app-control',
      'note',
      'Smart App Control evaluates this machine, and blocks nothing yet.',
      null,
      { state },
    );
  }
  return finding(
    'smart-app-control',
    'warning',
    'Smart App Control is on: it blocks programs and addons that nobody it trusts has signed, cmbridge.node among them.',
    'Use a machine without it; turned off, it cannot be turned on again without a new installation of Windows',
    { state },
  );
}

export function appControl({ windows, systemRoot }: ServiceContext): Finding {
  const folder = win32.join(systemRoot, 'System32', 'CodeIntegrity', 'CiPolicies', 'Active');
  const policies = files(folder).filter((name) => name.toLowerCase().endsWith('.cip'));
  const single = files(win32.dirname(win32.dirname(folder))).filter((name) => name.toLowerCase() === 'sipolicy.p7b');
  const options = windows.codeIntegrityOptions() ?? 0;
  const userMode = (options & option.userMode) !== 0;
  const details = { policies: [...policies, ...single], userMode, isAudit: (options & option.userModeAudit) !== 0 };
  if (details.policies.length === 0)
    return finding('app-control', 'ok', 'No App Control policy is active.', null, details);
  return finding(
    'app-control',
    userMode || single.length > 0 ? 'warning' : 'note',
    `App Control policies are active (${details.policies.length}; Windows brings some along)${userMode ? ', also for programs' : ''}. If the driver is blocked, event 3077 names the policy.`,
    'citool.exe --list-policies',
    details,
  );
}

function files(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
