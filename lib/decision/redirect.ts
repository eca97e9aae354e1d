// The check of the path that an open is redirected to.

import type { CreateFields, NotificationEvent } from '../event/event.js';
import { CmBridgeError } from '../base/errors.js';
import { canonicalKey } from '../registry/key-alias.js';
import { quote } from '../base/options.js';
import { keyHive, nativeKey } from '../registry/registry-path.js';
import { DecisionError } from './error.js';

/** Length of a UNICODE_STRING is an even number of 16 bits. */
const maxPathBytes = 65534;
const maxNameLength = 255;
const someUser = 'S-1-5-21-0-0-0-1000';

/** For the constructor: all that can be wrong with a path for whoever the caller is. */
export function checkTarget(path: unknown): string {
  nativeTarget(path, someUser, null);
  return path as string;
}

/** `\REGISTRY\...` without doubled or trailing separators. */
export function redirectTarget(
  path: unknown,
  event: NotificationEvent & CreateFields,
  controlSet: number | undefined,
): string {
  const target = nativeTarget(path, event.user, event.class);
  const asked = event.requestedPath;
  const isWhole = asked !== null && !event.truncated && keyHive(asked) !== null;
  if (isWhole && canonicalKey(target, { controlSet }) === canonicalKey(asked, { controlSet })) {
    throw new DecisionError(
      event.class,
      `redirect(): ${quote(path)} is the key that was asked for; allow() lets the operation go on to it`,
    );
  }
  return target;
}

function nativeTarget(path: unknown, user: string | null, where: string | null): string {
  if (typeof path !== 'string' || path === '') {
    throw new DecisionError(
      where,
      `redirect(): a path such as "HKLM\\\\SOFTWARE\\\\..." is needed, not ${quote(path)}`,
    );
  }
  const names = native(path, user, where)
    .split('\\')
    .filter((name) => name !== '');
  const target = `\\${names.join('\\')}`;
  const hive = keyHive(target);
  if (hive === null) {
    throw new DecisionError(
      where,
      `redirect(): ${quote(path)} is in no hive; expected \\REGISTRY\\MACHINE\\... or \\REGISTRY\\USER\\...`,
    );
  }
  if (hive === 'application') {
    throw new DecisionError(
      where,
      `redirect(): ${quote(path)} is in an application hive, which nobody opens by a path`,
    );
  }
  const long = names.find((name) => name.length > maxNameLength);
  if (long !== undefined) {
    throw new DecisionError(
      where,
      `redirect(): ${quote(long)} has ${long.length} characters; the name of a key has at most ${maxNameLength}`,
    );
  }
  if (target.length * 2 > maxPathBytes) {
    throw new DecisionError(
      where,
      `redirect(): the path has ${target.length * 2} bytes; the kernel takes at most ${maxPathBytes}`,
    );
  }
  return target;
}

function native(path: string, user: string | null, where: string | null): string {
  if (user === null && /^(HKCU|HKEY_CURRENT_USER)(\\|$)/i.test(path)) {
    throw new DecisionError(
      where,
      `redirect(): ${quote(path)} is a key of the caller's user, who is not known; name it as HKU\\<SID>\\...`,
    );
  }
  try {
    return nativeKey(path, user ?? someUser);
  } catch (error) {
    if (!(error instanceof CmBridgeError)) throw error;
    throw new DecisionError(where, `redirect(): ${error.message}`, { cause: error });
  }
}
