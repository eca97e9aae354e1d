// What NtSetInformationKey takes, decoded by information class.

import { controlFlags, type Flags } from './flags.js';
import {
  decodeLayer,
  flagsAt,
  informationClass,
  type Decoded,
  type Decoders,
  type LayerFields,
} from './key-information-class.js';
import type { Captured } from '../wire/captured.js';

/** What NtSetInformationKey takes, by KEY_SET_INFORMATION_CLASS. Times are nanoseconds since 1970. */
interface SetInformationFields {
  KeyWriteTimeInformation: {
    // @json time
    lastWriteTime: bigint | null;
  };
  KeyWow64FlagsInformation: { userFlags: number | null };
  KeyControlFlagsInformation: { controlFlags: Flags | null };
  KeySetVirtualizationInformation: {
    virtualTarget: boolean | null;
    virtualStore: boolean | null;
    virtualSource: boolean | null;
  };
  /** Its structure is published nowhere. */
  KeySetDebugInformation: object;
  KeySetHandleTagsInformation: { handleTags: number | null };
  KeySetLayerInformation: LayerFields;
}

/** Narrows on `class`. What was not captured is null, and `truncated` tells that there is such. */
export type DecodedSetInformation = Decoded<SetInformationFields>;

/** In the order of KEY_SET_INFORMATION_CLASS. */
const decoders: Decoders<SetInformationFields> = {
  KeyWriteTimeInformation: (r) => ({ class: 'KeyWriteTimeInformation', truncated: false, lastWriteTime: r.time(0) }),
  KeyWow64FlagsInformation: (r) => ({ class: 'KeyWow64FlagsInformation', truncated: false, userFlags: r.u32(0) }),
  KeyControlFlagsInformation: (r) => ({
    class: 'KeyControlFlagsInformation',
    truncated: false,
    controlFlags: flagsAt(r, 0, controlFlags),
  }),
  KeySetVirtualizationInformation: (r) => ({
    class: 'KeySetVirtualizationInformation',
    truncated: false,
    virtualTarget: r.bit(0, 0),
    virtualStore: r.bit(0, 1),
    virtualSource: r.bit(0, 2),
  }),
  KeySetDebugInformation: () => ({ class: 'KeySetDebugInformation', truncated: false }),
  KeySetHandleTagsInformation: (r) => ({
    class: 'KeySetHandleTagsInformation',
    truncated: false,
    handleTags: r.u32(0),
  }),
  KeySetLayerInformation: (r) => decodeLayer(r, 'KeySetLayerInformation'),
};

const setClasses = informationClass(decoders, 'KeySetInformation');

/** `KeyWriteTimeInformation` and so on, `KeySetInformation_0x...` for a number that has no name. */
export const keySetInformationClassName = setClasses.name;

/** Null for a class that is not known, and when nothing was captured. Never throws. */
export const decodeSetInformationClass: (number: number, captured: Captured) => DecodedSetInformation | null =
  setClasses.decode;
